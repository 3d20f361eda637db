#!/usr/bin/env bash
# Finds misspelt words (_typos.toml has those that are right here). Installs typos from Python's registry, if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
typos=$(command -v typos || true)
if [ -z "$typos" ]; then
    place=${XDG_CACHE_HOME:-$HOME/.cache}/splitfin/typos
    typos=$place/bin/typos
    if [ ! -x "$typos" ]; then
        tools/packages.sh /usr/lib/python3/dist-packages/virtualenv:python3-virtualenv
        if ! { /usr/bin/python3 -m virtualenv --quiet "$place" && "$place/bin/pip" install --quiet "typos==1.52.0"; }; then
            echo "   not checked: typos could not be installed (https://github.com/crate-ci/typos)"
            exit 0
        fi
    fi
fi
"$typos" --format brief .
