#!/usr/bin/env bash
# Rebuilds the guest modules beside their sources, and their hashes.
#
#   ./build.sh           rebuild all of them
#   ./build.sh --check   rebuild elsewhere and say whether the same bytes come out
#
# Needs python3 with venv, and a network once. The compiler's version is pinned: another one gives
# other bytes, so another hash, and a job is known by the hash of its module.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

zig=0.17.0
blake3=1.0.11
tools="${XDG_CACHE_HOME:-$HOME/.cache}/tallygrid/guest-zig-$zig"

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

if [ ! -f "$tools/ready" ]; then
  python3 -m venv --clear "$tools" || fail "python3 has no venv; try: apt-get install python3-venv"
  "$tools/bin/pip" install --quiet "ziglang==$zig" "blake3==$blake3" ||
    fail "pip cannot install zig and blake3; is the network up?"
  touch "$tools/ready"
fi

into=.
if [ "${1:-}" = --check ]; then
  into=$(mktemp -d)
  trap 'rm -rf "$into"' EXIT
elif [ $# -gt 0 ]; then
  fail "only --check is known"
fi

hash_of() { "$tools/bin/python" -c 'import blake3, sys
print(blake3.blake3(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

# compile FOLDER/NAME FLAGS...: NAME.c becomes NAME.wasm and NAME.wasm.blake3
compile() {
  local guest=$1
  shift
  mkdir -p "$into/$(dirname "$guest")"
  "$tools/bin/python" -m ziglang cc -target wasm32-wasi -O3 -s -Wall -Wextra -Werror "$@" \
    -o "$into/$guest.wasm" "$guest.c"
  chmod 644 "$into/$guest.wasm"
  hash_of "$into/$guest.wasm" > "$into/$guest.wasm.blake3"
  if [ "$into" != . ]; then
    cmp -s "$guest.wasm" "$into/$guest.wasm" || fail "$guest.wasm is not what $guest.c gives"
    cmp -s "$guest.wasm.blake3" "$into/$guest.wasm.blake3" ||
      fail "$guest.wasm.blake3 is not its hash"
  fi
  printf '%s  %s.wasm  %s bytes\n' "$(cat "$into/$guest.wasm.blake3")" "$guest" \
    "$(stat -c %s "$into/$guest.wasm")"
}

compile orchids/align -msimd128
compile photo/sharpen photo/jpeg.c
compile probe/probe -Wno-infinite-recursion
compile digits/classify
compile probe/reactor -mexec-model=reactor
compile heat/heat -mexec-model=reactor
compile queens/check
compile tiny/tiny -nostdlib -fno-builtin
for kernel in matmul nbody mandelbrot sha256 quicksort; do
  compile "kernels/$kernel" -nostdlib -fno-math-errno -Wl,--no-entry
done
compile kernels/simd -nostdlib -fno-math-errno -Wl,--no-entry -msimd128
compile mandelbrot/mandelbrot
compile life/life
