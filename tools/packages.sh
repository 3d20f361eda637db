#!/usr/bin/env bash
# Installs packages for programs or files that are not there: tools/packages.sh PROGRAM:PACKAGE ...
set -euo pipefail

missing=()
for pair in "$@"; do
    needed=${pair%%:*}
    case $needed in
    /*) [ -e "$needed" ] || missing+=("${pair##*:}") ;;
    *) command -v "$needed" >/dev/null || [ -x "/usr/sbin/$needed" ] || missing+=("${pair##*:}") ;;
    esac
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "tools/packages.sh: these are missing, and there is no apt-get to install them: ${missing[*]}" >&2
    exit 1
fi
echo "  installing ${missing[*]}" >&2
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_root apt-get -qq update
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
