#!/usr/bin/env bash
# Tries compose/stack as its users would, on a swarm of one node that is made for it: `docker service scale` adds a slave,
# and it gets reads by itself. The images must be there (tests/compose/run.sh makes stand-ins).
set -euo pipefail
cd "$(dirname "$0")/../.."
export DB_IMAGE=${DB_IMAGE:-mariadb:10.11}
say() { echo "swarm: $*"; }
fail() { echo "swarm: $*" >&2; docker service ls >&2; docker service ps --no-trunc lb_slave >&2; exit 1; }

[ "$(docker info -f '{{.Swarm.LocalNodeState}}')" = inactive ] || fail "this engine is part of a swarm already"
made=$(docker volume ls -q | sort)
finish() {
    docker stack rm lb >/dev/null 2>&1 || true
    docker swarm leave --force >/dev/null 2>&1 || true
    # Containers of the stack end in their own time, and hold their volumes until then.
    docker ps -aq --filter label=com.docker.stack.namespace=lb | xargs --no-run-if-empty docker rm --force >/dev/null 2>&1 || true
    comm -13 <(echo "$made") <(docker volume ls -q | sort) | xargs --no-run-if-empty docker volume rm --force >/dev/null 2>&1 || true
}
trap finish EXIT

compose/secrets.sh
docker swarm init --advertise-addr 127.0.0.1 >/dev/null
docker stack deploy --compose-file compose/stack/docker-stack.yml lb >/dev/null

# The servers that answered 20 reads through Splitfin.
readers() {
    docker run --rm --network lb-net --volume "$PWD/compose/secrets/app:/app-password:ro" --entrypoint bash "$DB_IMAGE" -c '
        client=mysql; command -v mariadb >/dev/null && client=mariadb
        for _ in {1..20}; do
            "$client" --defaults-extra-file=<(printf "[client]\nuser=app\npassword=%s\n" "$(cat /app-password)") \
                --host=splitfin --connect-timeout=2 shop -NBe "SELECT @@server_id FROM orders LIMIT 1" || exit 0
        done' 2>/dev/null | sort -u
}

# until_readers N: so many servers answer reads, and none of them is the master.
until_readers() {
    local deadline=$((SECONDS + 180)) found=''
    until [ "$(echo -n "$found" | grep -c .)" = "$1" ] && ! grep -qx 1 <<<"$found"; do
        [ $SECONDS -lt $deadline ] || fail "reads are answered by: $found"
        sleep 1
        found=$(readers)
    done
    say "reads are answered by the servers $(echo "$found" | tr '\n' ' ')"
}

until_readers 2
docker service scale --detach lb_slave=3 >/dev/null
until_readers 3
docker service scale --detach lb_slave=2 >/dev/null
until_readers 2
say "all of it works ($DB_IMAGE)"
