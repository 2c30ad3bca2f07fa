#!/usr/bin/env bash
# Fetches the programs into a folder, once, and has their twins run on wasmtime-wasi.
#
# usage: fetch.sh FOLDER
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
folder="$1"
wheels="$folder/wheels" packages="$folder/packages"

mkdir -p "$wheels"
if ! cmp -s "$here/requirements.txt" "$wheels/requirements.txt"; then
  rm -rf "$packages" "$folder/twin"
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
    --requirement "$here/requirements.txt" --dest "$wheels"
  for wheel in "$wheels"/*.whl; do
    python3 -m zipfile --extract "$wheel" "$packages"
  done
  cp "$here/requirements.txt" "$wheels/requirements.txt"
fi
# What the twins are made from; they are made again when it changes.
sum="$(cat "$here"/*.json "$here"/*.py "$here"/*.v "$here"/*.pcf "$here"/*.txt | sha256sum)"
if [ "$(cat "$folder/twin/sum" 2>/dev/null)" != "$sum" ]; then
  PYTHONPATH="$packages" python3 "$here/twin.py" "$here/cases.json" "$packages" "$folder/twin"
  echo "$sum" > "$folder/twin/sum"
fi
