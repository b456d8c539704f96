"""Callers whose agent does not answer, hangs up before the bridge, or is away."""

import asyncio
from pathlib import Path

import pytest

from config.inbound import Inbound as Route
from config.queues import Queue
from engine.calls.call_legs import LEGS_KEPT
from engine.job import OFFERS_KEPT
from tests.support.reception import Reception, reception
from tests.support.scene import ScriptedSpeech
from tests.support.shop_callers import SHOP, talking


def test_an_agent_who_does_not_answer_costs_no_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.refuses(486, "Busy Here")
        agent = await desk.answering_agent()
        await asyncio.sleep(1)
        assert desk.stage.services.registry.calls
        caller.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.seen("queue.") == [
        "queue.joined", "queue.offered", "queue.unanswered", "queue.offered", "queue.answered",
    ]  # fmt: skip
    assert [offer["result"] for offer in desk.stage.last("call.ended")["offers"]] == [
        "busy", "answered",
    ]  # fmt: skip


def test_agents_who_do_not_answer_leave_nothing_behind_while_the_caller_waits(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        for _ in range(LEGS_KEPT + 10):
            (await desk.stage.phone()).refuses(486)
            await asyncio.sleep(0.01)
            assert len(desk.stage.media.open_legs) == 1
            if desk.states()["alice"] == "paused":
                desk.agents.ready("alice")
        (await desk.answering_agent(ring_s=0)).hangs_up()
        await asyncio.sleep(0.01)
        assert len(desk.stage.media.open_legs) == 1  # she is rung again after `again_s` only
        assert len(desk.stage.services.registry.legs) <= LEGS_KEPT + 1
        await desk.answering_agent(ring_s=0)
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, queues=[Queue(name="sales", again_s=1.0)], routes=[SHOP])
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "completed"
    assert len(ended["legs"]) <= LEGS_KEPT + 1 and len(ended["offers"]) <= OFFERS_KEPT
    assert ended["legs"][0]["role"] == "customer"


@pytest.mark.parametrize(("again_s", "gap_s"), [(5.0, 5.0), (0.0, 1.0)])
def test_who_hangs_up_in_the_whisper_has_missed_the_offer(
    tmp_path: Path, again_s: float, gap_s: float
) -> None:
    async def script(desk: Reception) -> None:
        loop = asyncio.get_running_loop()
        caller = await desk.waiting()
        left_at = -gap_s
        for missed in (1, 2, 3):
            phone = await desk.answering_agent(ring_s=0)
            assert loop.time() - left_at >= gap_s
            phone.hangs_up()
            left_at = loop.time()
            await asyncio.sleep(0.01)
            alice = desk.agents.known("alice")
            assert alice.missed_in_a_row == missed
            assert alice.state == ("paused" if missed == 3 else "available")
        await asyncio.sleep(20)
        assert desk.states()["alice"] == "paused" and not caller.is_hung_up
        caller.hangs_up()

    sales = Queue(name="sales", again_s=again_s)
    desk = reception(tmp_path, script, queues=[sales], routes=[SHOP])
    assert desk.stage.seen("queue.").count("queue.offered") == 3


def test_an_agent_who_hangs_up_before_the_bridge_is_replaced(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        first = await desk.answering_agent()
        first.hangs_up()  # in the middle of the whisper
        await asyncio.sleep(0.01)
        assert not caller.is_hung_up
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, routes=[SHOP], agents=("alice", "bert"))
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.seen("queue.").count("queue.joined") == 2
    joined = desk.stage.last("queue.joined")
    assert joined["place"] == 1


def test_a_whisper_that_cannot_be_spoken_is_published_and_the_call_goes_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, _agent = await talking(desk)
        caller.hangs_up()

    speech = ScriptedSpeech()
    speech.fails = True
    desk = reception(tmp_path, script, routes=[SHOP], speech=speech)
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("leg.not_played")["error"] == "no voice"


def test_a_caller_who_lost_the_agent_is_admitted_by_a_full_queue(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        agent.answers()
        await asyncio.sleep(0.01)
        for name in ("alice", "bert"):
            desk.agents.pause(name)
        other = await desk.waiting(caller="+442079462222")
        agent.hangs_up()
        await asyncio.sleep(5)
        assert not caller.is_hung_up
        assert desk.stage.last("queue.joined")["place"] == 1
        caller.hangs_up()
        other.hangs_up()

    queue = Queue(name="sales", max_length=1)
    reception(tmp_path, script, routes=[SHOP], queues=[queue], agents=("alice", "bert"))


FOR_BERT = {"name": "theirs", "set": {"agent": "bert", "ring_s": 6.0}}
KEPT = Route(name="shop", queue="sales", agent_s=20.0)


@pytest.mark.parametrize(
    ("bert", "begins_s", "ends_s"),
    [("logged out", 0, 0.1), ("paused", 20, 20.1), ("rings on", 20, 20.1)],
)
def test_other_agents_answer_for_a_named_agent_who_is_away(
    tmp_path: Path, bert: str, begins_s: float, ends_s: float
) -> None:
    async def script(desk: Reception) -> None:
        loop = asyncio.get_running_loop()
        if bert == "logged out":
            desk.agents.logout("bert")
        elif bert == "paused":
            desk.agents.pause("bert")
        called_at = loop.time()
        caller = await desk.waiting()
        phone = await desk.stage.phone()
        for _ in range(2 if bert == "rings on" else 0):  # again after again_s
            assert "bert" in phone.invitation.target
            phone.rings()
            phone = await desk.stage.phone()
        assert "alice" in phone.invitation.target
        assert begins_s <= loop.time() - called_at < ends_s
        phone.answers()
        await asyncio.sleep(1)
        caller.hangs_up()

    reception(tmp_path, script, agents=("alice", "bert"), rules=[FOR_BERT], routes=[KEPT])


@pytest.mark.parametrize("answers", [True, False])
def test_a_number_that_a_rule_names_is_rung_and_the_queue_stands_in_for_it(
    tmp_path: Path, answers: bool
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        mobile = await desk.stage.phone()
        assert "+447700900123" in mobile.invitation.target
        mobile.rings()
        if answers:
            mobile.answers()
        else:
            await asyncio.sleep(6.1)
            assert mobile.is_hung_up
            assert not caller.is_hung_up
            assert "alice" in (await desk.answering_agent()).invitation.target
        await asyncio.sleep(1)
        caller.hangs_up()

    rule = {"name": "theirs", "set": {"agent": "+447700900123", "ring_s": 6.0}}
    desk = reception(tmp_path, script, rules=[rule], routes=[KEPT])
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "completed"
    assert ended["agent"] == ("+447700900123" if answers else "alice")
    assert ("queue.joined" in desk.stage.seen()) is not answers
