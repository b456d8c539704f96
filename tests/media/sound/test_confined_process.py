"""Processes that read foreign data: replaced when they die, ended when they are idle."""

import os
import signal
import time
from pathlib import Path

import pytest

from media.sound.confined_process import (
    ConfinedPool,
    ConfinedProcess,
    ProcessDied,
    ProcessTimedOut,
)
from media.speech.speech_process import NO_VOICE, REQUEST, RESPONSE

MODULE = "media.speech.speech_process"


def ask(process: ConfinedProcess) -> int:
    """Ask for a voice that there is not; the process that said so."""
    deadline = time.monotonic() + 20
    process.send(REQUEST.pack(4, 160, 1.0, 0) + b"none", deadline)
    word, _, length = RESPONSE.unpack(process.receive(RESPONSE.size, deadline))
    assert word == NO_VOICE
    process.receive(length, deadline)
    return process.pid


def test_a_process_is_used_again_and_replaced_after_its_uses() -> None:
    pool = ConfinedPool(MODULE, processes=1, uses_each=2)
    first, second, third = (pool.run(ask) for _ in range(3))
    assert first == second != third
    pool.close()
    assert not Path(f"/proc/{third}").exists()


def test_one_that_died_meanwhile_is_replaced_and_one_that_dies_first_is_not() -> None:
    pool = ConfinedPool(MODULE, processes=1, uses_each=100)
    first = pool.run(ask)
    os.kill(first, signal.SIGKILL)
    assert pool.run(ask) != first
    pool.close()

    def kill(process: ConfinedProcess) -> int:
        os.kill(process.pid, signal.SIGKILL)
        return ask(process)

    with pytest.raises(ProcessDied):
        pool.run(kill)
    assert pool.idle == []


def test_one_that_is_late_is_ended_and_not_tried_again() -> None:
    pool = ConfinedPool(MODULE, processes=1, uses_each=100)
    pool.run(ask)
    asked: list[int] = []

    def wait(process: ConfinedProcess) -> None:
        asked.append(process.pid)
        process.receive(1, time.monotonic() + 0.01)

    with pytest.raises(ProcessTimedOut):
        pool.run(wait)
    assert len(asked) == 1
    assert not Path(f"/proc/{asked[0]}").exists()


def test_an_idle_process_ends() -> None:
    pool = ConfinedPool(MODULE, processes=1, uses_each=100, idle_s=0.05)
    pid = pool.run(ask)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert pool.idle == []
