"""What an engine knows, the next one knows: all of its state outlives a stop in good order."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.policy import Limit, Limits
from config.queues import Queue
from config.sections import Route, Trunk
from engine.errors import EngineError
from tests.support.engines.virtual import Script, VirtualEngine, run_engine

NUMBER = "+442079460123"


def restarted(tmp_path: Path, before: Script, after: Script, *, down_s: float = 5.0) -> None:
    """Do `before` in one engine, stop it in good order, and look with `after` at the next."""
    run_engine(
        tmp_path,
        before,
        after,
        down_s=down_s,
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1:5070")],
        routes=[Route(prefix="+", trunks=["pbx"])],
        limits=Limits(number=Limit(per_day=2)),
        queues=[Queue(name="sales"), Queue(name="support")],
        agents=[
            Agent(name=name, uri=f"sip:{name}@127.0.0.1:5080", wrap_up_s=60.0, login="manual")
            for name in ("alice", "bob")
        ],
    )


async def wait_in(engine: VirtualEngine, queue: str, *jobs: str, **more: Any) -> None:
    for job in jobs:
        await engine.ask(
            "callback.request", id=job, to=f"sip:{job}@127.0.0.1:5090", queue=queue, **more
        )
        await asyncio.sleep(1)


async def entries(engine: VirtualEngine, queue: str) -> list[tuple[str, float]]:
    found = (await engine.ask("queue.entries", queue=queue))["entries"]
    return [(entry["id"], entry["joined_at"]) for entry in found]


def test_jobs_and_their_places(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def before(engine: VirtualEngine) -> None:
        await wait_in(engine, "sales", "first", "second", "urgent", "moved")
        await engine.ask("callback.reprioritise", id="urgent", priority=5)
        await engine.ask("queue.move", id="moved", queue="support")
        later = engine.world.network.clock() + 3600
        await engine.ask("callback.request", id="later", to="sip:l@127.0.0.1", agent="alice",
                         not_before=later, context={"page": "prices"})  # fmt: skip
        seen["sales"] = await entries(engine, "sales")
        seen["support"] = await entries(engine, "support")
        seen["jobs"] = (await engine.ask("callback.list"))["jobs"]

    async def after(engine: VirtualEngine) -> None:
        assert [job for job, _at in seen["sales"]] == ["urgent", "first", "second"]
        assert await entries(engine, "sales") == seen["sales"]
        assert await entries(engine, "support") == seen["support"]
        assert (await engine.ask("callback.list"))["jobs"] == seen["jobs"]
        again = await engine.ask("callback.request", id="first", to="sip:first@127.0.0.1:5090",
                                 queue="sales")  # fmt: skip
        assert again["replayed"]

    restarted(tmp_path, before, after)


def test_an_entry_offered_as_the_engine_stops_is_offered_again(tmp_path: Path) -> None:
    async def before(engine: VirtualEngine) -> None:
        await engine.ask("agent.login", agent="alice")
        await engine.ask("agent.add", agent="dora", uri="sip:dora@127.0.0.1:5083",
                         queues=["sales"])  # fmt: skip
        await engine.ask("agent.login", agent="dora")
        await wait_in(engine, "sales", "first", "second")
        (await engine.world.network.call_of("dora")).act("rings")

    async def after(engine: VirtualEngine) -> None:
        network = engine.world.network
        phone = await network.call_of("dora")
        # The agent was hung up once, and not offered the next one while the engine stopped.
        assert [call.hung_up_by for call in network.calls_of("dora")] == ["engine", None]
        job = await engine.ask("callback.get", id="first")
        assert job["state"] == "dialing_agent"
        assert job["attempts"][0]["result"] == "interrupted"
        assert [offer["result"] for offer in job["offers"]] == ["withdrawn", None]
        phone.act("answers")
        (await network.call_of("first")).act("answers")
        await asyncio.sleep(1)
        assert (await engine.ask("callback.get", id="first"))["state"] == "bridged"
        total = (await engine.ask("report.queue", queue="sales"))["total"]
        assert (total["offered"], total["answered"], total["waiting"]) == (2, 1, 1)

    restarted(tmp_path, before, after)


def test_agents_and_what_was_said_of_them(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def before(engine: VirtualEngine) -> None:
        await engine.ask("agent.add", agent="carl", addresses=[
            {"uri": "sip:carl@127.0.0.1:5081"}, {"uri": "sip:mobile@127.0.0.1:5082"},
        ])  # fmt: skip
        await engine.ask("agent.login", agent="bob")
        await engine.ask("agent.logout", agent="bob", reason="day is over")
        await engine.ask("agent.login", agent="alice")
        await engine.ask("agent.pause", agent="alice", reason="lunch")
        await engine.ask("agent.skills", agent="alice", skills={"german": 7})
        await engine.ask("agent.address", agent="carl", uri="sip:mobile@127.0.0.1:5082")
        seen["agents"] = (await engine.ask("agent.list"))["agents"]

    async def after(engine: VirtualEngine) -> None:
        agents = (await engine.ask("agent.list"))["agents"]
        for agent in (*agents, *seen["agents"]):
            del agent["times"]  # of the day: what passes meanwhile is nobody's
        assert agents == seen["agents"]
        states = {agent["agent"]: (agent["state"], agent["reason"]) for agent in agents}
        assert states["alice"] == ("paused", "lunch")
        assert states["bob"] == ("logged_out", "day is over")

    restarted(tmp_path, before, after)


@pytest.mark.parametrize(("down_s", "state"), [(5.0, "wrap_up"), (120.0, "available")])
def test_a_wrap_up_goes_on(tmp_path: Path, down_s: float, state: str) -> None:
    async def before(engine: VirtualEngine) -> None:
        await engine.ask("agent.login", agent="alice")
        await engine.ask("callback.request", id="c", to="sip:c@127.0.0.1:5090", agent="alice")
        agent_side = await engine.world.network.call_of("alice")
        agent_side.act("answers")
        (await engine.world.network.call_of("c")).act("answers")
        await asyncio.sleep(1)
        agent_side.act("hangs_up")
        await asyncio.sleep(1)
        assert (await engine.ask("agent.get", agent="alice"))["state"] == "wrap_up"

    async def after(engine: VirtualEngine) -> None:
        assert (await engine.ask("agent.get", agent="alice"))["state"] == state
        if state == "wrap_up":
            await asyncio.sleep(60)
            assert (await engine.ask("agent.get", agent="alice"))["state"] == "available"
        assert (await engine.ask("report.job"))["total"]["completed"] == 1

    restarted(tmp_path, before, after, down_s=down_s)


def test_a_paused_queue_stays_paused(tmp_path: Path) -> None:
    async def before(engine: VirtualEngine) -> None:
        await engine.ask("queue.pause", queue="sales")
        await engine.ask("queue.pause", queue="support")
        await engine.ask("queue.resume", queue="support")
        await wait_in(engine, "sales", "c")

    async def after(engine: VirtualEngine) -> None:
        assert (await engine.ask("queue.get", queue="sales"))["paused"]
        assert not (await engine.ask("queue.get", queue="support"))["paused"]
        await engine.ask("agent.add", agent="dora", uri="sip:dora@127.0.0.1:5083",
                         queues=["sales"])  # fmt: skip
        await engine.ask("agent.login", agent="dora")
        await asyncio.sleep(30)
        assert not engine.world.network.calls
        await engine.ask("queue.resume", queue="sales")
        assert (await engine.world.network.call_of("dora")).call.is_up

    restarted(tmp_path, before, after)


def test_the_do_not_call_list_and_the_counts_are_kept(tmp_path: Path) -> None:
    async def before(engine: VirtualEngine) -> None:
        await engine.ask("number.block", number="+442079460999", reason="asked not to be called")
        for number in range(2):
            job = f"c{number}"
            await engine.ask("callback.request", id=job, to=NUMBER, queue="sales", join=False)
            await engine.ask("callback.cancel", id=job)

    async def after(engine: VirtualEngine) -> None:
        for number, policy in (("+442079460999", "do_not_call"), (NUMBER, "velocity")):
            with pytest.raises(EngineError) as refused:
                await engine.ask("callback.request", to=number, queue="sales", join=False)
            assert refused.value.kind == "refused"
            assert refused.value.data["policy"] == policy

    restarted(tmp_path, before, after)


def test_the_numbers_of_events_go_on(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def before(engine: VirtualEngine) -> None:
        await wait_in(engine, "sales", "c")
        await engine.ask("callback.annotate", id="c", notes="asks for the blue one", rating=4)
        seen["log"] = engine.daemon.events.epoch, engine.daemon.events.seq

    async def after(engine: VirtualEngine) -> None:
        epoch, seq = seen["log"]
        events = engine.daemon.events
        assert events.epoch == epoch
        assert events.seq > seq
        assert events.gap(seq, epoch) is None
        job = await engine.ask("callback.get", id="c")
        assert (job["notes"], job["rating"]) == (["asks for the blue one"], 4)

    restarted(tmp_path, before, after)
