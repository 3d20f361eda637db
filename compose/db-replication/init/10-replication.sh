#!/bin/bash
# The image runs this once, when a server starts without data: the master gets its accounts and a first table, a slave
# gets a copy of the master and follows it from there. Nothing has to be done when a slave is added later.
set -euo pipefail

secret() { cat "/run/secrets/$1"; }
root() { printf '[client]\nuser=root\npassword=%s\n' "$(secret root)"; }

if command -v mariadb >/dev/null; then
    family=mariadb client=mariadb dump=mariadb-dump
else
    family=mysql client=mysql dump=mysqldump
fi
local_server() { "$client" --defaults-extra-file=<(root) "$@"; }
master() { "$client" --defaults-extra-file=<(root) --host="$MASTER" --connect-timeout=2 "$@"; }

set_up_master() {
    local monitor more
    if [ $family = mariadb ]; then
        # With these, clients with mysql_native_password log in without being asked twice.
        monitor='REPLICA MONITOR, REPLICATION MASTER ADMIN'
        more="GRANT SELECT ON mysql.user TO monitor@'%'; GRANT SELECT ON mysql.global_priv TO monitor@'%';"
    else
        # REPLICATION SLAVE lets the monitor ask who follows; performance_schema knows the lag to the microsecond.
        monitor='REPLICATION CLIENT, REPLICATION SLAVE'
        more="GRANT SELECT ON performance_schema.* TO monitor@'%';"
    fi
    local_server <<SQL
CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(50) NOT NULL, amount INT NOT NULL);
INSERT INTO shop.orders (item, amount) VALUES ('apple', 1), ('pear', 2), ('plum', 3);
CREATE USER app@'%' IDENTIFIED BY '$(secret app)';
GRANT ALL ON shop.* TO app@'%';
CREATE USER monitor@'%' IDENTIFIED BY '$(secret monitor)';
GRANT $monitor ON *.* TO monitor@'%';
$more
CREATE USER repl@'%' IDENTIFIED BY '$(secret repl)';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
SQL
}

wait_for_master() {
    local deadline=$((SECONDS + 300))
    until master --execute 'SELECT 1' >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            master --execute 'SELECT 1' # says why
            echo "10-replication.sh: the master ($MASTER) does not answer" >&2
            exit 1
        fi
        sleep 1
    done
}

follow_master() {
    # What start.sh looks for: as long as this is there, the copy is not whole.
    touch /var/lib/mysql/copying
    wait_for_master
    local options=(--host="$MASTER" --all-databases --single-transaction --routines --events --triggers)
    if [ $family = mariadb ]; then
        "$dump" --defaults-extra-file=<(root) "${options[@]}" --master-data=1 --gtid |
            local_server --init-command='SET SESSION sql_log_bin = 0'
        local_server <<SQL
FLUSH PRIVILEGES;
RESET MASTER;
CHANGE MASTER TO MASTER_HOST='$MASTER', MASTER_USER='repl', MASTER_PASSWORD='$(secret repl)',
    MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=2;
SQL
    else
        local_server --execute 'RESET BINARY LOGS AND GTIDS'
        "$dump" --defaults-extra-file=<(root) "${options[@]}" --set-gtid-purged=ON | local_server
        local_server <<SQL
SET SESSION sql_log_bin = 0;
FLUSH PRIVILEGES;
CHANGE REPLICATION SOURCE TO SOURCE_HOST='$MASTER', SOURCE_USER='repl', SOURCE_PASSWORD='$(secret repl)',
    SOURCE_SSL=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=2;
SQL
    fi
    rm /var/lib/mysql/copying
}

# Replication begins with the start that follows this.
case $ROLE in
master) set_up_master ;;
slave) follow_master ;;
*) echo "10-replication.sh: ROLE is '$ROLE': master or slave" >&2; exit 1 ;;
esac
