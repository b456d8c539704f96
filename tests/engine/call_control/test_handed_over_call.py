"""Calls that come in and are handed to a client."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.inbound import Inbound as Route
from config.policy import Hours, Limit, Limits
from engine.errors import EngineError
from engine.routing.admission import PolicySettings
from sip.errors import SipError
from tests.support.calls_by_command import NUMBER, call_id, handed_over
from tests.support.reception import Reception

CLIENT = Route(name="bot", handler="client", handler_s=8.0, context={"site": "shop"})
SHOP = Route(name="shop", queue="sales")
FALLS_BACK = Route(name="bot", handler="client", handler_s=8.0, fallback="shop")


def test_a_client_lets_it_ring_and_answers(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(0.01)
        incoming = desk.stage.last("call.incoming")
        assert incoming["handler"] == "client" and incoming["leg"]
        assert incoming["decide_by"] == pytest.approx(8.0, abs=0.1)
        assert caller.statuses == []
        call = call_id(desk)
        assert dict(desk.controlled.headers(call, None))["Call-ID"]
        desk.controlled.ring(call, None, 180)
        answered = asyncio.ensure_future(desk.controlled.answer(call, None))
        await caller.accepted.wait()
        caller.acknowledges()
        assert (await answered).state == "up"
        assert caller.statuses == [180, 200]
        with pytest.raises(EngineError, match="answered, refused or over"):
            desk.controlled.reject(call, None, 486, None)
        await asyncio.sleep(20)
        caller.hangs_up()

    desk = handed_over(tmp_path, script, CLIENT)
    ended = desk.stage.last("call.ended")
    assert (ended["direction"], ended["result"], ended["route"]) == ("inbound", "completed", "bot")


def test_a_client_refuses_or_redirects_it(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(0.01)
        desk.controlled.reject(call_id(desk), None, 486, "not now")
        await caller.rejected.wait()
        assert (caller.statuses, caller.refused_because) == ([486], "not now")
        caller = desk.call()
        await asyncio.sleep(0.01)
        desk.controlled.reject(call_id(desk), None, 606, "no codec")
        await caller.rejected.wait()
        assert (caller.statuses, caller.refused_because) == ([606], "no codec")
        left = desk.stage.last("leg.ended")
        told = (left["result"], left["sip_status"], left["reason"])
        assert told == ("rejected", 606, "no codec")
        caller = desk.call()
        await asyncio.sleep(0.01)
        for to in ("112", "sip:x@198.51.100.9"):
            with pytest.raises(EngineError) as caught:
                desk.controlled.redirect(call_id(desk), None, to)
            assert caught.value.kind == "refused"
        desk.controlled.redirect(call_id(desk), None, "alice")
        await caller.rejected.wait()
        assert caller.statuses == [302]
        assert caller.headers == (("Contact", "<sip:alice@127.0.0.1:5080>"),)

    desk = handed_over(tmp_path, script, CLIENT)
    assert desk.stage.last("call.ended")["result"] == "redirected"


def test_limits_and_hours_hold_for_where_a_caller_is_sent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        admission, caller = desk.stage.admission, desk.call()
        await asyncio.sleep(0.01)
        for settings, policy in (
            (PolicySettings(hours=Hours(enforce=True)), "hours"),
            (PolicySettings(limits=Limits(number=Limit(per_day=1))), None),
            (PolicySettings(limits=Limits(number=Limit(per_day=1))), "velocity"),
        ):
            admission.apply(settings)
            if policy is None:
                desk.controlled.redirect(call_id(desk), None, NUMBER)
                await caller.rejected.wait()
                caller = desk.call()
                await asyncio.sleep(0.01)
                continue
            with pytest.raises(EngineError) as caught:
                desk.controlled.redirect(call_id(desk), None, NUMBER)
            assert (caught.value.kind, caught.value.data["policy"]) == ("refused", policy)
        desk.controlled.reject(call_id(desk), None, 486, None)
        await caller.rejected.wait()

    handed_over(tmp_path, script, CLIENT)


def test_where_no_client_decides_the_fallback_takes_it(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(7.9)
        assert caller.statuses == []
        async with asyncio.timeout(5):
            await caller.accepted.wait()
        assert caller.statuses == [181, 180, 200]
        caller.acknowledges()
        assert desk.stage.seen("call.")[:3] == [
            "call.incoming", "call.handed_back", "call.incoming",
        ]  # fmt: skip
        assert desk.stage.last("call.incoming")["route"] == "shop"
        reason = desk.stage.last("call.handed_back")["reason"]
        assert reason == "no client has taken it within 8 s"
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = handed_over(tmp_path, script, FALLS_BACK, SHOP)
    assert desk.stage.seen("call.").count("call.ended") == 1


def test_without_a_fallback_it_is_refused(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        async with asyncio.timeout(9):
            await caller.rejected.wait()
        assert caller.statuses == [480]

    desk = handed_over(tmp_path, script, CLIENT)
    assert desk.stage.last("call.ended")["result"] == "unavailable"


def test_a_caller_who_hangs_up_meanwhile(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(1)
        caller.cancels()
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError, match="there is no call"):
            await desk.controlled.answer(call_id(desk), None)

    desk = handed_over(tmp_path, script, FALLS_BACK, SHOP)
    assert desk.stage.seen("call.") == ["call.incoming", "call.ended"]


def test_an_answer_without_a_port_left_refuses_the_caller(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(1)
        desk.stage.media.port_left = False
        with pytest.raises(EngineError, match="is over"):
            await desk.controlled.answer(call_id(desk), None)
        await asyncio.sleep(0.1)
        assert caller.statuses == [480]

    desk = handed_over(tmp_path, script, CLIENT)
    ended = desk.stage.last("call.ended")
    assert (ended["result"], ended["cause"]) == ("unavailable", "no RTP port left in 10000-19999")


def test_who_never_acknowledges_the_answer_is_not_up(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = desk.call()
        await asyncio.sleep(1)
        with pytest.raises(EngineError, match="is not answered yet"):
            await desk.controlled.answer(call_id(desk), None)
        caller.hangs_up()

    handed_over(tmp_path, script, CLIENT)


@pytest.mark.parametrize("decided", ["ring", "reject"])
def test_a_decision_that_crosses_the_callers_hang_up_ends_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decided: str
) -> None:
    def refuse(*_given: Any, **_more: Any) -> None:
        raise SipError("the caller has hung up")

    async def script(desk: Reception) -> None:
        desk.call()
        await asyncio.sleep(1)
        monkeypatch.setattr(desk.stage.sip, decided, refuse)
        if decided == "ring":
            desk.controlled.ring(call_id(desk), None, 180)
        else:
            desk.controlled.reject(call_id(desk), None, 486, None)
        await asyncio.sleep(0.1)

    desk = handed_over(tmp_path, script, CLIENT)
    assert (
        desk.stage.last("call.ended")["result"]
        == {"ring": "hung_up", "reject": "rejected"}[decided]
    )
