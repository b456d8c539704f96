#!/bin/sh
# Installs ws from npm, which the example bots for Node use. Says in words where it cannot.
set -u

folder="$(dirname "$0")/../.venv/node"
[ -e "$folder/node_modules/ws/package.json" ] && exit 0
mkdir -p "$folder"
if command -v npm >/dev/null 2>&1 &&
    sh "$(dirname "$0")/once_a_day.sh" "$folder/.ws-failed" timeout 60 npm install --silent --fetch-retries=0 --no-audit --no-fund --prefix "$folder" ws@8 >/dev/null 2>&1; then
    exit 0
fi
echo "ws could not be installed by npm: the example bots for Node will not be tried"
exit 0
