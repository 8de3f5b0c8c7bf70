#!/bin/sh
# The enclave side, as the init of an image would run it. Knows nothing of the parent but its own vsock (here: the fabric)
# and its own NSM. Boot config comes once over port 7777; the bridges run from it; then the application starts.
set -eu
cd "$WORK"
caisson_enclave() { "$NODE" "$BUNDLE" "$@"; }

# `enclave` writes the hosts block after `lo` is up and before it listens: when the block is there, the file is complete.
caisson_enclave config recv 7777 | tee "$CONFIG_FILE" | caisson_enclave enclave --hosts-file "$HOSTS_FILE" &
bridges=$!
until grep -qs '^# argonaut end' "$HOSTS_FILE"; do
  kill -0 "$bridges" 2>/dev/null || { echo 'enclave: the bridges ended before the config came' >&2; exit 1; }
  sleep 0.02
done
exec "$NODE" "$APP"
