#!/usr/bin/env bash
# A wrapper of rustc for tools/fuzz.sh: what fuzzing is about is built so that the fuzzer sees which way it went. What it uses is
# not, which saves minutes.
rustc=$1
shift
arguments=("$@")
while [ $# -gt 0 ]; do
    if [ "$1" = --crate-name ] && [[ $2 = splitfin_* ]]; then
        arguments+=(-Cpasses=sancov-module)
        for option in level=4 inline-8bit-counters pc-table trace-compares; do
            arguments+=("-Cllvm-args=-sanitizer-coverage-$option")
        done
        break
    fi
    shift
done
exec "$rustc" "${arguments[@]}"
