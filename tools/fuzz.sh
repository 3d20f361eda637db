#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (30 by default), FUZZ_JOBS of them at a time (as many as there are cores), from what
# earlier runs have found worth keeping (fuzz/seeds). Needs a stable compiler and a C++ compiler, and no cargo-fuzz.
#
# With FUZZ_SEED they try the same inputs each time, as far as they get.
#
#   tools/fuzz.sh [--keep] [TARGET ...]     --keep: minimises what there is now and packs it into fuzz/seeds
set -euo pipefail
cd "$(dirname "$0")/.."
keep=
if [ "${1:-}" = --keep ]; then keep=yes; shift; fi
# shellcheck disable=SC2046 # They are words.
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)
programs=fuzz/target/release

# All of them at once. There is no unsafe code that a sanitizer would watch.
build() {
    tools/packages.sh c++:g++
    RUSTC_WRAPPER=$PWD/tools/instrument.sh cargo build --quiet --release --bins --manifest-path fuzz/Cargo.toml --target-dir fuzz/target
}

unpack() {
    mkdir -p "fuzz/corpus/$1" "fuzz/artifacts/$1"
    if [ -e "fuzz/seeds/$1.tar.gz" ]; then tar -C fuzz/corpus -xzf "fuzz/seeds/$1.tar.gz"; fi
}

# The longest input of a target; 0: as long as the longest seed, 4 KiB at least.
longest() {
    case $1 in
        # So much of a statement is looked at twice.
        classify) echo 65536 ;;
        *) echo 0 ;;
    esac
}

# The fewest inputs that reach all that is reached.
pack() {
    echo "== packing $1"
    local few=fuzz/corpus/$1.few
    rm -rf "$few"
    mkdir -p "$few" fuzz/seeds
    "$programs/$1" -set_cover_merge=1 -max_len="$(longest "$1")" "$few" "fuzz/corpus/$1" >"fuzz/artifacts/$1.log" 2>&1 || {
        tail -n 60 "fuzz/artifacts/$1.log"
        return 1
    }
    rm -rf "fuzz/corpus/$1"
    mv "$few" "fuzz/corpus/$1"
    # The same contents give the same file.
    tar -C fuzz/corpus --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$1" | gzip -9n >"fuzz/seeds/$1.tar.gz"
}

# One target; what it prints is shown when it has found something.
run() {
    local target=$1 log=fuzz/artifacts/$1.log
    if "$programs/$target" -artifact_prefix="fuzz/artifacts/$target/" -max_len="$(longest "$target")" \
        -max_total_time="${FUZZ_SECONDS:-30}" -seed="${FUZZ_SEED:-0}" -print_final_stats=1 "fuzz/corpus/$target" >"$log" 2>&1; then
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, no finding"
    else
        echo "== $target"
        tail -n 60 "$log"
        return 1
    fi
}

build
for target in "$@"; do unpack "$target"; done
if [ -n "$keep" ]; then
    for target in "$@"; do pack "$target"; done
    exit
fi
failed=0
running=0
for target in "$@"; do
    if [ "$running" -ge "${FUZZ_JOBS:-$(nproc)}" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    run "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit "$failed"
