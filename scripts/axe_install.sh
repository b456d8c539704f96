#!/bin/sh
# Installs axe-core from npm, which the tests of web pages find what is not accessible with. Says in
# words where it cannot.
set -u

folder="$(dirname "$0")/../.venv/node"
[ -e "$folder/node_modules/axe-core/axe.min.js" ] && exit 0
mkdir -p "$folder"
if command -v npm >/dev/null 2>&1 &&
    timeout 60 npm install --silent --fetch-retries=0 --no-audit --no-fund --prefix "$folder" axe-core@4 >/dev/null 2>&1; then
    exit 0
fi
echo "axe-core could not be installed by npm: no rule of accessibility will be checked"
exit 0
