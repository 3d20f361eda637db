#!/bin/bash
# The entry point of a stand-in for the images of MySQL and MariaDB.
set -eo pipefail

# VARIABLE, or the contents of the file that VARIABLE_FILE names, for the first of the names that has one.
setting() {
    local name file
    for name in "$@"; do
        file=${name}_FILE
        if [ -n "${!name:-}" ]; then printf '%s' "${!name}"; return; fi
        if [ -n "${!file:-}" ]; then cat "${!file}"; return; fi
    done
}

[ "${1:0:1}" = - ] && set -- mysqld "$@"
case ${1:-} in
mysqld | mariadbd) ;;
*) exec "$@" ;;
esac

# The servers do not run as root, and neither do the scripts of the first start.
if [ "$(id -u)" = 0 ]; then
    chown mysql:mysql /var/lib/mysql /run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --init-groups --no-new-privs "${BASH_SOURCE[0]}" "$@"
fi

run_script() {
    case $1 in
    *.sh)
        # shellcheck source=/dev/null
        if [ -x "$1" ]; then "$1"; else . "$1"; fi
        ;;
    *.sql) mysql --defaults-extra-file=<(options) ${database:+"$database"} <"$1" ;;
    *) echo "docker-entrypoint.sh: ignoring $1" ;;
    esac
}

if [ ! -d /var/lib/mysql/mysql ]; then
    password=$(setting MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD)
    database=$(setting MARIADB_DATABASE MYSQL_DATABASE)
    user=$(setting MARIADB_USER MYSQL_USER)
    user_password=$(setting MARIADB_PASSWORD MYSQL_PASSWORD)
    if [ -z "$password" ]; then
        echo "docker-entrypoint.sh: MYSQL_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD_FILE is needed" >&2
        exit 1
    fi
    if command -v mariadb-install-db >/dev/null; then
        mariadb-install-db --skip-test-db --auth-root-authentication-method=normal --cross-bootstrap \
            --default-time-zone=SYSTEM --skip-log-bin "${@:2}" >/dev/null
    else
        "$@" --initialize-insecure --default-time-zone=SYSTEM --autocommit=1
    fi
    # As the official images do: nobody gets in over the network before all is set up.
    "$@" --skip-networking --default-time-zone=SYSTEM &
    server=$!
    options() { printf '[client]\nuser=root\npassword=%s\n' "${known:-}"; }
    for _ in {60..0}; do
        mysql -uroot -e 'SELECT 1' >/dev/null 2>&1 && break
        kill -0 $server || exit 1
        sleep 1
    done
    {
        printf "SET @@SESSION.SQL_LOG_BIN = 0;\n"
        printf "CREATE USER root@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO root@'%%' WITH GRANT OPTION;\n" "$password"
        printf "ALTER USER root@localhost IDENTIFIED BY '%s';\n" "$password"
    } | mysql -uroot
    known=$password
    [ -n "$database" ] && mysql --defaults-extra-file=<(options) -e "CREATE DATABASE IF NOT EXISTS \`$database\`"
    if [ -n "$user" ]; then
        mysql --defaults-extra-file=<(options) -e "CREATE USER '$user'@'%' IDENTIFIED BY '$user_password'"
        [ -n "$database" ] && mysql --defaults-extra-file=<(options) -e "GRANT ALL ON \`$database\`.* TO '$user'@'%'"
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        [ -e "$script" ] && run_script "$script"
    done
    kill $server
    wait $server || true
    echo "docker-entrypoint.sh: ready for start up."
fi

exec "$@"
