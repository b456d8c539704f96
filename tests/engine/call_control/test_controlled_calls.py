"""Who may be called by command, which calls can be bridged, and how all are stopped."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from config.inbound import Inbound as Route
from config.policy import Destinations, Limit, Limits
from engine.call_control.controlled_calls import ControlledCalls, Origination
from engine.errors import EngineError
from engine.routing.admission import PolicySettings
from tests.support.calls_by_command import NUMBER, call_id, handed_over, leg_of, run_calls, up
from tests.support.reception import Reception
from tests.support.scene import Scene

CLIENT = Route(name="bot", handler="client", handler_s=8.0, context={"site": "shop"})
SHOP = Route(name="shop", queue="sales")
FALLS_BACK = Route(name="bot", handler="client", handler_s=8.0, fallback="shop")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"to": "112"}, "to"),
        ({"to": "sip:x@198.51.100.9"}, "to"),
        ({"to": "+449061234567"}, "to"),
        ({"to": NUMBER, "caller_id": "hello there"}, "caller_id"),
        ({"to": NUMBER, "trunk": "none"}, "trunk"),
    ],
)
def test_the_dial_policy_is_asked(tmp_path: Path, asked: dict[str, Any], field: str) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        stage.admission.apply(PolicySettings(destinations=Destinations()))
        with pytest.raises(EngineError) as caught:
            await calls.originate(Origination(**asked))
        assert (caught.value.kind, caught.value.field) == ("refused", field)
        assert stage.sip.phones.empty() and stage.seen() == []

    run_calls(tmp_path, script)


def test_velocity_limits_and_the_list_of_blocked_numbers_hold(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first = asyncio.ensure_future(calls.originate(Origination(to=NUMBER)))
        with pytest.raises(EngineError, match="on the line"):
            await asyncio.gather(first, calls.originate(Origination(to=NUMBER)))
        (await stage.phone()).refuses(486)
        await asyncio.sleep(0.1)
        stage.admission.apply(PolicySettings(limits=Limits(number=Limit(per_day=1))))
        _, phone = await up(stage, calls, NUMBER)
        phone.hangs_up()
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError) as caught:
            await calls.originate(Origination(to=NUMBER))
        assert caught.value.data["policy"] == "velocity"

    run_calls(tmp_path, script)


def test_not_more_calls_than_max_calls_and_none_while_draining(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        _call, phone = await up(stage, calls, "alice")
        with pytest.raises(EngineError, match="1 calls are up"):
            await calls.originate(Origination(to="alice"))
        phone.hangs_up()

        def draining() -> None:
            raise EngineError("unavailable", "the engine is draining")

        other = ControlledCalls(stage.services, stage.admission, draining)
        with pytest.raises(EngineError, match="draining"):
            await other.originate(Origination(to="alice"))
        await asyncio.sleep(0.1)
        stage.media.port_left = False
        with pytest.raises(EngineError, match="no RTP port left"):
            await calls.originate(Origination(to="alice"))

    run_calls(tmp_path, script, max_calls=1)


def test_a_stop_hangs_up(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        _, phone = await up(stage, calls, "alice")
        await calls.stop()
        assert phone.is_hung_up
        assert stage.last("call.ended")["cause"] == "engine stopped"

    run_calls(tmp_path, script)


def test_what_cannot_be_bridged(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        a = leg_of(first)
        with pytest.raises(EngineError, match="with itself"):
            calls.bridge(a, a, end_together=True)
        with pytest.raises(EngineError, match="there is no leg"):
            calls.bridge(a, "leg-x", end_together=True)
        second = await calls.originate(Origination(to=NUMBER))
        with pytest.raises(EngineError, match="not answered yet"):
            calls.bridge(a, leg_of(second), end_together=True)
        (await stage.phone()).refuses(486)
        one.hangs_up()

    run_calls(tmp_path, script)


def test_calls_of_queues_are_not_moved_by_commands(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        for move in (desk.controlled.hold, desk.controlled.unbridge):
            with pytest.raises(EngineError, match="a queue or a callback has it"):
                move(call_id(desk), None)
        caller.hangs_up()

    handed_over(tmp_path, script, SHOP)


def test_legs_of_two_media_workers_cannot_be_bridged(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        stage.media.open_legs.remove(leg_of(second))
        with pytest.raises(EngineError, match="has no media any more") as refused:
            calls.bridge(leg_of(first), leg_of(second), end_together=True)
        assert (refused.value.kind, refused.value.field) == ("state", "with")
        one.hangs_up()
        two.hangs_up()

    run_calls(tmp_path, script)


def test_a_stop_parts_and_hangs_up_a_bridge(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, one = await up(stage, calls, "alice")
        second, two = await up(stage, calls, NUMBER)
        calls.bridge(leg_of(first), leg_of(second), end_together=False)
        await calls.stop()
        assert one.is_hung_up and two.is_hung_up
        assert stage.last("call.unbridged")["partner"] in (leg_of(first), leg_of(second))

    run_calls(tmp_path, script)


def test_what_is_for_calls_that_came_in_is_refused_for_others(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call, phone = await up(stage, calls, "alice")
        with pytest.raises(EngineError, match="did not come in") as refused:
            calls.ring(call.id, None, 180)
        assert (refused.value.kind, refused.value.field) == ("state", "call")
        assert call.owner is not None
        with pytest.raises(EngineError, match=r"connect it by call\.bridge"):
            call.owner.transfer(cast(Any, None))
        phone.hangs_up()

    run_calls(tmp_path, script)


def test_the_partner_of_a_call_is_the_one_that_it_is_bridged_with(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        one, _phone = await up(stage, calls, "sip:one@127.0.0.1:5061")
        two, _phone = await up(stage, calls, "sip:two@127.0.0.1:5062")
        joined = stage.services.registry.joined_calls
        assert joined(one, one.legs[0]) == [one]
        calls.bridge(leg_of(one), leg_of(two), end_together=True)
        assert joined(one, one.legs[0]) == [one, two] and joined(two, two.legs[0]) == [two, one]
        calls.find(one.id, None).hang_up()
        await asyncio.sleep(0.1)
        assert joined(one, one.legs[0]) == [one]

    run_calls(tmp_path, script)


def test_it_is_told_who_answers_where_the_client_or_the_trunk_asks(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        for detect, listens in ((None, False), (True, True), (False, False)):
            call = await calls.originate(Origination(to="alice", detect=detect))
            phone = await stage.phone()
            phone.answers()
            await asyncio.sleep(0.1)
            assert bool(stage.media.detecting) == listens
            assert calls.detect(call.id, None) is call
            assert stage.media.detecting[-1] == call.legs[0].id
            stage.media.detecting.clear()
            phone.hangs_up()
            await asyncio.sleep(0.1)

    run_calls(tmp_path, script)


def test_whoever_is_not_up_is_not_listened_to(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        call = await calls.originate(Origination(to="alice"))
        with pytest.raises(EngineError) as caught:
            calls.detect(call.id, None)
        assert caught.value.kind == "state"
        (await stage.phone()).refuses(486)
        await asyncio.sleep(0.1)

    run_calls(tmp_path, script)
