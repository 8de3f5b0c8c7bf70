#!/bin/sh
# Measures HTTP into an enclave at given rates and payloads: nitro by default, CAISSON_BENCH_BACKEND=sim or qemu elsewhere.
# docs/hardware.md has the variables.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/hardware/node.sh"
exec "$node" "$here/hardware/bench/main.ts"
