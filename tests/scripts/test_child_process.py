"""A process that a script started is ended, whether it heeds SIGTERM or not."""

import asyncio
import signal
import sys

import pytest

from scripts.child_process import stop

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


@pytest.mark.parametrize(
    ("before", "limit_s", "ended_by"), [("", 60.0, signal.SIGTERM), (DEAF, 0.2, signal.SIGKILL)]
)
async def test_it_is_ended(before: str, limit_s: float, ended_by: signal.Signals) -> None:
    program = f"{before}print(flush=True); import time; time.sleep(60)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 60)
    await stop(process, limit_s)
    assert process.returncode == -ended_by
    await stop(process, 0.2)  # one that has ended already
