"""callback.*: what a client asks of jobs, through the socket of a whole engine."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from config.queues import Queue
from config.settings import Settings
from engine.daemon import Daemon
from ringback_client import RequestRejected
from tests.support.engines.in_process import (
    RunningEngine,
    refused_by_engine,
    request,
    running,
    settings_in,
)

NUMBER = "+442079460123"
PARAMS: dict[str, Any] = {"to": NUMBER, "agent": "alice", "not_before": 4e9}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path).model_copy(update={"queues": [Queue(name="sales")]})


async def test_a_request_that_joins_says_which_job_it_joined(
    engine: RunningEngine,
) -> None:
    _daemon, client = engine
    async with client.events(["callback."]) as events:
        first = await client.callback(**PARAMS, id="first")
        second = await client.callback(**PARAMS, id="second", context={"page": "prices"})
        async for event in events:
            if event["type"] == "callback.joined":
                break
    assert "joined_to" not in first
    assert (second["id"], second["joined_to"], second["joined"]) == ("first", "first", 1)
    assert (event["job"], event["joined"], event["request"]) == ("first", 1, "second")
    again = await client.callback(**PARAMS, id="second", context={"page": "prices"})
    assert (again["id"], again["replayed"], again["joined"]) == ("first", True, 1)
    assert (await client.call("callback.get", id="second"))["id"] == "first"
    assert [job["id"] for job in (await client.call("callback.list"))["jobs"]] == ["first"]
    cancelled = await client.call("callback.cancel", id="second")
    assert (cancelled["id"], cancelled["state"]) == ("first", "cancelled")


async def test_what_was_asked_for_is_shown(engine: RunningEngine) -> None:
    _daemon, client = engine
    asked = {
        "numbers": ["+442079460999"], "site": "shop", "source": "192.0.2.1", "script": "gold",
        "skills": {"german": 3}, "known_agent": "alice", "on_crash": "ask",
    }  # fmt: skip
    job = await client.callback(**PARAMS, **asked)
    assert {name: job[name] for name in asked} == asked
    assert job["called"] == NUMBER


async def test_wrong_parameters_are_named(engine: RunningEngine) -> None:
    """Each of them is in tests/engine/test_request.py."""
    _daemon, client = engine
    with pytest.raises(RequestRejected) as caught:
        await client.callback(**PARAMS, retry={"busy": {"tries": 3}})
    assert caught.value.field == "retry.tries"


async def test_rescheduling_is_durable_and_published(settings: Settings) -> None:
    async with running(settings) as (daemon, client):
        await client.callback(**request(id="x"))
        soon = time.time() + 3600
        async with client.events(["callback.rescheduled"]) as events:
            job = await client.call(
                "callback.reschedule", id="x", not_before=soon, deadline=soon + 60,
                numbers=["+442079460999"],
            )  # fmt: skip
            event = await anext(aiter(events))
        assert (job["not_before"], job["deadline"]) == (soon, soon + 60)
        assert job["numbers"] == ["+442079460999"]
        assert (event["job"], event["not_before"], event["deadline"]) == ("x", soon, soon + 60)
        early = await refused_by_engine(client, "callback.reschedule", id="x", deadline=soon - 1)
        assert (early.kind, early.field) == ("refused", "deadline")
        nowhere = await refused_by_engine(
            client, "callback.reschedule", id="x", numbers=["+16502530000"]
        )
        assert (nowhere.kind, nowhere.field) == ("refused", "numbers")
        with pytest.raises(RequestRejected):
            await client.call("callback.reschedule", id="x")
    async with running(settings) as (daemon, client):
        job = await client.call("callback.get", id="x")
        assert (job["state"], job["not_before"]) == ("queued", soon)
        assert daemon.dispatcher.jobs["x"].next_due_at == soon


async def test_what_is_cancelled_is_so_on_the_disk_when_it_is_answered(
    engine: RunningEngine,
) -> None:
    daemon, client = engine
    await client.callback(**request(id="x"))
    await client.call("callback.cancel", id="x")
    with sqlite3.connect(daemon.settings.store.path) as disk:
        assert disk.execute("SELECT state FROM jobs WHERE id = 'x'").fetchall() == [("cancelled",)]


async def test_a_job_that_is_rescheduled_to_now_is_called(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.callback(**request(id="x"))
    async with client.events() as events:
        await client.call("callback.reschedule", id="x", not_before=time.time())
        ended = await client.wait_for_job("x", events=events)
    assert (ended["state"], ended["result"]) == ("failed", "unreachable")
    assert (
        await refused_by_engine(client, "callback.reschedule", id="x", not_before=4e9)
    ).kind == "state"
    assert (
        await refused_by_engine(client, "callback.reprioritise", id="x", priority=1)
    ).kind == "state"


async def test_priorities_move_who_waits_in_a_queue(settings: Settings) -> None:
    async with running(settings) as (daemon, client):
        for name in ("one", "two", "three"):
            await client.callback(to="sip:bob@127.0.0.1:9", queue="sales", id=name)
        async with client.events(["callback.reprioritised"]) as events:
            job = await client.call("callback.reprioritise", id="three", priority=9)
            event = await anext(aiter(events))
        assert (job["priority"], event["job"], event["priority"]) == (9, "three", 9)
        places = {name: daemon.queues.place(name) for name in ("one", "two", "three")}
        assert places == {"three": 1, "one": 2, "two": 3}
    async with running(settings) as (daemon, client):
        assert daemon.queues.place("three") == 1


async def test_there_is_nothing_to_decide_about_most_jobs(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.callback(**request(id="x"))
    assert (
        await refused_by_engine(client, "callback.decide", id="x", decision="retry")
    ).kind == "state"
    assert (
        await refused_by_engine(client, "callback.decide", id="y", decision="fail")
    ).kind == "not_found"


@pytest.mark.parametrize("decision", ["retry", "fail"])
async def test_a_decision_is_made(settings: Settings, decision: str) -> None:
    async with running(settings) as (daemon, client):
        await client.callback(**request(id="x", on_crash="ask"))
        job = daemon.dispatcher.jobs["x"]
        job.under_way = True  # as it would be while it is dialled
        await daemon.store.save(job, durable=True)
    dial = settings.dial.model_copy(update={"crash_pause_s": 0.05})
    async with running(settings.model_copy(update={"dial": dial})) as (_daemon, client):
        waiting = await client.call("callback.get", id="x")
        assert (waiting["state"], waiting["decision"]) == ("queued", "needed")
        await client.call("callback.reschedule", id="x", not_before=time.time())
        assert (await client.call("callback.get", id="x"))["state"] == "queued"
        async with client.events() as events:
            await client.call("callback.decide", id="x", decision=decision)
            ended = await client.wait_for_job("x", events=events)
    assert ended["state"] == "failed"
    assert ended["result"] == ("unreachable" if decision == "retry" else "failed")
    assert ended["decision"] is None


async def poisoned(settings: Settings, job_id: str) -> None:
    """Leave a job in the store that was under way in two crashes."""
    async with running(settings) as (daemon, client):
        await client.callback(**request(id=job_id, on_crash="retry"))
        job = daemon.dispatcher.jobs[job_id]
        job.under_way, job.crashes = True, 1
        await daemon.store.save(job, durable=True)


@pytest.mark.parametrize("decision", ["retry", "fail"])
async def test_a_poisoned_job_is_listed_and_released(settings: Settings, decision: str) -> None:
    await poisoned(settings, "x")
    dial = settings.dial.model_copy(update={"crash_pause_s": 0.05})
    async with running(settings.model_copy(update={"dial": dial})) as (_daemon, client):
        (listed,) = (await client.call("callback.list", state="poisoned"))["jobs"]
        assert (listed["id"], listed["state"], listed["crashes"]) == ("x", "poisoned", 2)
        assert (await client.call("engine.status"))["jobs"] == {"poisoned": 1}
        error = await refused_by_engine(client, "callback.reschedule", id="x", not_before=4e9)
        assert (error.kind, error.message) == ("state", "job x is set aside: poisoned")
        async with client.events() as events:
            await client.call("callback.decide", id="x", decision=decision)
            if decision == "retry":
                assert (await client.call("callback.get", id="x"))["state"] == "queued"
                await client.call("callback.reschedule", id="x", not_before=time.time())
            ended = await client.wait_for_job("x", events=events)
    assert ended["state"] == "failed"
    assert ended["result"] == ("unreachable" if decision == "retry" else "failed")


async def test_a_release_that_cannot_be_saved_is_undone(settings: Settings) -> None:
    await poisoned(settings, "x")
    async with running(settings) as (daemon, client):
        await daemon.store.flush()
        let_write(daemon, may=False)
        error = await refused_by_engine(client, "callback.decide", id="x", decision="retry")
        assert error.data["store"] == "read_only"
        assert (await client.call("callback.get", id="x"))["state"] == "poisoned"
        let_write(daemon, may=True)


async def test_a_request_does_not_join_a_poisoned_job(settings: Settings) -> None:
    asked = {**PARAMS, "on_crash": "retry"}
    async with running(settings) as (daemon, client):
        await client.callback(**asked, id="x")
        job = daemon.dispatcher.jobs["x"]
        job.under_way, job.crashes = True, 1
        await daemon.store.save(job, durable=True)
    async with running(settings) as (_daemon, client):
        assert (await client.call("callback.get", id="x"))["state"] == "poisoned"
        other = await client.callback(**asked, id="y")
        assert (other["id"], other.get("joined_to")) == ("y", None)


def let_write(daemon: Daemon, *, may: bool) -> None:
    """Have the store's file as on a disk that cannot be written, or as it was."""
    daemon.store._writer.execute(f"PRAGMA query_only = {'OFF' if may else 'ON'}")


async def test_a_change_that_cannot_be_saved_is_undone(settings: Settings) -> None:
    async with running(settings) as (daemon, client):
        await client.callback(**PARAMS, id="x", priority=1)
        await daemon.store.flush()
        let_write(daemon, may=False)
        for method, change in (
            ("callback.reprioritise", {"priority": 5}),
            ("callback.reschedule", {"not_before": 4.5e9, "numbers": ["+442079460999"]}),
        ):
            error = await refused_by_engine(client, method, id="x", **change)
            assert (error.kind, error.data["store"]) == ("unavailable", "read_only")
        job = await client.call("callback.get", id="x")
        assert (job["priority"], job["not_before"], job["numbers"]) == (1, 4e9, [])
        assert daemon.dispatcher.jobs["x"].next_due_at == 4e9
        async with client.events(["callback.re", "engine.not_saved"]) as events:
            let_write(daemon, may=True)
            await client.call("callback.reprioritise", id="x", priority=7)
            seen = [await anext(events) for _ in range(3)]
        assert [event.get("of", event["type"]) for event in seen] == [
            "callback.reprioritised", "callback.rescheduled", "callback.reprioritised",
        ]  # fmt: skip
        assert [event["type"] for event in seen[:2]] == ["engine.not_saved"] * 2
        assert seen[2]["priority"] == 7
    async with running(settings) as (_daemon, client):
        job = await client.call("callback.get", id="x")
        assert (job["priority"], job["not_before"], job["numbers"]) == (7, 4e9, [])


@pytest.mark.parametrize("decision", ["retry", "fail"])
async def test_a_decision_that_cannot_be_saved_is_lost_nowhere(
    settings: Settings, decision: str
) -> None:
    async with running(settings) as (daemon, client):
        await client.callback(**PARAMS, id="x", on_crash="ask")
        job = daemon.dispatcher.jobs["x"]
        job.under_way = True  # as it would be while it is dialled
        await daemon.store.save(job, durable=True)
    async with running(settings) as (daemon, client):
        await daemon.store.flush()
        let_write(daemon, may=False)
        error = await refused_by_engine(client, "callback.decide", id="x", decision=decision)
        assert error.data["store"] == "read_only"
        now = await client.call("callback.get", id="x")
        let_write(daemon, may=True)
        # Open, and not decided, or ended: the same in the engine, on the disk and after a restart.
        is_open = decision == "retry"
        assert (now["state"], now["decision"]) == (
            ("queued", "needed") if is_open else ("failed", None)
        )
        assert ("x" in daemon.dispatcher.jobs) == is_open
    async with running(settings) as (_daemon, client):
        again = await client.call("callback.get", id="x")
        assert (again["state"], again["decision"]) == (now["state"], now["decision"])
