# Sets $node: that of the packed folder, else of the checkout. The scripts here are TypeScript, which it runs as they stand.
# shellcheck shell=sh
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=x64 ;; esac
for node in "$here/../lib/node" "$here/../node_modules/node-linux-$arch/bin/node" "$here/../node_modules/.bin/node"; do
  if [ -x "$node" ]; then break; fi
done
if [ ! -x "$node" ]; then
  echo "${0##*/}: no node here; run npm install, or use the folder of npm run pack" >&2
  exit 1
fi
