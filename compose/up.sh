#!/usr/bin/env bash
# Starts a master and two slaves, and what stands in front of them: compose/up.sh [use-splitfin | use-haproxy | use-nginx]
set -euo pipefail
# shellcheck source=compose/lib.sh
. "$(dirname "$0")/lib.sh"
front=${1:-use-splitfin}
[ -e "$here/$front/docker-compose.yml" ] || { echo "there is no compose/$front" >&2; exit 1; }
"$here/secrets.sh"
stack db-replication up -d
for server in master slave-1 slave-2; do healthy db-replication $server; done
stack "$front" up -d
healthy "$front" "${front#use-}"
