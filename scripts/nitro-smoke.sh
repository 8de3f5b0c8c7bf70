#!/bin/sh
# Checks Caisson on this machine end to end: nitro by default, CAISSON_SMOKE_BACKEND=sim or qemu elsewhere.
# docs/hardware.md has the variables.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/hardware/node.sh"
exec "$node" "$here/hardware/smoke/main.ts"
