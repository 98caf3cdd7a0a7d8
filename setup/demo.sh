#!/bin/sh
# Two units of an emulated array, 64 MiB of random data on one, one copy by EXTENDED COPY, files compared.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
array=$(mktemp -d)
trap 'rm -rf "$array"' EXIT
set -x

xcopy-dev emu create "$array" --units 2 --size 64MiB
dd if=/dev/urandom of="$array/unit-0.img" bs=1M count=64 conv=notrunc status=none
xcopy-dev "emu:$array/0" "emu:$array/1" --require offload --verbose
cmp "$array/unit-0.img" "$array/unit-1.img"

{ set +x; } 2>/dev/null
echo "demo: the two units are equal, byte for byte"
