#!/usr/bin/env bash
# A wrapper around rustc for our own crates (`RUSTC_WORKSPACE_WRAPPER`): only they are watched by
# libFuzzer. Watching wasmtime and its compiler too would be several times slower, and teach it
# little of ours.
rustc=$1
shift
if [ "$1" = --crate-name ]; then
  case "$2" in
    executor | peer | protocol | fuzz_*)
      set -- "$@" --cfg fuzzing -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares ;;
  esac
fi
exec "$rustc" "$@"
