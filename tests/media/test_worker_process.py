"""The process of a media worker; the worker itself is tested by its client."""

import asyncio
import subprocess
import sys
from typing import Any, cast

import pytest

from media import worker_process
from media.errors import WorkerGone
from media.settings import MediaSettings
from media.worker_process import WorkerProcess


def never_started() -> WorkerProcess:
    return WorkerProcess(MediaSettings("127.0.0.1", (4000, 4003)))


async def test_one_that_was_never_started_has_ended() -> None:
    process = never_started()
    process.kill()
    assert process.pid is None and await process.end() is None


async def test_a_worker_that_ends_before_it_listens_is_not_waited_for() -> None:
    ended = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", ""])
    await asyncio.to_thread(ended.wait, 60)
    process = never_started()
    process.popen = ended
    with pytest.raises(WorkerGone, match="died"):
        await process.reach()


async def test_a_worker_that_nobody_waits_for_any_more_is_killed() -> None:
    class Process:
        killed = False

        def kill(self) -> None:
            self.killed = True

    loop = asyncio.get_running_loop()
    started, cancelled, failed = (cast(Any, loop.create_future()) for _ in range(3))
    late = Process()
    started.set_result(late)
    cancelled.cancel()
    failed.set_exception(OSError("no memory"))
    for spawning in (started, cancelled, failed):
        worker_process._kill_late(spawning)
    assert late.killed
