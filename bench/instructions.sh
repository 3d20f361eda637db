#!/usr/bin/env bash
# Counts the instructions of the hot paths with valgrind: repeatable, whatever else the machine does.
#
# Each path runs N times and 2N times; the difference is N calls without start-up and warm-up.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh valgrind:valgrind
cargo build --quiet --release --bin splitfin-paths
count() { valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/splitfin-paths "$1" "$2" 2>&1 | sed -n 's/.*Collected : //p'; }
n=2000
printf '| path | instructions per call |\n|---|---|\n'
for path in lexer-point lexer-join digest-point digest-join route-point route-join classify-point classify-join exchange-point; do
    once=$(count "$path" $n)
    twice=$(count "$path" $((2 * n)))
    printf '| %s | %d |\n' "$path" $(((twice - once) / n))
done
