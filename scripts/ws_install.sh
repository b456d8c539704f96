#!/bin/sh
# Installs ws from npm, which the example bots for Node use. Says in words where it cannot.
set -u

here="$(dirname "$0")"
[ -e "$here/../.venv/node/node_modules/ws/package.json" ] && exit 0
sh "$here/npm_install.sh" ws ws@8 ||
    echo "ws could not be installed by npm: the example bots for Node will not be tried"
exit 0
