"""Customers who are transferred to a queue: blind, attended, and what becomes of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from config.inbound import Room
from config.queues import Overflow, Queue
from engine.calls.call import TransferOrder
from engine.calls.transfers.queue_wait import NoCallback
from engine.errors import EngineError
from media.sources import Hold, Mix, Prompt, Ringing
from tests.support.phones.scripted import ScriptedCaller, ScriptedPhone
from tests.support.reception import Reception, reception
from tests.support.two_who_talk import CAROL, Stage, run_talk

SALES = Queue(name="sales", agents=["alice"], ring_s=20.0)
SUPPORT = Queue(name="support", agents=["bob"], ring_s=20.0)
OPTIONS: dict[str, Any] = {"queues": (SALES, SUPPORT)}


def run_two(tmp_path: Path, script: Callable[[Stage], Awaitable[None]], **job: Any) -> None:
    """A callback whose customer talks with alice; bob is the agent of queue support."""
    run_talk(tmp_path, script, "alice", "bob", options=OPTIONS, **job)


def to_support(stage: Stage, **order: Any) -> None:
    stage.transfer("support", is_queue=True, **order)


def test_the_agent_leaves_and_an_agent_of_the_queue_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        to_support(stage)
        await asyncio.sleep(0.1)
        assert stage.agent.is_hung_up and not stage.customer.is_hung_up
        assert stage.agents.known("alice").state == "available"
        done = stage.last("transfer.completed")
        assert (done["to"], done["to_queue"]) == ("support", "support")
        assert "new_leg" not in done
        joined = stage.last("queue.joined")
        assert (joined["queue"], joined["context"]) == ("support", stage.job.request.context)
        bob = await stage.scene.phone()
        assert bob.invitation.target == "sip:bob@127.0.0.1:5080"
        bob.answers()
        await asyncio.sleep(0.1)
        assert stage.agents.known("bob").state == "talking"
        assert stage.job.state == "bridged"
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        bob.hangs_up()
        job = await stage.completed()
        assert stage.customer.is_hung_up
        assert job.cause == "agent hung up"
        assert [offer.agent for offer in job.offers] == ["alice", "bob"]
        assert job.about()["queue"] == "support"

    run_two(tmp_path, script, context={"order": 17})


def test_the_new_agent_hears_the_whisper_and_may_hang_up_in_it(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.scene.media.ends_plays = False
        to_support(stage)
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(0.1)
        assert isinstance(stage.scene.media.heard[bob.owner.id][-1], Prompt)
        bob.hangs_up()
        await asyncio.sleep(0.1)
        # He has missed it, and the customer waits on for somebody else.
        assert not stage.customer.is_hung_up
        assert stage.agents.known("bob").state != "talking"
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.last("queue.abandoned")["queue"] == "support"

    run_two(tmp_path, script, whisper={"text": "a customer"})


def test_a_customer_who_hangs_up_has_abandoned_the_queue(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage)
        await asyncio.sleep(1.0)
        stage.customer.hangs_up()
        job = await stage.completed()
        assert stage.last("queue.abandoned")["queue"] == "support"
        assert job.cause == "customer hung up"

    run_two(tmp_path, script)


async def rung_again(stage: Stage) -> ScriptedPhone:
    """Nobody in the queue answers alice's customer, and her phone rings again."""
    stage.agents.pause("bob")
    to_support(stage, ring_s=30.0)
    await asyncio.sleep(29.0)
    phone = await stage.scene.phone()
    assert phone.invitation.target == stage.agent.invitation.target
    assert stage.agents.known("alice").state == "ringing"
    started = stage.last("transfer.started")
    assert (started["by"], started["to"]) == ("engine", "alice")
    return phone


def test_nobody_answers_in_time_and_who_has_left_talks_with_the_customer_again(
    tmp_path: Path,
) -> None:
    async def script(stage: Stage) -> None:
        alice = await rung_again(stage)
        alice.answers()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.completed")["new_leg"] == alice.owner.id
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        assert stage.agents.known("alice").state == "talking"
        stage.customer.hangs_up()
        assert (await stage.completed()).cause == "customer hung up"
        assert alice.is_hung_up

    run_two(tmp_path, script)


def test_nobody_answers_in_time_nor_does_who_has_left(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        alice = await rung_again(stage)
        alice.refuses(486, "Busy Here")
        job = await stage.completed()
        assert stage.customer.is_hung_up
        assert job.cause == "queue support: no operator within 30 s"
        assert stage.last("transfer.failed")["by"] == "engine"

    run_two(tmp_path, script)


def test_who_has_left_is_not_rung_where_they_take_no_calls(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage, ring_s=30.0)
        await asyncio.sleep(1.0)
        stage.agents.reserve("alice", "another call")
        job = await stage.completed()
        assert stage.customer.is_hung_up and stage.last("transfer.failed")["by"] == "engine"
        assert job.cause == "queue support: no operator within 30 s"
        stage.agents.release("alice", "another call")

    run_two(tmp_path, script)


def test_who_has_left_is_not_rung_where_the_dial_policy_refuses(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage, ring_s=30.0)
        await asyncio.sleep(1.0)
        stage.scene.services.dialplan.forget_agent("alice")
        job = await stage.completed()
        assert stage.customer.is_hung_up and stage.scene.sip.phones.empty()
        assert job.cause == "queue support: no operator within 30 s"

    run_two(tmp_path, script)


def test_a_customer_who_hangs_up_while_who_has_left_is_rung(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        alice = await rung_again(stage)
        stage.customer.hangs_up()
        assert (await stage.completed()).cause == "customer hung up"
        assert alice.is_hung_up

    run_two(tmp_path, script)

    run_two(tmp_path, script)


def test_the_clock_may_be_stepped_while_the_customer_waits(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage)
        await asyncio.sleep(1.0)
        stage.scene.services.clock.move(3600.0)
        stage.agents.ready("bob")
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        stage.customer.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)


@pytest.mark.parametrize("mode", ["attended", "warm"])
def test_attended_the_two_agents_talk_first(tmp_path: Path, mode: str) -> None:
    async def script(stage: Stage) -> None:
        to_support(stage, mode=mode)
        bob = await stage.scene.phone()
        heard = stage.scene.media.heard
        assert isinstance(heard[stage.agent.owner.id][-1], Ringing)
        assert isinstance(heard[stage.customer.owner.id][-1], Hold)
        bob.answers()
        await asyncio.sleep(0.1)
        both = Mix((stage.agent.owner.id, bob.owner.id))
        assert (heard[stage.customer.owner.id][-1] == both) == (mode == "warm")
        assert not stage.agent.is_hung_up
        assert "transfer.completed" not in stage.scene.seen("transfer.")
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.completed")["new_leg"] == bob.owner.id
        assert stage.agents.known("alice").state == "available"
        assert stage.agents.known("bob").state == "talking"
        stage.customer.hangs_up()
        await stage.completed()
        assert bob.is_hung_up

    run_two(tmp_path, script)


def test_attended_the_two_talk_again_where_nobody_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage, mode="attended", ring_s=10.0)
        await asyncio.sleep(11.0)
        failed = stage.last("transfer.failed")
        assert (failed["result"], failed["to_queue"]) == ("no_answer", "support")
        assert not stage.agent.is_hung_up and not stage.customer.is_hung_up
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        stage.agent.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)


def test_attended_the_two_talk_again_where_the_other_agent_leaves(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        to_support(stage, mode="attended")
        bob = await stage.scene.phone()
        bob.answers()
        await asyncio.sleep(0.1)
        bob.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.failed")["result"] == "hung_up"
        assert stage.agents.known("bob").state == "available"
        stage.agent.hangs_up()
        await stage.completed()
        assert stage.customer.is_hung_up

    run_two(tmp_path, script)


def test_attended_who_hangs_up_leaves_the_customer_in_the_queue(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage, mode="attended", ring_s=10.0)
        await asyncio.sleep(1.0)
        stage.agent.hangs_up()
        await asyncio.sleep(1.0)
        assert not stage.customer.is_hung_up
        await stage.completed()
        assert stage.customer.is_hung_up
        assert stage.last("transfer.failed")["result"] == "no_answer"

    run_two(tmp_path, script)


def test_attended_who_hangs_up_first_leaves_the_customer_to_who_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        to_support(stage, mode="attended")
        bob = await stage.scene.phone()
        stage.agent.hangs_up()
        await asyncio.sleep(1.0)
        bob.answers()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.completed")["new_leg"] == bob.owner.id
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        stage.customer.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)


def test_attended_the_customer_hangs_up_while_they_wait(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        to_support(stage, mode="attended")
        await asyncio.sleep(1.0)
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.last("transfer.failed")["result"] == "cancelled"
        assert stage.agent.is_hung_up

    run_two(tmp_path, script)


def test_a_phone_transfers_to_a_queue_by_its_name(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.agent.refers("sip:support@engine", user_here="support")
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", "200 OK"]
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        stage.customer.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)


def test_queues_that_do_not_take_the_customer(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        (call,) = stage.scene.services.registry.calls.values()
        agent_leg = next(leg.id for leg in call.legs if leg.role == "agent")
        for queue, order in (("nowhere", {}), ("support", {"leg": agent_leg})):
            with pytest.raises(EngineError):
                stage.transfer(queue, is_queue=True, **order)
        assert stage.scene.seen("transfer.") == []
        stage.agent.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)


async def talking(desk: Reception) -> tuple[ScriptedCaller, ScriptedPhone, Any]:
    """A caller who talks with the agent, the agent, and the owner of the call."""
    caller = await desk.waiting()
    agent = await desk.answering_agent()
    await asyncio.sleep(0.1)
    (call,) = desk.stage.services.registry.calls.values()
    return caller, agent, call.owner


def run_reception(
    tmp_path: Path, script: Callable[[Reception], Awaitable[None]], **room: Any
) -> None:
    queues = [SALES, SUPPORT]
    reception(tmp_path, script, agents=("alice", "bob"), queues=queues, room=room)


def test_a_caller_is_transferred_to_another_queue(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, alice, owner = await talking(desk)
        owner.transfer(TransferOrder(None, "support", None))
        await asyncio.sleep(0.1)
        assert alice.is_hung_up and not caller.is_hung_up
        assert desk.states()["alice"] == "available"
        bob = await desk.answering_agent()
        await asyncio.sleep(0.1)
        assert desk.states()["bob"] == "talking"
        (call,) = desk.stage.services.registry.calls.values()
        view = call.view()
        assert (view["queue"], view["state"]) == ("support", "bridged")
        bob.hangs_up()
        await asyncio.sleep(0.1)
        ended = desk.stage.last("call.ended")
        assert (ended["result"], ended["queue"]) == ("completed", "support")
        assert [offer["agent"] for offer in ended["offers"]] == ["alice", "bob"]
        assert caller.is_hung_up

    run_reception(tmp_path, script)


def test_a_caller_may_ask_to_be_called_back_there(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, _, owner = await talking(desk)
        desk.agents.pause("bob")
        owner.transfer(TransferOrder(None, "support", None))
        await asyncio.sleep(5.0)
        caller.presses("1")
        await asyncio.sleep(5.0)
        ((request, _),) = desk.intake.accepted
        assert request.queue == "support"
        assert caller.is_hung_up
        assert desk.stage.last("call.callback")["callback"]

    run_reception(tmp_path, script, callback_digit="1")


def test_a_caller_who_cannot_be_called_back_hears_that_and_waits_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, _, owner = await talking(desk)
        desk.agents.pause("bob")
        desk.intake.refusal = EngineError("refused", "no more callbacks")
        owner.transfer(TransferOrder(None, "support", None))
        await asyncio.sleep(5.0)
        caller.presses("1")
        await asyncio.sleep(5.0)
        assert not caller.is_hung_up
        assert any("Sorry" in str(source) for source in desk.heard())
        caller.hangs_up()

    run_reception(
        tmp_path, script, callback_digit="1", texts={"callback_refused": "Sorry, not today."}
    )


def test_a_callback_that_fails_after_all_leaves_the_caller_in_the_queue(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller, _, owner = await talking(desk)
        desk.agents.pause("bob")
        desk.intake.refusal = EngineError("unavailable", "no room")
        owner.transfer(TransferOrder(None, "support", None))
        await asyncio.sleep(5.0)
        caller.presses("1")
        await asyncio.sleep(5.0)
        assert not caller.is_hung_up
        # Their place in the first queue is given up, and they abandon the second.
        assert len(desk.parts.positions) == 0
        caller.hangs_up()
        await asyncio.sleep(0.1)
        assert desk.stage.last("queue.abandoned")["queue"] == "support"

    run_reception(tmp_path, script, callback_digit="1", regain_s=60.0)


def test_a_queue_that_sends_the_customer_to_an_outside_number(tmp_path: Path) -> None:
    support = Queue(name="support", agents=["bob"], overflow=[Overflow(after_s=5.0, number=CAROL)])

    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        room = Room(name="support", announce_frequency_s=15.0)
        stage.scene.services.rooms.configure([room])
        to_support(stage)
        await asyncio.sleep(4.0)
        carol = await stage.scene.phone()
        assert carol.invitation.target == CAROL
        carol.answers()
        await asyncio.sleep(0.1)
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        stage.customer.hangs_up()
        await stage.completed()
        assert carol.is_hung_up

    run_talk(tmp_path, script, "alice", "bob", options={"queues": (SALES, support)})


async def test_who_was_called_has_no_callback_to_ask_for() -> None:
    callback = NoCallback()
    assert callback.waits_as is None
    assert not callback.can_call_back()
    assert not await callback.request_callback()


def test_a_customer_who_was_called_cannot_ask_for_another_callback(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agents.pause("bob")
        room = Room(name="support", callback_digit="1")
        stage.scene.services.rooms.configure([room])
        to_support(stage)
        await asyncio.sleep(1.0)
        stage.customer.presses("1")
        await asyncio.sleep(1.0)
        assert not stage.customer.is_hung_up
        stage.customer.hangs_up()
        await stage.completed()

    run_two(tmp_path, script)
