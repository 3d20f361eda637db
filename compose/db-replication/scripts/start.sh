#!/bin/bash
# The entry point of the servers: the image's own one, with what only the container knows. ROLE is master or slave.
set -eu

read -r address _ < <(getent ahostsv4 "$HOSTNAME")
if [ -z "${SERVER_ID:-}" ]; then
    IFS=. read -r _ b c d <<<"$address"
    SERVER_ID=$((b * 65536 + c * 256 + d))
fi

# A slave that was stopped while it copied the master's data has half of them: it begins anew.
if [ -e /var/lib/mysql/copying ]; then
    echo "start.sh: the last start did not come to an end, and is undone"
    find /var/lib/mysql -mindepth 1 -delete
fi

server=mysqld
command -v mariadbd >/dev/null && server=mariadbd
arguments=("--server-id=$SERVER_ID" "--report-host=$address")
[ "$ROLE" = slave ] && arguments+=(--read-only=ON)
exec docker-entrypoint.sh "$server" "${arguments[@]}"
