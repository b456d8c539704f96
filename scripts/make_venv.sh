#!/bin/sh
# make_venv.sh PYTHON DIRECTORY: makes a virtual environment. What fills it with pip is a package of
# its own in Debian, which is installed where apt works.
set -u
python=$1
directory=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Ringback needs Python 3.11 or later; $python is $("$python" --version 2>&1)."
    echo "Where another one is installed: make PYTHON=python3.12 …"
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    sh "$(dirname "$0")/apt_install.sh" python3-venv || exit 1
fi
exec "$python" -m venv --clear "$directory"
