#!/usr/bin/env bash
# Makes stand-ins for the official images that the compose files use, out of Debian's packages, where no registry can be
# reached. They keep the contract of those images as far as the compose files depend on it: environment variables, the
# folder of scripts for the first start, the user, the files of configuration and the arguments.
#
#   tests/compose/images.sh [mariadb] [mysql] [haproxy] [nginx] [python] [distroless] [rust]
#
# When none is named: all but rust, which is large, and only needed to try Dockerfile.
#
# An image that is there already, from wherever it came, is left alone.
set -euo pipefail
cd "$(dirname "$0")/stand-ins"
../../../tools/packages.sh mmdebstrap:mmdebstrap >&2

say() { printf '  %s\n' "$*" >&2; }
there() { docker image inspect "$1" >/dev/null 2>&1; }

# root NAME SUITE PACKAGES: a system with these packages, as an image.
root() {
    there "splitfin-stand-in/$1" && return
    say "a system with ${3//,/, } from Debian $2"
    local work; work=$(mktemp -d)
    mmdebstrap --variant=minbase --include="$3" "$2" "$work/root.tar" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
    docker import "$work/root.tar" "splitfin-stand-in/$1" >/dev/null
    rm -rf "$work"
}

# image NAME FOLDER ROOT
image() {
    there "$1" && return
    say "$1"
    docker build --quiet --build-arg "ROOT=splitfin-stand-in/$3" --tag "$1" --file "$2/Dockerfile" . >/dev/null
}

debian() {
    root debian bookworm mariadb-server-core,mariadb-client-core,mariadb-client,haproxy,nginx-light,libnginx-mod-stream,python3,python3-pymysql,python3-pip,python3-cryptography,python3-cffi-backend
}

# Rust's image, with the toolchain of this machine.
rust() {
    there rust:1-bookworm && return
    local work; work=$(mktemp -d)
    mkdir "$work/rust"
    cp rust/Dockerfile "$work/rust/"
    tar -C "$(rustc --print sysroot)" --exclude=share/doc -cf "$work/toolchain.tar" bin lib
    cp /etc/ssl/certs/ca-certificates.crt "$work/"
    (cd "$work" && image rust:1-bookworm rust debian)
    rm -rf "$work"
}

[ $# -gt 0 ] || set -- mariadb mysql haproxy nginx python distroless
for name in "$@"; do
    case $name in
    mariadb) debian; image mariadb:10.11 server debian ;;
    # Debian's stable suite has no MySQL.
    mysql) root mysql sid mysql-server-core,mysql-client-core,openssl; image mysql:9.7 server mysql ;;
    haproxy) debian; image haproxy:lts haproxy debian ;;
    nginx) debian; image nginx:stable nginx debian ;;
    python) debian; image python:3-slim python debian ;;
    distroless) debian; image gcr.io/distroless/cc-debian12:nonroot distroless debian ;;
    rust) debian; rust ;;
    *) echo "tests/compose/images.sh: unknown: $name" >&2; exit 1 ;;
    esac
done
