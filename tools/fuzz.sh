#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (30 by default). Needs a nightly toolchain and cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo +nightly --version >/dev/null 2>&1 || { echo "tools/fuzz.sh: no nightly toolchain: rustup toolchain install nightly" >&2; exit 1; }
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
for target in exchange packet session_track compress login proxy lexer substitute position; do
    echo "== $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-30}" -print_final_stats=1
done
