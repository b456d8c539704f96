#!/bin/sh
# Installs packages of npm for tests: npm_install.sh NAME PACKAGE … They are in .venv/node/node_modules. Fails where there is
# no npm or it cannot; that is tried again the next day, see once_a_day.sh.
set -u

here="$(dirname "$0")"
folder="$here/../.venv/node"
name=$1
shift
command -v npm >/dev/null 2>&1 || exit 1
mkdir -p "$folder"
exec sh "$here/once_a_day.sh" "$folder/.$name-failed" timeout 60 \
    npm install --silent --fetch-retries=0 --no-audit --no-fund --prefix "$folder" "$@" >/dev/null 2>&1
