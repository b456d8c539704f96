"""Permanent lines that are up: who may borrow one, and what the agent hears between calls."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.dialling import Caller
from engine.calls.hangup_cause import HangupCause
from media.sources import Hold, Silence, Source
from tests.support.leg_owner import LegOwner
from tests.support.permanent_line import PermanentLine, run_line


def test_a_line_that_is_not_up_is_not_lent(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        assert line.lines.line_of("anna") is None
        assert line.lines.borrow("anna", LegOwner()) is None
        assert line.lines.borrow("nobody", LegOwner()) is None
        await line.is_up()
        assert line.lines.line_of("anna") is not None

    run_line(tmp_path, script)


def test_a_line_is_lent_to_one_call_at_a_time(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        await line.is_up()
        assert not line.lines.is_borrowed("anna")
        first = line.borrow()
        assert line.lines.is_borrowed("anna")
        assert line.lines.borrow("anna", LegOwner()) is None
        await first.open()
        await first.dial(caller=Caller(None, "ringback"), ring_s=5.0)
        first.hang_up(HangupCause("completed", "over"))
        await first.release()
        assert not line.lines.is_borrowed("anna")
        second = line.borrow()
        await second.release()

    run_line(tmp_path, script)


def test_a_line_that_has_just_ended_is_not_lent(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        up = line.lines.line_of("anna")
        assert up is not None
        up.hang_up(HangupCause("completed", "just now"))
        assert line.lines.borrow("anna", LegOwner()) is None
        assert phone.is_hung_up
        await asyncio.sleep(0.1)
        assert line.lines.line_of("anna") is None

    run_line(tmp_path, script)


@pytest.mark.parametrize(("comfort", "source"), [("silence", Silence()), ("music", Hold())])
def test_between_calls_the_agent_hears_what_they_like(
    tmp_path: Path, comfort: str, source: Source
) -> None:
    async def script(line: PermanentLine) -> None:
        await line.is_up()
        up = line.lines.line_of("anna")
        assert up is not None and line.stage.media.heard[up.id][-1] == source
        borrowed = line.borrow()
        await borrowed.release()
        assert line.stage.media.heard[up.id][-1] == source

    run_line(tmp_path, script, comfort=comfort)
