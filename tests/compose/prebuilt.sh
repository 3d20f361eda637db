#!/usr/bin/env bash
# Makes splitfin:local out of a program that is built already (target/debug/splitfin), as the last stage of Dockerfile
# makes it: to try the compose files without building twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/compose/images.sh distroless
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/out/state" "$work/docker"
cp "${1:-target/debug/splitfin}" "$work/out/splitfin"
strip --strip-debug "$work/out/splitfin"
cp docker/splitfin.yaml "$work/docker/"
# The last stage alone, with a folder in place of the first one.
sed -n '/^FROM gcr/,$p' Dockerfile | sed 's|--from=build ||; s| /out/| out/|' >"$work/Dockerfile"
docker build --quiet --tag splitfin:local "$work" >/dev/null
