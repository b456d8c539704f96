#!/bin/sh
# Installs pesq, which judges concealed speech in tests. It has no wheels: a C compiler builds it.
# Says in words where that cannot be.
set -u

python="$(dirname "$0")/../.venv/bin/python"
"$python" -c 'import pesq' 2>/dev/null && exit 0
here="$(dirname "$0")"
if ! sh "$here/once_a_day.sh" "$here/../.venv/.pesq-failed" timeout 300 \
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 10 'pesq>=0.0.4' >/dev/null 2>&1; then
    echo "pesq could not be installed by pip: nothing will judge concealed speech"
fi
exit 0
