"""Programs that recognise: what they get, what they print, and how they end."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.recognition import program
from media.recognition.program import ProgramRecogniser
from media.recognition.result import Recognised, RecogniserFailed, Result, SpeechStarted
from tests.support.arrivals import Arrivals

LIMIT_S = 60.0
ENVIRONMENT = {"PATH": os.defpath}


class Running:
    """A program that runs: what it says, and how it has ended."""

    def __init__(self, recogniser: ProgramRecogniser, results: Arrivals[Result]) -> None:
        self.recogniser, self.results = recogniser, results
        self.task = asyncio.ensure_future(recogniser.run())

    async def failure(self) -> str:
        with pytest.raises(RecogniserFailed) as failed:
            async with asyncio.timeout(LIMIT_S):
                await self.task
        return str(failed.value)


@contextlib.asynccontextmanager
async def running(script: str, preface: bytes = b"", memory_mib: int = 0) -> AsyncIterator[Running]:
    """A script in Python as the program."""
    results: Arrivals[Result] = Arrivals()
    command = [sys.executable, "-S", "-E", "-c", f"import sys, os, time\n{script}"]
    recogniser = ProgramRecogniser(
        command, ENVIRONMENT, results.add, preface=preface, memory_mib=memory_mib
    )
    run = Running(recogniser, results)
    try:
        yield run
    finally:
        run.task.cancel()
        await asyncio.wait([run.task])


async def test_a_program_gets_the_sound_and_says_what_it_hears() -> None:
    script = """
first = sys.stdin.buffer.readline()
sound = sys.stdin.buffer.read(640)
print('{"type": "speech"}', flush=True)
print(first.decode().strip(), len(sound), sorted(os.environ) == ['LC_CTYPE', 'PATH'], flush=True)
time.sleep(600)
"""
    async with running(script, preface=b"words\n") as run:
        run.recogniser.feed(bytes(640))
        await run.results.wait_for(lambda one: isinstance(one, SpeechStarted), timeout_s=LIMIT_S)
        heard = await run.results.wait_for(
            lambda one: isinstance(one, Recognised), timeout_s=LIMIT_S
        )
        assert heard == Recognised("words 640 True")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('no model')", "exit status 1: no model"),
        ("os.kill(os.getpid(), 9)", "has ended: signal 9"),
        ("os.close(0); os.close(1); time.sleep(0.1)", "has ended: exit status 0"),
        ("print('{' * 9, '\\n' * 2, flush=True)\nwhile True: print('\\x01')", "not understood"),
        ("while True: print('yes')", "says too much"),
        ("while True: sys.stdout.write('y' * 99999)", "a line without end"),
        ('print(\'{"type": "error", "reason": "no licence"}\', flush=True)', "no licence"),
    ],
)
async def test_one_that_dies_or_says_nonsense_fails_with_the_reason(
    script: str, reason: str
) -> None:
    async with running(script) as run:
        assert reason in await run.failure()


async def test_one_that_floods_its_standard_error_is_read_slowly() -> None:
    script = f"""
for _ in range(64): os.write(2, b'y' * {program.COMPLAINT_BYTES})
print('yes', flush=True)
time.sleep(600)
"""
    began = asyncio.get_running_loop().time()
    async with running(script) as run:
        await run.results.wait_for(lambda _one: True, timeout_s=LIMIT_S)
    # The pipe, and what is read ahead of it, have room for fewer than 24 pieces.
    assert asyncio.get_running_loop().time() - began >= 40 * program.COMPLAINT_PAUSE_S


async def test_one_that_reads_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "STUCK_S", 0.2)
    async with running("time.sleep(600)") as run:
        for _ in range(program.MOST_FRAMES):
            run.recogniser.feed(bytes(960))
        assert "has read nothing" in await run.failure()


async def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    script = """
child = os.fork()
if child: print(os.getpid(), child, flush=True)
time.sleep(600)
"""
    async with running(script) as run:
        heard = await run.results.wait_for(lambda _one: True, timeout_s=LIMIT_S)
        assert isinstance(heard, Recognised)
    async with asyncio.timeout(LIMIT_S):
        for pid in map(int, heard.text.split()):
            while _is_running(pid):  # noqa: ASYNC110 (nobody tells of its end)
                await asyncio.sleep(0.01)


async def test_a_program_has_no_more_memory_than_it_may() -> None:
    async with running("x = bytearray(300 << 20)", memory_mib=200) as run:
        assert "MemoryError" in await run.failure()


async def test_a_program_that_is_not_there_fails_with_the_reason() -> None:
    recogniser = ProgramRecogniser(["/nowhere/hear"], ENVIRONMENT, lambda _result: None)
    with pytest.raises(RecogniserFailed, match="hear: No such file or directory"):
        await recogniser.run()


def _is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


async def test_one_that_has_closed_its_input_is_waited_for() -> None:
    class Pipe:
        transport = SimpleNamespace(set_write_buffer_limits=lambda **_limits: None)

        def __init__(self) -> None:
            self.written: list[bytes] = []

        def write(self, data: bytes) -> None:
            self.written.append(data)

        async def drain(self) -> None:
            raise BrokenPipeError

    class Process:
        def __init__(self) -> None:
            self.stdin = Pipe()
            self.is_waited_for = False

        async def wait(self) -> int:
            self.is_waited_for = True
            return 0

    process = Process()
    recogniser = ProgramRecogniser(["listens"], {}, lambda _result: None, preface=b"words\n")
    recogniser.feed(b"sound")
    await recogniser._write(cast(Any, process))
    assert process.stdin.written == [b"words\n", b"sound"] and process.is_waited_for
