#!/bin/sh
# Installs what the tests call besides the Python packages of `make setup`, where apt works: SIP
# peers, and openssl for certificates; where chromium is there, axe-core, JsSIP and SIP.js from npm;
# where Node is, ws; where a compiler is, pesq. Says in words what is missing otherwise; the tests
# that need it are then skipped, each with the name of the package as its reason.
set -u

missing=""
command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
command -v baresip >/dev/null 2>&1 || missing="$missing baresip"
command -v kamailio >/dev/null 2>&1 || missing="$missing kamailio"
# shellcheck disable=SC2086
set -- ${KAMAILIO_MODULES:-/usr/lib/*/kamailio/modules}/tls.so
[ -e "$1" ] || missing="$missing kamailio-tls-modules"
command -v turnserver >/dev/null 2>&1 || missing="$missing coturn"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v chromium >/dev/null 2>&1 && sh "$(dirname "$0")/page_libraries_install.sh"
command -v node >/dev/null 2>&1 && sh "$(dirname "$0")/ws_install.sh"
command -v cc >/dev/null 2>&1 && sh "$(dirname "$0")/pesq_install.sh"
[ -z "$missing" ] && exit 0

# shellcheck disable=SC2086
sh "$(dirname "$0")/apt_install.sh" $missing ||
    echo "the tests that call$missing will be skipped"
exit 0
