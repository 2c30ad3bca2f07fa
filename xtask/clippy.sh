#!/usr/bin/env bash
# A wrapper around rustc for our own crates (`RUSTC_WORKSPACE_WRAPPER`): clippy looks while it
# compiles. `cargo clippy` only looks, and has every library compiled twice: once for it, once for
# the tests.
set -euo pipefail
[ "${2:-}" != --crate-name ] || set -- "$@" -Dwarnings
exec clippy-driver "$@"
