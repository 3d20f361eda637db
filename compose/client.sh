#!/usr/bin/env bash
# The mysql command line as the application's account: compose/client.sh [HOST [ARGUMENTS ...]]
#
# HOST is a name on lb-net: splitfin (the default), haproxy, nginx, master, slave-1 ...
set -euo pipefail
# shellcheck source=compose/lib.sh
. "$(dirname "$0")/lib.sh"
host=${1:-splitfin}
shift || true
terminal=()
[ -t 0 ] && terminal=(--tty)
[ -z "${DB_IMAGE:-}" ] && [ -e "$here/.env" ] && DB_IMAGE=$(sed -n 's/^DB_IMAGE=//p' "$here/.env" | tail -n 1)
exec docker run --rm --interactive "${terminal[@]}" --network lb-net --volume "$here/secrets/app:/app-password:ro" \
    --entrypoint bash "${DB_IMAGE:-mysql:9.7}" -c '
    client=mysql
    command -v mariadb >/dev/null && client=mariadb
    options() { printf "[client]\nuser=app\npassword=%s\n" "$(cat /app-password)"; }
    exec "$client" --defaults-extra-file=<(options) --host="$0" shop "$@"' "$host" "$@"
