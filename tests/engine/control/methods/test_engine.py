"""The methods of the control protocol, through the socket of a whole engine."""

import asyncio
import json
import sqlite3
import time
from typing import Any

import pytest

from tests.support.engines.in_process import (
    RunningEngine,
    refused_by_engine,
    request,
)


async def test_ping(engine: RunningEngine) -> None:
    daemon, client = engine
    reply = await client.call("ping")
    assert reply == {"version": reply["version"], "epoch": daemon.events.epoch, "protocol": 1}
    assert reply["version"][0].isdigit()


async def test_a_request_is_durable_when_it_is_answered(engine: RunningEngine) -> None:
    daemon, client = engine
    job = await client.callback(**request(id="order-17", context={"site": "shop"}))
    assert (job["id"], job["state"], job["replayed"]) == ("order-17", "queued", False)
    assert job["context"] == {"site": "shop"}
    with sqlite3.connect(daemon.settings.store.path) as connection:
        (body,) = connection.execute("SELECT body FROM jobs WHERE id = 'order-17'").fetchone()
    assert json.loads(body)["request"]["context"] == {"site": "shop"}


async def test_a_request_without_id_gets_one(engine: RunningEngine) -> None:
    _daemon, client = engine
    first = await client.callback(**request())
    second = await client.callback(**request())
    assert first["id"] != second["id"]


async def test_the_same_id_is_the_same_job(engine: RunningEngine) -> None:
    _daemon, client = engine
    asked = request(id="x", context={"a": 1, "b": {"c": 2, "d": 3}})
    first = await client.callback(**asked)
    again = await client.callback(**request(id="x", context={"b": {"d": 3, "c": 2}, "a": 1}))
    assert again["replayed"] is True
    assert {**again, "replayed": False} == first
    error = await refused_by_engine(client, "callback.request", **request(id="x", priority=1))
    assert (error.kind, error.field) == ("conflict", "id")


async def test_the_same_id_many_times_at_once_is_one_job(engine: RunningEngine) -> None:
    _daemon, client = engine
    jobs = await asyncio.gather(*(client.callback(**request(id="x")) for _ in range(20)))
    assert sorted(job["replayed"] for job in jobs) == [False] + [True] * 19
    assert len((await client.call("callback.list"))["jobs"]) == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"to": "sip:x@evil.example"}, "to"),
        ({"to": "hello"}, "to"),
        ({"to": "+16502530000"}, "to"),
        ({"agent": "nobody"}, "agent"),
        ({"agent": None, "queue": "sales"}, "queue"),
        ({"to": "+442079460000", "trunk": "other"}, "trunk"),
        ({"whisper": {"file": "/nowhere.wav"}}, "whisper.file"),
        ({"whisper": {"tone": "loud"}}, "whisper.tone"),
        ({"not_before": None, "deadline": 1.0}, "deadline"),
    ],
)
async def test_refused_at_once_with_field_and_reason(
    engine: RunningEngine, params: dict[str, Any], field: str
) -> None:
    _daemon, client = engine
    asked = {name: value for name, value in request(**params).items() if value is not None}
    error = await refused_by_engine(client, "callback.request", **asked)
    assert (error.kind, error.field) == ("refused", field)
    assert error.message
    assert (await client.call("callback.list"))["jobs"] == []


async def test_a_whispered_tone_may_be_a_number(engine: RunningEngine) -> None:
    daemon, client = engine
    await client.callback(**request(id="x", whisper={"tone": 440}))
    stored = daemon.store.find("x")
    assert stored is not None
    assert stored.request.whisper == {"tone": "440"}
    error = await refused_by_engine(client, "callback.request", **request(whisper={"tone": -5}))
    assert error.field == "whisper.tone"


async def test_get_and_cancel(engine: RunningEngine) -> None:
    _daemon, client = engine
    await client.callback(**request(id="x"))
    assert (await client.call("callback.get", id="x"))["state"] == "queued"
    cancelled = await client.call("callback.cancel", id="x")
    assert (cancelled["state"], cancelled["cause"]) == ("cancelled", "cancelled by command")
    assert (await client.call("callback.get", id="x"))["state"] == "cancelled"
    assert (await refused_by_engine(client, "callback.cancel", id="x")).kind == "state"
    assert (await refused_by_engine(client, "callback.get", id="y")).kind == "not_found"
    assert (await refused_by_engine(client, "callback.cancel", id="y")).kind == "not_found"


async def test_list_by_state_and_in_pages(engine: RunningEngine) -> None:
    _daemon, client = engine
    for number in range(5):
        await client.callback(**request(id=f"job-{number}"))
    await client.call("callback.cancel", id="job-2")
    queued = await client.call("callback.list", state="queued")
    assert [job["id"] for job in queued["jobs"]] == ["job-4", "job-3", "job-1", "job-0"]
    seen, cursor = [], None
    while True:
        page = await client.call("callback.list", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [f"job-{number}" for number in (4, 3, 2, 1, 0)]


async def test_calls_that_are_not_there(engine: RunningEngine) -> None:
    _daemon, client = engine
    assert await client.call("call.list") == {"calls": [], "cursor": None}
    for method in ("call.get", "call.hangup"):
        assert (await refused_by_engine(client, method, call="call-1")).field == "call"
        assert (await refused_by_engine(client, method, leg="leg-1")).field == "leg"


async def test_an_unreachable_agent_fails_with_its_cause(engine: RunningEngine) -> None:
    daemon, client = engine
    async with client.events() as events:
        job = await client.callback(to="sip:bob@127.0.0.1:9", agent="alice", max_attempts=2)
        async with asyncio.timeout(20):
            ended = await client.wait_for_job(job["id"], events=events)
    assert (ended["state"], ended["result"]) == ("failed", "unreachable")
    assert ended["failure"]["side"] == "agent"
    assert ended["failure"]["moment"] == "dialing_agent"
    assert [attempt["result"] for attempt in ended["attempts"]] == ["unreachable"] * 2
    assert ended["cause"].startswith("agent unreachable")
    status = await client.call("engine.status")
    assert (status["calls"], status["legs"]) == (0, 0)
    assert status["jobs"] == {"failed": 1}
    assert status["media"]["workers"][0]["legs"] == 0
    assert status["sip"]["sessions"] == 0
    assert daemon.registry.legs == {}


async def test_draining_refuses_new_callbacks(engine: RunningEngine) -> None:
    _daemon, client = engine
    assert await client.call("engine.drain", timeout_s=1) == {"drained": True, "active": 0}
    error = await refused_by_engine(client, "callback.request", **request())
    assert error.kind == "unavailable"
    assert (await client.call("engine.status"))["draining"] is True


async def test_draining_with_stop_ends_the_engine(engine: RunningEngine) -> None:
    daemon, client = engine
    await client.call("engine.drain", stop=True)
    async with asyncio.timeout(40):
        await daemon.stop_requested.wait()


async def test_not_before_and_deadline(engine: RunningEngine) -> None:
    _daemon, client = engine
    async with client.events(["callback."]) as events:
        now = time.time()
        await client.callback(**request(id="late", not_before=now + 50, deadline=now + 60))
        job = await client.callback(
            to="sip:bob@127.0.0.1:9", agent="alice", id="soon", not_before=now + 0.2
        )
        async with asyncio.timeout(20):
            ended = await client.wait_for_job(job["id"], events=events)
    assert ended["attempts"][0]["legs"][0]["started"] >= now + 0.2
    assert (await client.call("callback.get", id="late"))["state"] == "queued"
