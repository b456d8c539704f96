"""Customers of callbacks whose script leads to another queue, an agent, a number or a service."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from config.queues import Queue
from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.announcing.whisper import Announcer
from engine.job import Job
from media.protocol.messages import Dtmf
from media.sources import Peer, Ringing
from tests.support.jobs import new_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedSpeech
from tests.support.scripted_streams import URL, host_of, scripted_streams
from tests.support.scripts import script, step
from tests.support.staffed import run_with_staff

CUSTOMER, OUTSIDE = "+442079461111", "+442079460777"
QUEUES = (
    Queue(name="sales", agents=["alice"], ring_s=20.0),
    Queue(name="support", agents=["carol"], ring_s=20.0),
)
Conduct = Callable[[Scene, AgentRegistry], Awaitable[None]]


def play(tmp_path: Path, conduct: Conduct, *, use: str = "customer_script", **asked: Any) -> Job:
    """Conduct a callback whose party goes through a script: 1 connects, 2 is `to`, else `no`."""
    to = asked.pop("to_step", {"queue": "support"})
    menu = step("ask", "menu", keys={"1": "go", "2": "to", "3": "no"}, timeout_s=60.0, tries=1)
    steps = (
        menu, step("go", "connect"), step("no", "hangup", cause="they did not want to"),
        step("to", "transfer", failed="ask", max_wait_s=30.0, **to),
    )  # fmt: skip
    jobs: list[Job] = []

    async def main(stage: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        stage.media.ends_announcements = True
        stage.services.announcer = cast(Announcer, ScriptedSpeech())
        stage.services.scripts.configure([script(*steps, name="asks")], [])
        job = new_job(to=CUSTOMER, **{use: "asks"}, **{"agent": None, "queue": "sales"} | asked)
        jobs.append(job)
        dispatcher.submit(job)
        await conduct(stage, agents)
        if not job.is_terminal:
            await stage.ended(job)

    run_with_staff(tmp_path, main, "alice", "carol", queues=QUEUES)
    return jobs[0]


async def answers(stage: Scene, whom: str) -> ScriptedPhone:
    phone = await stage.phone()
    assert whom in phone.invitation.target
    phone.answers()
    await asyncio.sleep(3)
    return phone


async def press(stage: Scene, nth: int, key: str) -> None:
    (call,) = stage.services.registry.calls.values()
    leg = call.legs[nth]
    leg.on_media(Dtmf(leg.id, key, 100))
    await asyncio.sleep(1)


async def in_the_whisper(stage: Scene) -> ScriptedPhone:
    """Carol, whom the customer's script has called, hears the whisper, which does not end."""
    stage.media.ends_announcements = False
    await press(stage, 1, "2")
    carol = await stage.phone()
    carol.answers()
    await asyncio.sleep(0.2)
    return carol


def path(job: Job) -> list[str]:
    return job.attempts[-1].scripts[0].path


def test_customer_goes_to_another_queue_and_the_first_agent_is_free(tmp_path: Path) -> None:
    async def conduct(stage: Scene, agents: AgentRegistry) -> None:
        alice = await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        assert stage.media.heard[next(iter(stage.media.heard))][-1] == Ringing("GB")
        await press(stage, 1, "2")
        assert alice.is_hung_up and not customer.is_hung_up
        assert agents.get("alice").state == "available"  # type: ignore[union-attr]
        await answers(stage, "carol")
        assert stage.seen("callback.")[-1] == "callback.bridged"
        assert agents.get("carol").state == "talking"  # type: ignore[union-attr]
        assert stage.last("callback.bridged")["agent"] == "carol"
        customer.hangs_up()

    job = play(tmp_path, conduct)
    assert (job.state, job.cause) == ("completed", "customer hung up")
    assert (job.request.queue, job.request.order) == ("support", "customer_first")
    assert path(job) == ["ask", "to"]
    assert [one.agent for one in job.offers] == ["alice", "carol"]


def test_customer_who_is_called_first_goes_to_another_queue(tmp_path: Path) -> None:
    async def conduct(stage: Scene, agents: AgentRegistry) -> None:
        agents.pause("carol")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 0, "2")
        assert stage.last("queue.joined")["queue"] == "support"
        await asyncio.sleep(20)
        agents.ready("carol")
        await answers(stage, "carol")
        assert agents.get("alice").state == "available"  # type: ignore[union-attr]
        customer.hangs_up()

    job = play(tmp_path, conduct, order="customer_first")
    assert (job.state, job.request.queue) == ("completed", "support")


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_customer_is_connected_with_an_agent(tmp_path: Path, order: str) -> None:
    is_first = order == "agent_first"

    async def conduct(stage: Scene, agents: AgentRegistry) -> None:
        if is_first:
            await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1 if is_first else 0, "2")
        carol = await answers(stage, "carol")
        assert agents.get("alice").state == "available"  # type: ignore[union-attr]
        assert agents.get("carol").state == "talking"  # type: ignore[union-attr]
        assert isinstance([*stage.media.heard.values()][-1][-1], Peer)
        carol.hangs_up()
        await asyncio.sleep(0.5)
        assert customer.is_hung_up

    job = play(tmp_path, conduct, order=order, to_step={"agent": "carol"})
    assert (job.state, job.cause) == ("completed", "agent hung up")
    assert (job.request.queue, job.agent) == ("sales", "carol")


def test_customer_is_connected_with_a_number(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        alice = await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        outside = await stage.phone()
        assert OUTSIDE in outside.invitation.target and not alice.is_hung_up
        outside.answers()
        await asyncio.sleep(1)
        assert alice.is_hung_up
        customer.hangs_up()
        await asyncio.sleep(0.5)
        assert outside.is_hung_up

    job = play(tmp_path, conduct, to_step={"number": OUTSIDE})
    assert job.state == "completed"
    assert [leg.role for leg in job.attempts[-1].legs] == ["agent", "customer", "agent"]


def test_customer_is_connected_with_a_bot(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        stage.services.streams = scripted_streams()
        alice = await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        await host_of(stage.services.streams).ready()
        await asyncio.sleep(2)
        assert alice.is_hung_up and stage.seen("callback.")[-1] == "callback.bridged"
        customer.hangs_up()

    assert play(tmp_path, conduct, to_step={"stream": URL}).state == "completed"


def test_a_bot_hands_the_customer_over_and_the_job_has_what_it_has_learnt(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        stage.services.streams = scripted_streams()
        await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        host = host_of(stage.services.streams)
        await host.ready()
        await asyncio.sleep(2)
        await host.ask(type="handover", agent="carol", context={"mood": "good"})
        await answers(stage, "carol")
        await asyncio.sleep(2)
        done = stage.last("transfer.completed")
        assert (done["by"], done["to"], done["context"]["mood"]) == ("bot", "carol", "good")
        customer.hangs_up()

    job = play(tmp_path, conduct, to_step={"stream": URL}, context={"order": 7})
    assert (job.state, job.request.context) == ("completed", {"order": 7, "mood": "good"})


def test_agent_waits_for_a_customer_whom_nobody_else_takes(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        alice = await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        (await stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(1)
        await press(stage, 1, "1")
        assert stage.seen("callback.")[-1] == "callback.bridged" and not alice.is_hung_up
        customer.hangs_up()

    job = play(tmp_path, conduct, to_step={"number": OUTSIDE})
    assert (job.state, job.request.order) == ("completed", "agent_first")
    assert path(job) == ["ask", "to", "ask", "go"]


@pytest.mark.parametrize("to_step", [{"number": "112"}, {"agent": "nobody"}, {"queue": "nowhere"}])
def test_nobody_is_reached_whom_policy_does_not_permit(
    tmp_path: Path, to_step: dict[str, str]
) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        assert stage.sip.phones.empty()
        await press(stage, 1, "3")

    job = play(tmp_path, conduct, to_step=to_step)
    assert (job.state, job.result) == ("failed", "declined")
    assert path(job) == ["ask", "to", "ask", "no"]


def test_agent_who_hangs_up_meanwhile_does_not_end_the_transfer(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        alice = await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        outside = await stage.phone()
        outside.rings()
        alice.hangs_up()
        await asyncio.sleep(2)
        assert not customer.is_hung_up
        outside.answers()
        await asyncio.sleep(1)
        customer.hangs_up()

    assert play(tmp_path, conduct, to_step={"number": OUTSIDE}).state == "completed"


def test_agent_who_has_gone_meanwhile_is_connected_with_nobody(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        alice = await answers(stage, "alice")
        await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        outside = await stage.phone()
        alice.hangs_up()
        await asyncio.sleep(1)
        outside.refuses(486, "Busy Here")
        await asyncio.sleep(1)
        await press(stage, 1, "1")

    job = play(tmp_path, conduct, to_step={"number": OUTSIDE})
    assert (job.state, job.result) == ("failed", "hung_up")


def test_agent_who_hangs_up_in_the_whisper_has_not_answered(tmp_path: Path) -> None:
    async def conduct(stage: Scene, agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        await answers(stage, CUSTOMER)
        carol = await in_the_whisper(stage)
        carol.hangs_up()
        await asyncio.sleep(0.5)
        stage.media.ends_announcements = True
        assert agents.get("carol").state == "available"  # type: ignore[union-attr]
        await press(stage, 1, "3")

    job = play(tmp_path, conduct, to_step={"agent": "carol"}, whisper={"text": "For you."})
    assert (job.state, job.result) == ("failed", "declined")
    assert path(job) == ["ask", "to", "ask", "no"]


def test_customer_who_hangs_up_in_the_whisper_leaves_nobody(tmp_path: Path) -> None:
    async def conduct(stage: Scene, agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        carol = await in_the_whisper(stage)
        customer.hangs_up()
        await asyncio.sleep(1)
        assert carol.is_hung_up
        assert agents.get("carol").state == "available"  # type: ignore[union-attr]

    job = play(tmp_path, conduct, to_step={"agent": "carol"}, whisper={"text": "For you."})
    assert (job.state, job.result) == ("failed", "hung_up")


def test_customer_who_hangs_up_while_somebody_rings_leaves_nobody(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        carol = await stage.phone()
        carol.rings()
        customer.hangs_up()
        await asyncio.sleep(1)
        assert carol.is_hung_up

    job = play(tmp_path, conduct, to_step={"agent": "carol"})
    assert (job.state, job.result) == ("failed", "hung_up")


def test_agents_are_not_transferred_by_their_script(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        await press(stage, 0, "2")
        await press(stage, 0, "3")

    job = play(tmp_path, conduct, use="agent_script", agent="alice", queue=None)
    assert path(job) == ["ask", "to", "ask", "no"]
    assert job.request.queue is None


def test_talk_with_who_was_reached_ends_after_the_longest_time(tmp_path: Path) -> None:
    async def conduct(stage: Scene, _agents: AgentRegistry) -> None:
        await answers(stage, "alice")
        customer = await answers(stage, CUSTOMER)
        await press(stage, 1, "2")
        carol = await answers(stage, "carol")
        await asyncio.sleep(60)
        assert customer.is_hung_up and carol.is_hung_up

    job = play(tmp_path, conduct, to_step={"agent": "carol"}, max_duration_s=60.0)
    assert (job.state, job.cause) == ("completed", "maximum duration reached")
    assert job.agent == "carol"
