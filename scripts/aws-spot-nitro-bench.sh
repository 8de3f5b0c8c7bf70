#!/bin/sh
# Runs nitro-bench.sh on a spot instance with Nitro Enclaves that is made for it and always removed. docs/hardware.md has the variables.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/hardware/node.sh"
exec "$node" "$here/hardware/spot/main.ts" bench
