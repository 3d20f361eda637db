#!/usr/bin/env bash
# Everything about the code that can be checked without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '== %s\n' "$*"; }

step "formatting"
cargo fmt --all --check
step "lints"
cargo clippy --workspace --all-targets --quiet -- -D warnings
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet
step "layers and purity"
tools/layers.py
step "limits of waits"
tools/limits.py
step "words"
tools/words.py
step "spelling"
tools/spelling.sh
step "shell scripts"
tools/packages.sh shellcheck:shellcheck
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck --severity=warning --external-sources
step "fuzz targets"
tools/packages.sh c++:g++
cargo check --manifest-path fuzz/Cargo.toml --target-dir target --quiet --bins
if cargo deny --version >/dev/null 2>&1; then
    step "licences, bans and sources"
    cargo deny --log-level error check bans licenses sources
else
    step "licences, bans and sources: not checked (cargo install cargo-deny)"
fi
