#!/bin/sh
# Installs from npm what the tests of web pages use: axe-core, which finds what is not accessible; JsSIP
# and SIP.js, which speak SIP from pages. Says in words where it cannot.
set -u

here="$(dirname "$0")"
modules="$here/../.venv/node/node_modules"
[ -e "$modules/axe-core/axe.min.js" ] && [ -e "$modules/jssip" ] && [ -e "$modules/sip.js" ] && exit 0
sh "$here/npm_install.sh" page-libraries axe-core@4 jssip@3 sip.js@0 && exit 0
[ -e "$modules/axe-core/axe.min.js" ] ||
    echo "axe-core could not be installed by npm: no rule of accessibility will be checked"
echo "JsSIP and SIP.js could not be installed by npm: the tests that call them will be skipped"
exit 0
