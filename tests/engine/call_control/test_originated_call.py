"""A call that a client originates, from its origination to its end."""

import asyncio
from pathlib import Path

import pytest

from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.call_control.originated_call import OriginatedCall
from engine.errors import EngineError
from engine.store.errors import StoreError
from media.sources import Silence
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.scene import Scene
from tests.support.staffed import staff


def test_a_call_from_its_origination_to_its_end(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        asked = Origination(
            to=NUMBER, caller_id="+442079460999", headers={"X-Order": "17"},
            context={"site": "shop"}, ring_s=20.0,
        )  # fmt: skip
        call = await calls.originate(asked)
        assert call.view()["state"] == "dialing"
        phone = await stage.phone()
        assert NUMBER in phone.invitation.target
        assert "+442079460999" in phone.invitation.from_uri
        assert phone.invitation.headers == (("X-Order", "17"),)
        phone.rings()
        phone.answers()
        await asyncio.sleep(5)
        assert call.state == "up"
        assert stage.media.heard[leg_of(call)] == [Silence()]
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.seen("call.") == ["call.originated", "call.answered", "call.ended"]
        begun, ended = stage.last("call.originated"), stage.last("call.ended")
        assert (begun["to"], begun["number"], begun["site"]) == (NUMBER, NUMBER, "shop")
        assert (ended["direction"], ended["result"]) == ("outbound", "completed")
        assert ended["cause"] == "the party hung up"
        assert call.ending == ("completed", "the party hung up")

    run_calls(tmp_path, script)


def test_no_queue_rings_an_agent_meanwhile(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        agents = staff(stage, "alice", "bob")

        def states() -> list[str]:
            return [agents.known(name).state for name in ("alice", "bob")]

        await calls.originate(Origination(to="alice"))
        assert states() == ["reserved", "available"]
        phone = await stage.phone()
        phone.refuses(486)
        await asyncio.sleep(0.1)
        assert states() == ["available", "available"]
        agents.pause("bob", "lunch")
        for name in ("alice", "bob"):
            _, phone = await up(stage, calls, name)
            assert states() == ["reserved" if name == "alice" else "available", "paused"]
            phone.hangs_up()
            await asyncio.sleep(0.1)
        assert states() == ["available", "paused"]

    run_calls(tmp_path, script, agents=("alice", "bob"))


def test_an_agent_whose_call_has_no_port_is_free_again(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        agents = staff(stage, "alice")
        stage.media.port_left = False
        with pytest.raises(EngineError):
            await calls.originate(Origination(to="alice"))
        assert agents.known("alice").state == "available"

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("status", "result"), [(486, "busy"), (603, "declined"), (404, "not_found")]
)
def test_why_nobody_answered(tmp_path: Path, status: int, result: str) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        await calls.originate(Origination(to="alice"))
        phone = await stage.phone()
        phone.refuses(status)
        await asyncio.sleep(0.1)
        assert stage.last("call.ended")["result"] == result

    run_calls(tmp_path, script)


def test_it_rings_for_ring_s_and_is_up_for_max_duration_s(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        await calls.originate(Origination(to="alice", ring_s=5.0))
        phone = await stage.phone()
        phone.rings()
        await asyncio.sleep(5.1)
        assert phone.is_hung_up and stage.last("call.ended")["result"] == "no_answer"
        _, phone = await up(stage, calls, "alice", max_duration_s=60.0)
        await asyncio.sleep(60.1)
        assert phone.is_hung_up
        assert stage.last("call.ended")["cause"] == "maximum duration reached"

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    "error", [EngineError("unavailable", "no media"), StoreError("io", "the disk is full")]
)
def test_what_the_engine_cannot_do_ends_the_call_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: EngineError
) -> None:
    async def fails(_call: OriginatedCall) -> None:
        raise error

    async def script(stage: Scene, calls: ControlledCalls) -> None:
        monkeypatch.setattr(OriginatedCall, "_story", fails)
        await calls.originate(Origination(to=NUMBER))
        await asyncio.sleep(0.1)
        ended = stage.last("call.ended")
        assert (ended["result"], ended["cause"]) == ("unavailable", error.message)

    run_calls(tmp_path, script)
