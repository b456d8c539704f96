"""A customer who was called first and holds the line, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from config.queues import Centre, Overflow, Queue, Share
from engine.callbacks.retry import Outcome
from engine.calls.announcing.whisper import Announcement, Unspoken
from engine.job import Job
from engine.store.store import StoreError
from media.protocol.messages import Dtmf
from media.sources import Hold, Peer, Prompt
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.reception import Reception, reception
from tests.support.scene import ScriptedSpeech

TEXTS = {
    "left_waiting": "One moment.",
    "timeout": "Sorry.",
    "callback_taken": "Bye.",
    "callback_refused": "No.",
}
ROOM = {"callback_digit": "1", "texts": TEXTS}

Script = Callable[[Reception, ScriptedPhone, "asyncio.Task[Outcome]"], Awaitable[None]]


def hold(tmp_path: Path, script: Script, *, free: bool = False, under_test: Job | None = None,
         **options: Any) -> tuple[Reception, Outcome, Job]:  # fmt: skip
    """Play a script with a customer who has answered; nobody is free unless `free`."""
    under_test = under_test or callback_job(order="customer_first", agent=None, queue="sales")
    outcomes: list[Outcome] = []

    async def main(desk: Reception) -> None:
        services = desk.stage.services
        if not free:
            for agent in desk.agents.all():
                desk.agents.pause(agent.name)
        target = services.dialplan.destination(under_test.request.to, field="to")
        attempt = asyncio.create_task(
            desk.stage.attempt(under_test, agent=None, customer=target).run()
        )
        customer = await desk.stage.phone()
        customer.answers()
        await script(desk, customer, attempt)
        outcomes.append(await asyncio.wait_for(attempt, 100_000))

    options = {"room": ROOM} | options
    return reception(tmp_path, main, **options), outcomes[0], under_test


def presses(desk: Reception, digit: str) -> None:
    leg = next(iter(desk.stage.services.registry.legs.values()))
    leg.on_media(Dtmf(leg.id, digit, 100))


def test_the_customer_waits_in_the_queue_and_is_joined(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(30)
        desk.agents.ready("alice")
        agent_side = await desk.answering_agent()
        await asyncio.sleep(5)
        assert isinstance(desk.heard()[-1], Peer)
        agent_side.hangs_up()
        await asyncio.sleep(0)
        assert customer.is_hung_up

    desk, outcome, _job = hold(tmp_path, script)
    assert outcome.state == "completed"
    assert desk.heard()[:3] == [Hold(), Prompt("One moment."), Hold()]
    joined = desk.stage.last("queue.joined")
    assert (joined["job"], joined["kind"]) == ("job-1", "call")
    assert joined["call"].startswith("call-")
    assert desk.stage.last("agent.offered")["history"] == []


def test_the_customer_is_counted_as_left_waiting_once_and_only_when_they_are(
    tmp_path: Path,
) -> None:
    async def late(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await desk.answering_agent(ring_s=0.5)
        await asyncio.sleep(3)  # the whisper: the customer is still alone
        customer.hangs_up()

    async def soon(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await desk.answering_agent(ring_s=0.5)
        await asyncio.sleep(3)
        customer.hangs_up()

    whispering = callback_job(
        order="customer_first", agent=None, queue="sales", whisper={"text": "For you."}
    )
    desk, _outcome, _job = hold(tmp_path, late, free=True, under_test=whispering)
    assert desk.stage.seen("customer.") == ["customer.left_waiting"]
    assert desk.stage.last("customer.left_waiting")["job"] == "job-1"
    desk, _outcome, _job = hold(tmp_path, soon, free=True)
    assert desk.stage.seen("customer.") == []


def test_the_next_agent_hears_the_whisper_of_one_who_left_before_it(
    tmp_path: Path,
) -> None:
    class SlowSpeech(ScriptedSpeech):
        async def speak(
            self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
        ) -> Announcement | Unspoken:
            await asyncio.sleep(40)
            return await super().speak(text, is_personal=is_personal)

    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        first = await desk.answering_agent()
        await asyncio.sleep(1)
        first.hangs_up()
        await desk.answering_agent()
        await asyncio.sleep(60)
        customer.hangs_up()

    asked = callback_job(
        order="customer_first", agent=None, queue="sales", whisper={"text": "For you."}
    )
    desk, outcome, _job = hold(
        tmp_path, script, free=True, under_test=asked, agents=("alice", "bert"), speech=SlowSpeech()
    )
    assert outcome.state == "completed"
    assert Prompt("For you.") in desk.heard(2)


def test_the_customer_hangs_up(tmp_path: Path) -> None:
    async def script(
        _desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(30)
        customer.hangs_up()

    desk, outcome, _job = hold(tmp_path, script)
    assert (outcome.state, outcome.result) == ("failed", "hung_up")
    assert desk.stage.seen("queue.") == ["queue.joined", "queue.abandoned"]


def test_the_customer_hears_a_sentence_when_no_agent_comes(tmp_path: Path) -> None:
    async def script(
        _desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(61)
        assert not customer.is_hung_up
        await asyncio.sleep(3)
        assert customer.is_hung_up

    desk, outcome, _job = hold(tmp_path, script, max_hold_s=60.0)
    assert (outcome.state, outcome.result) == ("failed", "unavailable")
    assert "60 s" in outcome.cause
    assert desk.heard()[-1] == Prompt("Sorry.")
    assert desk.stage.last("queue.left")["reason"] == "timeout"


def test_the_key_has_the_customer_called_back_in_their_position(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(10)
        presses(desk, "1")
        await asyncio.sleep(1)
        assert b'"state":"queued"' in desk.stage.store.jobs["job-1"], "before the customer hears so"
        assert not customer.is_hung_up
        await asyncio.sleep(3)
        assert customer.is_hung_up

    desk, outcome, asked = hold(tmp_path, script)
    assert (outcome.result, outcome.may_retry) == ("callback", False)
    assert outcome.not_before is not None
    assert (asked.state, asked.request.order) == ("queued", "agent_first")
    assert asked.queue_joined_at is not None and not asked.under_way
    assert desk.heard()[-1] == Prompt("Bye.")
    assert desk.stage.last("queue.left")["reason"] == "callback"
    assert desk.stage.last("customer.callback")["job"] == "job-1"


def test_who_hangs_up_after_the_key_is_called_back(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(10)
        presses(desk, "1")
        await asyncio.sleep(0.5)
        customer.hangs_up()

    _desk, outcome, asked = hold(tmp_path, script)
    assert outcome.result == "callback" and asked.state == "queued"


def test_a_callback_that_cannot_be_saved_leaves_the_customer_waiting(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        await asyncio.sleep(10)
        desk.stage.store.failure = StoreError("disk_full", "no room")
        presses(desk, "1")
        await asyncio.sleep(5)
        assert desk.heard()[-2:] == [Prompt("No."), Hold()]
        desk.agents.ready("alice")
        await desk.answering_agent()
        await asyncio.sleep(1)
        customer.hangs_up()

    desk, outcome, asked = hold(tmp_path, script)
    assert outcome.state == "completed" and asked.request.order == "customer_first"
    assert desk.stage.last("customer.callback_refused")["reason"] == "no room"


def test_a_customer_who_loses_the_agent_in_the_whisper_waits_for_another(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        first = await desk.answering_agent()
        first.hangs_up()
        await asyncio.sleep(0.01)
        assert not customer.is_hung_up
        second = await desk.answering_agent()
        await asyncio.sleep(3)
        second.hangs_up()

    asked = callback_job(
        order="customer_first", agent=None, queue="sales", whisper={"text": "For you."}
    )
    desk, outcome, _job = hold(tmp_path, script, free=True, under_test=asked)
    assert outcome.state == "completed"
    assert desk.stage.seen("callback.")[-3:] == [
        "callback.dialing_agent", "callback.whispering", "callback.bridged",
    ]  # fmt: skip


@pytest.mark.parametrize("customer_first", [True, False])
def test_hanging_up_as_the_agent_answers_has_one_winner(
    tmp_path: Path, customer_first: bool
) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        agent_side = await desk.stage.phone()
        agent_side.rings()
        await asyncio.sleep(1)
        for act in (customer.hangs_up, agent_side.answers)[:: 1 if customer_first else -1]:
            act()
        await asyncio.sleep(0.01)
        assert agent_side.is_hung_up

    _desk, outcome, _job = hold(tmp_path, script, free=True)
    assert (outcome.state, outcome.result) == ("failed", "hung_up")


def test_the_customers_place_decides_the_centre(tmp_path: Path) -> None:
    shares = [Share(centre="leeds", percent=1), Share(centre="paris", percent=1, regions=["FR"])]
    queue = Queue(name="sales", shares=shares)

    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        assert desk.stage.services.queues is not None
        desk.stage.services.queues.configure([queue], [Centre(name="leeds"), Centre(name="paris")])
        await asyncio.sleep(1)
        customer.hangs_up()

    asked = callback_job(order="customer_first", agent=None, queue="sales")
    asked.region = "FR"
    desk, _outcome, _job = hold(tmp_path, script, under_test=asked)
    assert desk.stage.last("queue.joined")["centre"] == "paris"


def test_the_queue_may_send_the_customer_to_an_outside_number(tmp_path: Path) -> None:
    async def script(
        desk: Reception, customer: ScriptedPhone, _attempt: "asyncio.Task[Outcome]"
    ) -> None:
        outside = await desk.answering_agent()
        assert "+442079460999" in outside.invitation.target
        await asyncio.sleep(1)
        outside.hangs_up()
        await asyncio.sleep(0)
        assert customer.is_hung_up

    # The position is by the wall clock; the queue's is virtual: an overflow is due at once.
    queue = Queue(name="sales", overflow=[Overflow(after_s=0.001, number="+442079460999")])
    asked = callback_job(order="customer_first", agent=None, queue="sales")
    asked.queue_joined_at = 0.001
    _desk, outcome, _job = hold(tmp_path, script, queues=[queue], under_test=asked)
    assert outcome.state == "completed"
