#!/bin/sh
# rbuilds from any folder: what it makes goes to ./eif of the folder where it is started.
here=$(dirname "$(readlink -f "$0")")
node=$here/../node_modules/.bin/node
[ -x "$node" ] || node=node
exec "$node" "$here/../packages/cli/bin/rbuilds.js" "$@"
