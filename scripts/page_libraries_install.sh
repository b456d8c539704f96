#!/bin/sh
# Installs from npm what the tests of web pages use: axe-core, which finds what is not accessible; JsSIP
# and SIP.js, which speak SIP from pages. Says in words where it cannot.
set -u

folder="$(dirname "$0")/../.venv/node"
modules="$folder/node_modules"
[ -e "$modules/axe-core/axe.min.js" ] && [ -e "$modules/jssip" ] && [ -e "$modules/sip.js" ] && exit 0
mkdir -p "$folder"
if command -v npm >/dev/null 2>&1 &&
    sh "$(dirname "$0")/once_a_day.sh" "$folder/.page-libraries-failed" timeout 60 npm install --silent --fetch-retries=0 --no-audit --no-fund --prefix "$folder" \
        axe-core@4 jssip@3 sip.js@0 >/dev/null 2>&1; then
    exit 0
fi
[ -e "$modules/axe-core/axe.min.js" ] ||
    echo "axe-core could not be installed by npm: no rule of accessibility will be checked"
echo "JsSIP and SIP.js could not be installed by npm: the tests that call them will be skipped"
exit 0
