#!/usr/bin/env bash
# Tries compose/ as its users would: Splitfin in front of a master and two slaves, a slave that is added, the same load
# with mishaps. Where no registry can be reached it runs on stand-ins for the official images (images.sh).
#
#   tests/compose/run.sh [mariadb | mysql]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORT=127.0.0.1:16033 READ_PORT=127.0.0.1:16034 ADMIN_PORT=127.0.0.1:19090

if ! docker info >/dev/null 2>&1; then
    echo "compose: there is no container engine here, so compose/ was not tried"
    exit 0
fi
# shellcheck source=compose/lib.sh
. compose/lib.sh 2>/dev/null || { echo "compose: there is no Docker Compose here, so compose/ was not tried"; exit 0; }

say() { echo "compose: $*"; }
fail() { echo "compose: $*" >&2; exit 1; }
family=${1:-mariadb}
case $family in
mariadb) export DB_IMAGE=mariadb:10.11 ;;
mysql) export DB_IMAGE=mysql:9.7 ;;
*) fail "unknown family: $family" ;;
esac

# Those who have a stack with data keep it.
if [ -n "$(docker volume ls -q --filter name=splitfin-db-replication_)" ]; then
    echo "there is a stack with data here already: 'make down' removes both, and then this can make its own" >&2
    exit 1
fi

# Images that stand in for others are not left behind, where somebody could take them for the real ones.
made=()
while read -r image; do made+=("$image"); done < <(docker images --filter label=splitfin.stand-in --format '{{.Repository}}:{{.Tag}}')
finish() {
    compose/down.sh >/dev/null 2>&1 || true
    [ ${#made[@]} -gt 0 ] || docker images --filter label=splitfin.stand-in --format '{{.Repository}}:{{.Tag}}' |
        xargs --no-run-if-empty docker rmi >/dev/null 2>&1 || true
}
trap finish EXIT

say "images"
tests/compose/images.sh "$family" haproxy nginx python distroless 2>/dev/null
[ -x target/debug/splitfin ] || cargo build --bin splitfin
tests/compose/prebuilt.sh 2>/dev/null

say "every file is valid"
compose/secrets.sh
for folder in db-replication use-haproxy use-nginx use-splitfin; do stack $folder config >/dev/null; done

for front in haproxy nginx; do
    say "use-$front starts, and is healthy"
    compose/up.sh use-$front >/dev/null 2>&1
    [ "$(compose/client.sh $front -NBe 'SELECT @@server_id')" = 1 ] || fail "$front: port 3306 does not lead to the master"
    case $(compose/client.sh $front --port 3307 -NBe 'SELECT @@server_id') in
    2 | 3) ;;
    *) fail "$front: port 3307 does not lead to a slave" ;;
    esac
    stack use-$front down --volumes >/dev/null 2>&1
done

say "use-splitfin: a write on the master is read from a slave"
compose/up.sh use-splitfin >/dev/null 2>&1
answer=$(compose/client.sh splitfin -NBe "INSERT INTO orders (item, amount) VALUES ('fig', 4); SELECT item FROM orders WHERE amount = 4; SELECT @@server_id FROM orders LIMIT 1")
case $answer in
$'fig\n2' | $'fig\n3') ;;
*) fail "splitfin answered: $answer" ;;
esac

say "use-splitfin: a slave that is added answers reads, and nothing is restarted"
started=$(docker inspect -f '{{.State.StartedAt}}' "$(stack use-splitfin ps -q splitfin)")
stack db-replication --profile more up -d slave-3 >/dev/null 2>&1
healthy db-replication slave-3
deadline=$((SECONDS + 60))
until [ "$(compose/client.sh splitfin -NBe 'SELECT @@server_id FROM orders LIMIT 1')" = 4 ]; do
    [ $SECONDS -lt $deadline ] || fail "slave-3 gets no reads"
done
[ "$started" = "$(docker inspect -f '{{.State.StartedAt}}' "$(stack use-splitfin ps -q splitfin)")" ] || fail "it was restarted"
compose/down.sh >/dev/null 2>&1

say "use-splitfin: a slave that is late, and one that is killed"
table=$(SECONDS_EACH=5 compose/compare.sh use-splitfin 2>/dev/null)
echo "$table"
for figure in 'failed | 0' 'stale | 0' 'stopped: failed | 0'; do
    [[ $table == *"| $figure |"* ]] || fail "not as promised: $figure"
done
say "all of it works ($DB_IMAGE)"
