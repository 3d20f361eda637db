#!/usr/bin/env bash
# Compares what is in front of the servers: the same application, and the same mishaps, behind HAProxy, Nginx and
# Splitfin. Prints a table.
#
#   compose/compare.sh [use-haproxy] [use-nginx] [use-splitfin]      all when none is named
#
# It makes servers of its own, and removes them with their data. SECONDS_EACH (default 15) is how long each mishap lasts, CLIENTS (16) how many clients the application has.
set -euo pipefail
# shellcheck source=compose/lib.sh
. "$(dirname "$0")/lib.sh"
each=${SECONDS_EACH:-15}
work=$(mktemp -d)
app=splitfin-compare-app
image=splitfin-app:local

# Those who have a stack with data keep it.
if [ -n "$(docker volume ls -q --filter name=splitfin-db-replication_)" ]; then
    echo "there is a stack with data here already: 'make down' removes both, and then this can make its own" >&2
    exit 1
fi

finish() {
    docker rm --force $app >/dev/null 2>&1 || true
    "$here/down.sh" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '%s\n' "  $*" >&2; }

# What happens now, among the lines of the application.
phase() { printf '{"at": %s, "phase": "%s", "server": "%s"}\n' "$(date +%s.%N)" "$1" "${2:-}" >>"$work/phases"; }

# A statement for a server's administrator.
root() {
    local server=$1
    shift
    stack db-replication exec -T "$server" bash -c '
        client=mysql; command -v mariadb >/dev/null && client=mariadb
        "$client" --defaults-extra-file=<(printf "[client]\nuser=root\npassword=%s\n" "$(cat /run/secrets/root)") -NBe "$1"' - "$*"
}

applying() {
    local word=REPLICA
    [ "$family" = mariadb ] && word=SLAVE
    root slave-1 "$1 $word SQL_THREAD"
}

# Starts servers that are all alike again: the volumes of the last run go.
fresh() {
    local old
    for old in use-haproxy use-nginx use-splitfin; do stack $old down -v >/dev/null 2>&1 || true; done
    stack db-replication --profile more down -v --remove-orphans >/dev/null 2>&1 || true
    "$here/up.sh" "$1" >/dev/null 2>"$work/up" || { cat "$work/up" >&2; exit 1; }
    family=mysql
    case $(root master 'SELECT VERSION()') in *MariaDB*) family=mariadb ;; esac
}

start_app() {
    docker run --detach --name $app --network lb-net --stop-timeout 20 \
        --env WRITE="$1" --env READ="$2" --env CLIENTS="${CLIENTS:-16}" --env APP_PASSWORD_FILE=/app-password \
        --volume "$here/secrets/app:/app-password:ro" $image load >/dev/null
    local deadline=$((SECONDS + 60))
    until docker logs $app 2>/dev/null | grep -q '"writes": [1-9]'; do
        [ $SECONDS -lt $deadline ] || { docker logs $app >&2; exit 1; }
        sleep 0.5
    done
}

compare() {
    local front=$1 write read knows
    case $front in
    use-haproxy) write=haproxy:3306 read=haproxy:3307 knows='2 addresses' ;;
    use-nginx) write=nginx:3306 read=nginx:3307 knows='2 addresses' ;;
    use-splitfin) write=splitfin:3306 read=splitfin:3306 knows='1 address' ;;
    esac
    : >"$work/phases"
    say "$front: servers"
    fresh "$front"
    say "$front: the application begins"
    start_app $write $read
    phase steady
    sleep "$each"
    say "$front: slave-1 applies nothing any more"
    phase late 2
    applying STOP
    sleep "$each"
    phase recovery
    applying START
    sleep "$each"
    say "$front: slave-2 is killed"
    phase stopped 3
    stack db-replication kill slave-2 2>/dev/null
    sleep "$each"
    phase recovery
    stack db-replication start slave-2 >/dev/null 2>&1
    healthy db-replication slave-2
    sleep "$each"
    say "$front: slave-3 is added"
    stack db-replication --profile more up -d slave-3 >/dev/null 2>&1
    healthy db-replication slave-3
    phase added 4
    sleep "$each"
    phase over
    docker stop $app >/dev/null
    docker logs $app 2>/dev/null >"$work/app"
    [ -n "${KEEP:-}" ] && mkdir -p "$KEEP" && cat "$work/app" "$work/phases" >"$KEEP/$front.log"
    cat "$work/app" "$work/phases" | docker run --rm --interactive $image report |
        sed "s/^{/{\"front\": \"${front#use-}\", \"the application knows\": \"$knows\", /" >>"$work/rows"
    docker rm $app >/dev/null
    stack "$front" down -v >/dev/null 2>&1
}

docker build --quiet --tag $image "$here/app" >/dev/null
[ $# -gt 0 ] || set -- use-haproxy use-nginx use-splitfin
for front in "$@"; do compare "$front"; done
docker run --rm --interactive $image table <"$work/rows"
