"""A call that comes in, from its INVITE to the last BYE, in virtual time."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.policy import Rate
from engine.routing.admission import PolicySettings
from engine.routing.rules import Ruling
from media.sources import Hold, Peer, Prompt, Silence
from tests.support.reception import Reception, reception
from tests.support.shop_callers import CALLER, SHOP, talking


def test_from_the_first_ring_to_the_last_bye(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        assert caller.statuses == [180, 200]
        assert "alice" in agent.invitation.target
        assert CALLER in agent.invitation.from_uri
        assert agent.invitation.from_display == "A caller"
        assert desk.states() == {"alice": "talking"}
        await asyncio.sleep(60)
        agent.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP], room={"welcome": "Welcome."})
    assert desk.stage.seen("call.") == [
        "call.incoming", "call.answered", "call.bridged", "call.ended",
    ]  # fmt: skip
    assert desk.stage.seen("queue.") == [
        "queue.joined", "queue.offered", "queue.answered",
    ]  # fmt: skip
    ended = desk.stage.last("call.ended")
    assert (ended["result"], ended["cause"]) == ("completed", "operator hung up")
    assert (ended["number"], ended["dialled"]) == (CALLER, "+442079460000")
    assert (ended["queue"], ended["agent"]) == ("sales", "alice")
    assert ended["talk_s"] == pytest.approx(60, abs=2)
    assert ended["started"] <= ended["taken_at"] <= ended["answered_at"] <= ended["bridged_at"]
    assert [leg["role"] for leg in ended["legs"]] == ["customer", "agent"]
    caller, agent = desk.heard(0), desk.heard(1)
    assert caller[:3] == [Silence(), Prompt("Welcome."), Hold()]
    assert isinstance(caller[-1], Peer) and isinstance(agent[-1], Peer)
    assert agent[0] == Prompt("For shop")


def test_the_agents_screen_shows_the_caller_before_the_phone_rings(tmp_path: Path) -> None:
    class History:
        def of(self, number: str | None, /) -> list[dict[str, Any]]:
            return [{"id": "cb-1", "number": number}]

    async def script(desk: Reception) -> None:
        caller, _agent = await talking(desk)
        caller.hangs_up()

    rule = {"name": "gold", "match": {"kind": "call"}, "set": {"script": "gold.html"}}
    desk = reception(tmp_path, script, routes=[SHOP], rules=[rule], history=History(),
                     headers={"X-Site": "{context.site}"})  # fmt: skip
    offered = desk.stage.last("agent.offered")
    assert offered["context"] == {
        "site": "shop", "caller": CALLER, "caller_name": "A caller", "dialled": "+442079460000",
    }  # fmt: skip
    assert offered["history"] == [{"id": "cb-1", "number": CALLER}]
    assert offered["script"] == "gold.html"
    seen = desk.stage.seen()
    assert seen.index("agent.offered") < seen.index("leg.dialing")


def test_headers_reach_the_agents_phone(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        assert ("X-Site", "shop") in agent.invitation.headers
        caller.hangs_up()
        await asyncio.sleep(0)
        assert agent.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP], headers={"X-Site": "{context.site}"})
    assert desk.stage.last("call.ended")["cause"] == "caller hung up"


def test_a_caller_who_hangs_up_while_waiting_has_abandoned(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        await asyncio.sleep(30)
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.seen("queue.") == ["queue.joined", "queue.abandoned"]
    assert desk.stage.last("call.ended")["result"] == "abandoned"
    assert desk.states() == {"alice": "paused"}


def test_a_caller_who_hangs_up_while_an_agent_rings_frees_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        caller.hangs_up()
        await asyncio.sleep(0.01)
        assert agent.is_hung_up
        assert desk.states() == {"alice": "available"}

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "abandoned"


@pytest.mark.parametrize("caller_first", [True, False])
def test_hanging_up_as_the_agent_answers_has_one_winner(tmp_path: Path, caller_first: bool) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        for act in (caller.hangs_up, agent.answers)[:: 1 if caller_first else -1]:
            act()
        await asyncio.sleep(0.01)
        assert agent.is_hung_up

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "abandoned"
    ended = [kind for kind in desk.stage.seen("queue.") if kind != "queue.offered"]
    assert ended == ["queue.joined", "queue.abandoned"]


def test_rules_may_say_whose_call_it_is(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        assert "bert" in agent.invitation.target
        assert "+442079469999" in agent.invitation.from_uri
        await asyncio.sleep(3)
        caller.hangs_up()

    rule = {
        "name": "theirs", "match": {"prefix": [CALLER]},
        "set": {"agent": "bert", "caller_id": "+442079469999", "whisper": "{to}", "record": True},
    }  # fmt: skip
    desk = reception(tmp_path, script, agents=("alice", "bert"), rules=[rule])
    ended = desk.stage.last("call.ended")
    assert (ended["agent"], ended["queue"]) == ("bert", "sales")
    assert ended["recording"].endswith(".wav")
    assert desk.heard(1)[0] == Prompt(CALLER)
    assert desk.stage.media.recorded and desk.stage.media.stopped


def test_a_call_that_is_cancelled_before_the_answer(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        early, late = desk.call(), desk.call(caller="+442079462222")
        early.cancels()  # before anything was done for it
        await late.accepted.wait()
        late.cancels()  # it crosses our 200: there is no ACK
        await asyncio.sleep(0.01)
        assert early.statuses == []

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.ended") == ["call.ended", "call.ended"]
    assert desk.stage.last("call.ended")["result"] == "hung_up"
    assert desk.stage.seen("queue.") == []


def test_no_port_is_left(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.stage.media.port_left = False
        caller = desk.call()
        await asyncio.sleep(0.1)
        assert caller.statuses == [503]

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "unavailable"


def test_no_port_is_left_for_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.stage.media.port_left = False
        desk.agents.ready("alice")
        await asyncio.sleep(1)
        assert desk.states() == {"alice": "available"}
        desk.stage.media.port_left = True
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "completed"


def test_a_command_may_hang_up(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, agent = await talking(desk)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.view()["direction"] == "inbound" and call.view()["from"] == CALLER
        assert call.owner is not None
        call.owner.hang_up()
        await asyncio.sleep(0.01)
        assert caller.is_hung_up and agent.is_hung_up

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["cause"] == "hung up by command"


def test_a_command_may_hang_up_before_the_call_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(desk: Reception) -> None:
        router, looked_up = desk.parts.router, asyncio.Event()
        ask_rules = router.call

        async def slowly(*facts: Any, **more: Any) -> Ruling:
            await looked_up.wait()
            return await ask_rules(*facts, **more)

        monkeypatch.setattr(router, "call", slowly)
        caller = desk.call()
        await asyncio.sleep(0.1)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.owner is not None
        call.owner.hang_up()
        looked_up.set()
        await asyncio.sleep(0.1)
        assert caller.statuses == [480]

    desk = reception(tmp_path, script)
    ended = desk.stage.last("call.ended")
    assert (ended["result"], ended["cause"]) == ("cancelled", "hung up by command")


def test_rules_that_take_too_long_leave_the_caller_to_the_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_facts: Any, **_more: Any) -> Ruling:
        await asyncio.Event().wait()
        raise AssertionError

    async def script(desk: Reception) -> None:
        monkeypatch.setattr(desk.parts.router, "call", never)
        caller = await desk.waiting()
        caller.hangs_up()

    desk = reception(tmp_path, script, routes=[SHOP], agents=())
    assert desk.stage.last("queue.joined")["queue"] == "sales"


def test_the_engine_stops_with_callers_waiting_and_talking(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        talks, agent = await talking(desk)
        waits = await desk.waiting(caller="+442079462222")
        rings = desk.call(caller="+442079463333")
        await desk.inbound.stop()
        assert talks.is_hung_up and waits.is_hung_up and agent.is_hung_up
        assert rings.statuses == [503]

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.ended")["result"] == "cancelled"
    assert desk.stage.last("call.ended")["cause"] == "engine stopped"


def test_the_engine_stops_in_the_instant_a_caller_loses_the_agent(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        agent.hangs_up()  # in the middle of the whisper
        async with asyncio.timeout(0.1):
            await desk.inbound.stop()
        assert caller.is_hung_up

    desk = reception(tmp_path, script, routes=[SHOP])
    assert desk.stage.last("call.ended")["cause"] == "engine stopped"


def test_whom_a_callers_phone_puts_in_its_place_costs(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        rate = Rate(prefix="+44", per_minute=Decimal(6))
        desk.stage.admission.apply(PolicySettings(rates=[rate]))
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        caller.refers("tel:+442079460123")
        third = await desk.stage.phone()
        third.answers()
        await asyncio.sleep(10.0)
        assert caller.is_hung_up
        agent.hangs_up()

    (leg,) = reception(tmp_path, script).stage.last("call.ended")["cost"]["legs"]
    assert (leg["role"], leg["rate"]) == ("customer", "+44")
    assert Decimal(leg["amount"]) == pytest.approx(Decimal(1), abs=Decimal("0.2"))
