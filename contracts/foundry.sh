#!/bin/sh
# foundry.sh forge|cast|anvil [arguments]: runs the pinned Foundry binary (npm ci installs it).
# The npm wrappers (node_modules/.bin/forge ...) end with success whatever happens, so the binary itself is called.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=$1
shift
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=linux-amd64 ;;
Linux-aarch64) platform=linux-arm64 ;;
Darwin-x86_64) platform=darwin-amd64 ;;
Darwin-arm64) platform=darwin-arm64 ;;
*)
    echo "foundry.sh: no Foundry binary for $(uname -s) $(uname -m)" >&2
    exit 2
    ;;
esac
exec "$here/node_modules/@foundry-rs/$tool-$platform/bin/$tool" "$@"
