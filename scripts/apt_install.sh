#!/bin/sh
# Installs Debian packages, quietly. Fails where that is not possible, and then says why.
set -u

if ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed: $* (there is no apt-get here)"
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "not installed: $* (only root may: apt-get install $*)"
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
    echo "installed: $*"
    exit 0
fi
tail -n 3 "$log"
echo "not installed: $* (apt-get failed, see above)"
exit 1
