#!/bin/sh
# foundry.sh forge|cast|anvil [arguments]: runs the pinned Foundry binary (npm ci installs it).
# The packages of the platform are named in package.json themselves: the umbrella packages' wrappers end with success
# whatever happens, so a failing test would pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=$1
shift
binary="$here/node_modules/@foundry-rs/$tool-linux-amd64/bin/$tool"
if [ ! -x "$binary" ]; then
    echo "foundry.sh: $binary is missing: run npm ci in contracts/ (Linux on x86-64 only)" >&2
    exit 2
fi
exec "$binary" "$@"
