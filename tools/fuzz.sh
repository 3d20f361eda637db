#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS (30 by default), FUZZ_JOBS of them at a time (as many as there are cores), from what
# earlier runs have found worth keeping (fuzz/seeds). Installs cargo-fuzz, if it is not there.
#
#   tools/fuzz.sh [--keep] [TARGET ...]     --keep: minimises what there is now and packs it into fuzz/seeds
set -euo pipefail
cd "$(dirname "$0")/.."
keep=
if [ "${1:-}" = --keep ]; then keep=yes; shift; fi
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)
# The checks of the fuzzer need flags that stable compilers keep to themselves.
export RUSTC_BOOTSTRAP=1
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-fuzz

unpack() {
    mkdir -p "fuzz/corpus/$1"
    if [ -e "fuzz/seeds/$1.tar.gz" ]; then tar -C fuzz/corpus -xzf "fuzz/seeds/$1.tar.gz"; fi
}

pack() {
    echo "== packing $1"
    cargo fuzz cmin -s none "$1"
    mkdir -p fuzz/seeds
    # The same contents give the same file.
    tar -C fuzz/corpus --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - "$1" | gzip -9n >"fuzz/seeds/$1.tar.gz"
}

# One target; what it prints is shown when it has found something.
run() {
    local target=$1 log=fuzz/artifacts/$1.log
    mkdir -p fuzz/artifacts
    # So much of a statement is looked at twice.
    local longest=0
    if [ "$target" = classify ]; then longest=65536; fi
    if cargo fuzz run -s none "$target" -- -max_len="$longest" -max_total_time="${FUZZ_SECONDS:-30}" -print_final_stats=1 >"$log" 2>&1; then
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, no finding"
    else
        echo "== $target"
        tail -n 60 "$log"
        return 1
    fi
}

for target in "$@"; do unpack "$target"; done
if [ -n "$keep" ]; then
    for target in "$@"; do pack "$target"; done
    exit
fi
# Once for all: they would wait for each other. There is no unsafe code that a sanitizer would watch.
for target in "$@"; do cargo fuzz build -s none "$target"; done
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
