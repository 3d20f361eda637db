#!/usr/bin/env bash
# Gets the real servers that the tests and the demo run: MariaDB from the distribution, MySQL into a folder of its own.
#
#   tools/servers.sh [mariadb] [mysql] [galera] [mariadb_client] [mariadb_new]   all when none is named
#
# What is already there is used: SPLITFIN_MARIADBD / SPLITFIN_MYSQLD (path of a server binary) win over everything.
# MySQL goes to $SPLITFIN_SERVERS (default: ~/.cache/splitfin/servers) and touches nothing of the system.
set -euo pipefail

servers=${SPLITFIN_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/splitfin/servers}
say() { printf '  %s\n' "$*" >&2; }
die() { printf 'tools/servers.sh: %s\n' "$*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages_once() {
    [ -n "${lists_updated:-}" ] && return
    say "reading the package lists"
    as_root apt-get -qq update
    lists_updated=1
}

# Debian and Ubuntu start a service with the server package; the -core packages hold the programs alone.
mariadb() {
    if [ -n "${SPLITFIN_MARIADBD:-}" ]; then [ -x "$SPLITFIN_MARIADBD" ] || die "SPLITFIN_MARIADBD=$SPLITFIN_MARIADBD is not a program"; return; fi
    mariadb_programs
    mariadb_plugins
}

mariadb_programs() {
    if [ -x /usr/sbin/mariadbd ] && command -v mariadb >/dev/null && command -v mariadb-install-db >/dev/null; then return; fi
    command -v apt-get >/dev/null || die "no mariadbd here and no apt-get to install it: set SPLITFIN_MARIADBD"
    packages_once
    say "installing mariadb-server-core and mariadb-client-core"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
        mariadb-server-core mariadb-client-core >/dev/null
}

# The authentication plugins that some accounts use are in the big server package, which would start a service: it is
# only unpacked.
mariadb_plugins() {
    local prefix=$servers/mariadb
    if [ -f "$prefix/.complete" ]; then return; fi
    packages_once
    say "fetching MariaDB's plugins into $prefix (about 8 MB, once)"
    rm -rf "$prefix" && mkdir -p "$prefix"
    (cd "$prefix" && apt-get -qq -o APT::Sandbox::User=root download mariadb-server && dpkg -x mariadb-server_*.deb . && rm -f ./*.deb)
    touch "$prefix/.complete"
}

# MySQL is not in Debian's stable suite: its packages come from the development suite of the same mirror, are only
# unpacked (with the libraries they need, libc included), and run through their own dynamic loader.
mysql() {
    if [ -n "${SPLITFIN_MYSQLD:-}" ]; then [ -x "$SPLITFIN_MYSQLD" ] || die "SPLITFIN_MYSQLD=$SPLITFIN_MYSQLD is not a program"; return; fi
    local prefix=$servers/mysql
    if [ -f "$prefix/.complete" ]; then return; fi
    command -v apt-get >/dev/null || die "no MySQL here and no apt-get to fetch it: set SPLITFIN_MYSQLD"
    say "fetching MySQL into $prefix (about 70 MB, once)"
    from_sid "$prefix" usr/sbin/mysqld mysql-server-core mysql-client-core
}

# from_sid FOLDER PROGRAM PACKAGES...: unpacks packages and the libraries that they need; of =PACKAGE the package alone.
from_sid() {
    local prefix=$1 program=$2
    shift 2
    local work; work=$(mktemp -d)
    # shellcheck disable=SC2064 # The name of now, not of the end.
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work"/{sources,lists/partial,archives/partial}
    : >"$work/status"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    local uri; uri=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    [ -n "$uri" ] || uri=$(awk '$1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+:\/\//) {print $i; exit}}' /etc/apt/sources.list 2>/dev/null || true)
    local options=(-qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::State::lists=$work/lists"
        -o "Dir::Cache::archives=$work/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "APT::Sandbox::User=root")
    local names=() alone=() name
    for name in "$@"; do
        case $name in
        =*) alone+=("${name#=}") ;;
        *) names+=("$name") ;;
        esac
    done
    # shellcheck disable=SC1091
    case "$(. /etc/os-release && echo "$ID")" in
    debian)
        [ -n "$uri" ] || die "no Debian mirror found in the apt sources: set SPLITFIN_MYSQLD"
        printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nSigned-By: %s\n' "$uri" "$keyring" >"$work/sources/sid.sources"
        options+=(-o "Dir::Etc::sourceparts=$work/sources")
        ;;
    *)
        # Ubuntu has MySQL in its own suites, under a name with the version.
        local version; version=$(apt-cache pkgnames mysql-server-core- | sed 's/mysql-server-core-//' | sort -V | tail -n 1)
        names=("mysql-server-core-$version" "mysql-client-core-$version")
        ;;
    esac
    apt-get "${options[@]}" update
    apt-get "${options[@]}" -o "Dir::State::status=$work/status" -d -y --no-install-recommends install "${names[@]}" >/dev/null
    if [ ${#alone[@]} -gt 0 ]; then (cd "$work/archives" && apt-get "${options[@]}" download "${alone[@]}"); fi
    rm -rf "$prefix" && mkdir -p "$prefix"
    local package
    for package in "$work"/archives/*.deb; do dpkg -x "$package" "$prefix"; done
    [ -x "$prefix/$program" ] || die "the packages held no $program"
    touch "$prefix/.complete"
    rm -rf "$work"
}

# A newer command line of MariaDB, which verifies certificates by default; from the development suite, as MySQL is.
mariadb_client() {
    local prefix=$servers/mariadb-client
    if [ -f "$prefix/.complete" ] || [ "$(. /etc/os-release && echo "$ID")" != debian ]; then return; fi
    say "fetching a newer client of MariaDB into $prefix (about 9 MB, once)"
    from_sid "$prefix" usr/bin/mariadb mariadb-client-core
}

# A newer server of MariaDB, with plugins that the distribution's does not have (parsec).
mariadb_new() {
    local prefix=$servers/mariadb-new
    if [ -f "$prefix/.complete" ] || [ "$(. /etc/os-release && echo "$ID")" != debian ]; then return; fi
    say "fetching a newer server of MariaDB into $prefix (about 40 MB, once)"
    # One story needs it, and says so where it is not there: a day on which the development suite does not fit together is no
    # reason to try nothing.
    (from_sid "$prefix" usr/sbin/mariadbd mariadb-server-core =mariadb-server) \
        || say "it cannot be had now: what needs it is not tried"
}

# Galera's provider, and what its script for bringing data to a new member needs; the script itself is in the package
# that mariadb_plugins unpacks.
galera() {
    if [ -n "${SPLITFIN_GALERA:-}" ]; then [ -e "$SPLITFIN_GALERA" ] || die "SPLITFIN_GALERA=$SPLITFIN_GALERA is not there"; return; fi
    mariadb_plugins
    if [ -e /usr/lib/galera/libgalera_smm.so ] && command -v rsync >/dev/null && command -v ss >/dev/null; then return; fi
    command -v apt-get >/dev/null || die "no Galera here and no apt-get to install it: set SPLITFIN_GALERA"
    packages_once
    say "installing galera-4, rsync and iproute2"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install galera-4 rsync iproute2 >/dev/null
}

[ $# -gt 0 ] || set -- mariadb mysql galera mariadb_client mariadb_new
for family in "$@"; do
    case $family in
    mariadb | mysql | galera | mariadb_client | mariadb_new) "$family" ;;
    *) die "unknown server '$family': mariadb, mysql, galera, mariadb_client or mariadb_new" ;;
    esac
done
