#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (30 by default), from what earlier runs have found worth keeping (fuzz/seeds).
# Needs a nightly toolchain and cargo-fuzz.
#
#   tools/fuzz.sh [--keep] [TARGET ...]     --keep: minimises what there is now and packs it into fuzz/seeds
set -euo pipefail
cd "$(dirname "$0")/.."
keep=
if [ "${1:-}" = --keep ]; then keep=yes; shift; fi
[ $# -gt 0 ] || set -- exchange packet session_track compress login proxy lexer classify hint substitute position
cargo +nightly --version >/dev/null 2>&1 || { echo "tools/fuzz.sh: no nightly toolchain: rustup toolchain install nightly" >&2; exit 1; }
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target"
    if [ -n "$keep" ]; then
        echo "== packing $target"
        cargo +nightly fuzz cmin "$target"
        mkdir -p fuzz/seeds
        # The same contents give the same file.
        tar -C fuzz/corpus --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$target" | gzip -9n >"fuzz/seeds/$target.tar.gz"
        continue
    fi
    echo "== $target"
    [ -e "fuzz/seeds/$target.tar.gz" ] && tar -C fuzz/corpus -xzf "fuzz/seeds/$target.tar.gz"
    # So much of a statement is looked at twice.
    longest=$([ "$target" = classify ] && echo 65536 || echo 0)
    cargo +nightly fuzz run "$target" -- -max_len="$longest" -max_total_time="${FUZZ_SECONDS:-30}" -print_final_stats=1
done
