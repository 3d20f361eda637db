#!/usr/bin/env bash
# Makes the passwords of the stack, once: a file each in compose/secrets/, which git ignores.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)/secrets
# The containers read the files as other users than yours: it is the folder that keeps everybody else out.
mkdir -p "$folder" && chmod 700 "$folder"
for name in root app monitor repl; do
    [ -s "$folder/$name" ] && continue
    head -c 18 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$folder/$name"
    chmod 644 "$folder/$name"
done
