"""One party and what commands do with it: what is published, and how it ends."""

import asyncio
from pathlib import Path

import pytest

from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.errors import EngineError
from tests.support.calls_by_command import run_calls, up
from tests.support.scene import Scene


def test_a_hang_up_by_command_is_no_failure(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        assert call.owner is not None
        call.owner.hang_up()
        await asyncio.sleep(0.1)
        assert phone.is_hung_up
        ended = stage.last("call.ended")
        assert (ended["result"], ended["cause"]) == ("cancelled", "hung up by command")

    run_calls(tmp_path, script)


def test_every_event_names_the_site_of_its_context(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        _, phone = await up(stage, calls, "alice", site="shop.example", context={"order": 1})
        phone.hangs_up()
        await asyncio.sleep(0.1)
        for kind in ("call.originated", "leg.dialing", "call.answered", "call.ended"):
            event = stage.last(kind)
            assert event["site"] == "shop.example"
            assert event["context"] == {"order": 1, "site": "shop.example"}

    run_calls(tmp_path, script)


def test_nothing_is_done_to_a_party_who_is_not_up(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call = await calls.originate(Origination(to="alice"))
        for move in (calls.hold, calls.resume, calls.unbridge):
            with pytest.raises(EngineError, match="not answered yet"):
                move(call.id, None)
        (await stage.phone()).refuses(486)

    run_calls(tmp_path, script)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_a_stepped_clock_changes_no_duration_of_a_call_and_its_legs(
    tmp_path: Path, by_s: float
) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        (leg,) = call.view()["legs"]
        started, dialled, answered = call.view()["started"], leg.started, leg.answered
        assert answered is not None
        stage.services.clock.move(by_s)
        assert call.view()["started"] == started + by_s
        assert (leg.started, leg.answered) == (dialled + by_s, answered + by_s)
        phone.hangs_up()
        await asyncio.sleep(0.1)
        stage.services.clock.move(by_s)
        assert leg.started == dialled + by_s, "what is over stays as it is"

    run_calls(tmp_path, script)
