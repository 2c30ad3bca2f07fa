#!/usr/bin/env bash
# The C++ compiler for RocksDB (`CXX`). Its 342 files read the same headers, which costs more than
# all else: here they are read once, and each file starts from what was learnt. The first file to
# come writes it, with its own flags, which are those of all; without it a file compiles as ever.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
known="${OUT_DIR:-/nonexistent}/headers.pch"

# Only RocksDB's own files: others, and what probes the compiler, have other flags.
source="${*: -1}"
case "$source" in
  rocksdb/*.cc) ;;
  *) exec clang++ "$@" ;;
esac

write_headers() {
  local flags=()
  while [ $# -gt 0 ]; do
    case "$1" in
      -o) shift ;;
      -c | "$source") ;;
      *) flags+=("$1") ;;
    esac
    shift
  done
  clang++ "${flags[@]}" -fpch-instantiate-templates -x c++-header "$here/headers.h" \
    -o "$known.part" && mv "$known.part" "$known"
}

if [ -d "${OUT_DIR:-/nonexistent}" ]; then
  exec 9> "$known.lock"
  flock 9
  [ -f "$known" ] || write_headers "$@" || touch "$known"
  exec 9>&-
fi
[ ! -s "$known" ] || set -- -fpch-instantiate-templates -include-pch "$known" "$@"
exec clang++ "$@"
