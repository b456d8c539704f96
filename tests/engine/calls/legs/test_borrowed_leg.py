"""A line that stays up, as a leg of one call after the other."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.cancel_scope import while_up
from engine.calls.dialling import Caller
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import LegEnded
from engine.calls.legs.borrowed_leg import ANNOUNCEMENT, BorrowedLeg
from media.protocol.messages import LegFailed, MediaTimeout
from media.sources import Silence, Tone
from tests.support.leg_owner import LegOwner, LegWatcher
from tests.support.permanent_line import PermanentLine, run_line

CALL_OVER = HangupCause("completed", "call over")
CALLER = Caller(None, default="ringback")


def test_a_call_borrows_the_line_and_gives_it_back(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        up = line.lines.line_of("anna")
        assert up is not None
        for _ in range(2):
            line.owner.published.clear()
            leg = line.borrow()
            assert line.lines.borrow("anna", LegOwner()) is None, "one call only"
            line.stage.services.registry.legs[leg.id] = leg
            await leg.open()
            await leg.dial(caller=CALLER, ring_s=20.0)
            assert line.owner.kinds == ["leg.dialing", "leg.answered"]
            assert leg.record.reason == "permanent line"
            leg.hear(Tone("440/1000"))
            leg.hang_up(HangupCause("completed", "call over"))
            await leg.release()
            assert line.owner.kinds[2:] == ["leg.ended"]
            assert not phone.is_hung_up and up.hangup_cause is None
            assert line.stage.services.registry.legs[up.id] is up
            heard = line.stage.media.heard[up.id]
            assert heard[-1] == Silence() and ANNOUNCEMENT in heard
            assert leg.record.media is not None

    run_line(tmp_path, script)


def test_keys_reach_the_phone_by_info_where_the_agent_has_it_so(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = await line.in_call()
        assert leg.gets_keys_by_info
        leg.send_keys("1#")
        await asyncio.sleep(1)
        assert [body.splitlines()[0] for _type, body in phone.infos] == [b"Signal=1", b"Signal=#"]
        leg.hang_up(CALL_OVER)
        await leg.release()

    run_line(tmp_path, script, dtmf="info")


def test_digits_by_info_are_the_calls_while_it_has_the_line(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = await line.in_call()
        watcher = LegWatcher()
        leg.listen(watcher)
        phone.presses("5")
        assert watcher.digits == ["5"] and line.owner.kinds[-1] == "leg.dtmf"
        leg.hang_up(HangupCause("completed", "call over"))
        await leg.release()
        phone.presses("6")
        assert watcher.digits == ["5"]

    run_line(tmp_path, script)


def test_a_line_that_ends_in_a_call_ends_the_call(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = await line.in_call()
        with pytest.raises(LegEnded) as ended:
            async with while_up(leg):
                phone.hangs_up()
                await asyncio.sleep(10)
        assert ended.value.hangup_cause.result == "hung_up"
        assert line.stage.last("line.ended")["agent"] == "anna"
        assert line.lines.borrow("anna", LegOwner()) is None
        await leg.release()

    run_line(tmp_path, script)


def test_a_line_that_ends_before_the_call_begins(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = line.borrow()
        phone.hangs_up()
        for begin in (leg.open(), leg.dial(caller=CALLER, ring_s=20.0)):
            with pytest.raises(LegEnded):
                await begin
        await leg.release()
        assert line.owner.kinds == [], "the call has published nothing of it"

    run_line(tmp_path, script)


def test_holding_and_lost_media_are_the_calls_while_it_has_the_line(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = line.borrow()
        watcher = LegWatcher()
        leg.listen(watcher)
        await leg.open()
        await leg.dial(caller=CALLER, ring_s=20.0)
        phone.holds()
        phone.resumes()
        assert watcher.holds == [True, False]
        assert line.owner.kinds[2:] == ["leg.held", "leg.resumed"]
        leg.on_media(MediaTimeout(leg.id, 30.0))
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "no_media"
        assert phone.is_hung_up
        await leg.release()

    run_line(tmp_path, script)


def test_a_line_that_the_worker_has_closed_by_a_fault_ends_and_the_leg_with_it(
    tmp_path: Path,
) -> None:
    async def script(line: PermanentLine) -> None:
        phone = await line.is_up()
        leg = await line.in_call()
        leg.on_media(LegFailed(leg.id))
        assert leg.hangup_cause is not None and leg.hangup_cause.result == "failed"
        assert phone.is_hung_up
        await leg.release()

    run_line(tmp_path, script)


def test_hanging_up_the_borrowed_leg_leaves_the_line_up(tmp_path: Path) -> None:
    async def script(line: PermanentLine) -> None:
        await line.is_up()
        leg = await line.in_call()
        assert isinstance(leg, BorrowedLeg)
        leg.hang_up(CALL_OVER)
        assert leg.hangup_cause is not None
        other = line.lines.line_of("anna")
        assert other is not None
        assert other.hangup_cause is None
        await leg.release()

    run_line(tmp_path, script)
