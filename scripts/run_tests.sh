#!/bin/sh
# Runs every test, in two passes: those that may share the machine, several at a time; then those
# marked `alone`, in the two lanes of tests/conftest.py. Many wait for others, so there are twice as
# many processes as a machine of two cores has cores. In a third pass whole engines carry calls by the
# relay in Python, which is what runs where nothing was compiled. Fails if a pass fails. COVERAGE=1
# measures all.
set -u

if [ "${COVERAGE:-}" = 1 ]; then
    # Parsing the source of a long traceback can fail in CPython 3.11 (SystemError), which ends the
    # whole run and loses what was measured. Native tracebacks parse nothing.
    options="--cov --cov-report= --tb=native"
else
    options=""
fi

# Each of the passes' processes collects every test. They begin at the same moment, so each would
# compile the same files as the others: two halves are compiled here before, at once. What is wrong
# in a file is told below.
if ! ls tests/engine/__pycache__ >/dev/null 2>&1; then
    .venv/bin/python -m pytest --collect-only -qq tests/engine >/dev/null 2>&1 &
    .venv/bin/python -m pytest --collect-only -qq --ignore tests/engine >/dev/null 2>&1
    wait
fi

# shellcheck disable=SC2086
.venv/bin/python -m pytest -n "${JOBS:-4}" --dist loadfile --no-loadscope-reorder -m "not alone" $options "$@"
together=$?
# shellcheck disable=SC2086
.venv/bin/python -m pytest -n 2 --dist loadgroup -m alone $options ${options:+--cov-append} "$@"
alone=$?
[ "$alone" = 5 ] && alone=0 # no test is marked so
plain=0
if [ $# = 0 ]; then
    tests=tests/integration
    # shellcheck disable=SC2086
    RINGBACK_RELAY=plain .venv/bin/python -m pytest -n 3 $options ${options:+--cov-append} \
        $tests/test_media_paths.py \
        $tests/test_agent_first.py::test_each_side_gets_one_unbroken_stream \
        $tests/test_supervision.py::test_listen_whisper_barge_and_who_hears_whom
    plain=$?
fi
[ "$together" = 0 ] || exit "$together"
[ "$alone" = 0 ] || exit "$alone"
exit "$plain"
