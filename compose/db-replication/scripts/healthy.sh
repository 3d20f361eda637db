#!/bin/bash
# Whether the server lets clients in. While the image sets it up it listens to no address, and is not healthy yet.
set -eu
ping=mysqladmin
command -v mariadb-admin >/dev/null && ping=mariadb-admin
options() { printf '[client]\nuser=monitor\npassword=%s\n' "$(cat /run/secrets/monitor)"; }
exec "$ping" --defaults-extra-file=<(options) --host=127.0.0.1 --connect-timeout=2 ping
