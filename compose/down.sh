#!/usr/bin/env bash
# Ends all that up.sh has started, and removes the data.
set -euo pipefail
# shellcheck source=compose/lib.sh
. "$(dirname "$0")/lib.sh"
# Compose wants the files of secrets to be there, also to end what used them.
"$here/secrets.sh"
for front in use-splitfin use-haproxy use-nginx; do stack $front down --volumes; done
stack db-replication --profile more down --volumes --remove-orphans
