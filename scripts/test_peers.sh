#!/bin/sh
# Installs the SIP peers that the integration tests call, where apt works.
# Says in words what is missing otherwise; the tests that need it are then skipped.
set -u

missing=""
command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
command -v baresip >/dev/null 2>&1 || missing="$missing baresip"
command -v kamailio >/dev/null 2>&1 || missing="$missing kamailio"
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086
    if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends $missing >>"$log" 2>&1; then
        echo "installed test peers:$missing"
        rm -f "$log"
        exit 0
    fi
    tail -n 3 "$log"
    rm -f "$log"
fi
echo "not installed:$missing (needs apt and root); the tests that call these peers will be skipped"
exit 0
