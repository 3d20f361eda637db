#!/usr/bin/env bash
# Runs all tests: with cargo-nextest where it is installed (a process for each test), else with cargo's own runner, one
# test at a time, as each story starts servers.
set -euo pipefail
cd "$(dirname "$0")/.."
# Some stories run programs: Splitfin itself, and those that use drivers.
cargo build --workspace --bins
if cargo nextest --version >/dev/null 2>&1; then
    cargo test --workspace --doc --quiet
    cargo nextest run --workspace "$@"
else
    cargo test --workspace "$@" -- --test-threads=1
fi
