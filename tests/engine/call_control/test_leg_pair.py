"""Two parties that are bridged, parted, and hung up together."""

import asyncio
from pathlib import Path

import pytest

from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.hangup_cause import HangupCause
from engine.errors import EngineError
from media.sources import Peer, Silence
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.scene import Scene


def test_two_are_bridged_and_parted(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER, beside=leg_of(first))
        a, b = leg_of(first), leg_of(second)
        calls.bridge(a, b, end_together=True)
        assert stage.media.heard[a][-1] == Peer(b) and stage.media.heard[b][-1] == Peer(a)
        assert first.view()["bridged_at"] is not None
        for again in ((a, b), (b, a)):
            with pytest.raises(EngineError, match="bridged already"):
                calls.bridge(*again, end_together=True)
        await asyncio.sleep(10)
        calls.unbridge(None, a)
        assert stage.media.heard[a][-1] == stage.media.heard[b][-1] == Silence()
        with pytest.raises(EngineError, match="not bridged"):
            calls.unbridge(None, b)
        assert not one.is_hung_up and not two.is_hung_up
        calls.bridge(b, a, end_together=True)
        await asyncio.sleep(10)
        one.hangs_up()
        await asyncio.sleep(0.1)
        assert two.is_hung_up
        bridged = [kind for kind in stage.seen() if "bridge" in kind]
        assert bridged.count("call.bridged") == bridged.count("call.unbridged") == 4
        assert bridged.count("bridge.joined") == bridged.count("bridge.left") == 4
        assert stage.last("call.bridged")["partner"] in (a, b)
        assert stage.last("call.unbridged")["partner"] in (a, b)
        assert stage.last("call.ended")["talk_s"] == pytest.approx(20, abs=1)

    run_calls(tmp_path, script)


def test_one_stays_up_where_that_is_asked_for(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        calls.bridge(leg_of(first), leg_of(second), end_together=False)
        one.hangs_up()
        await asyncio.sleep(5)
        assert not two.is_hung_up
        assert stage.media.heard[leg_of(second)][-1] == Silence()
        two.hangs_up()

    run_calls(tmp_path, script)


def test_what_is_recorded_of_a_party_and_of_the_one_it_is_bridged_with(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, phone = await up(stage, calls, "alice")
        second, _phone = await up(stage, calls, NUMBER, beside=leg_of(first))
        agent, customer = (calls.find(call.id, None) for call in (first, second))
        assert agent.recorded_legs("both") == (agent.leg, agent.leg)
        assert agent.recorded_legs("agent") == (agent.leg, None)
        with pytest.raises(EngineError, match="has no customer"):
            agent.recorded_legs("customer")
        assert agent.listeners() == (agent.leg,)
        calls.bridge(leg_of(first), leg_of(second), end_together=True)
        assert agent.recorded_legs("customer") == (customer.leg, None)
        assert customer.recorded_legs("agent") == (agent.leg, None)
        assert set(customer.listeners()) == {agent.leg, customer.leg}
        phone.hangs_up()

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("phone", "the partner hung up"),
        ("command", "the partner has ended: hung up by command"),
        ("worker", "the partner has ended: media worker died"),
    ],
)
def test_who_is_hung_up_with_a_partner_has_the_cause(tmp_path: Path, how: str, cause: str) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, phone = await up(stage, calls, "alice")
        second, _phone = await up(stage, calls, NUMBER, beside=leg_of(first))
        calls.bridge(leg_of(first), leg_of(second), end_together=True)
        if how == "phone":
            phone.hangs_up()
        elif how == "command":
            calls.find(first.id, None).hang_up()
        else:
            leg = calls.find(first.id, None).leg
            leg.hang_up(HangupCause("failed", "media worker died"))
        await asyncio.sleep(0.1)
        assert second.ending == ("completed", cause)

    run_calls(tmp_path, script)
