"""The client: it reconnects, and it waits for jobs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.control.method import Method
from engine.control.params import JobRef
from engine.store.event_log import EventLog
from ringback_client import (
    Client,
    ConnectionLost,
    EngineError,
    NoEngine,
)
from tests.support.control_server import LIMIT_S, Handlers, serving
from tests.support.waiting import until


async def test_no_engine_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="no engine at"):
        await Client.connect(tmp_path / "none.sock")


async def test_pending_request_is_lost_with_the_engine_and_the_next_one_reconnects(
    tmp_path: Path,
) -> None:
    handlers = Handlers()
    async with serving(tmp_path, handlers) as served:
        client = await Client.connect(served.settings.socket)
        under_way = asyncio.create_task(client.call("wait", n=1))
        await until(lambda: handlers.waiting)
    with pytest.raises(ConnectionLost):
        await under_way
    with pytest.raises(NoEngine):
        await client.call("ping")
    async with serving(tmp_path):
        assert await client.call("add", n=1) == 2
        await client.close()


class Jobs(Handlers):
    """callback.get returns the state that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "queued"

    def table(self) -> dict[str, Method]:
        return super().table() | {"callback.get": Method(JobRef, self.get)}

    async def get(self, params: JobRef, _peer: object) -> dict[str, Any]:
        if params.id != "j1":
            raise errors.EngineError("not_found", f"there is no job {params.id}", field="id")
        return {"id": params.id, "state": self.state}


async def test_ended_job_is_returned_at_once(tmp_path: Path) -> None:
    handlers = Jobs()
    handlers.state = "failed"
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        assert await client.wait_for_job("j1") == {"id": "j1", "state": "failed"}
        with pytest.raises(EngineError, match="j2"):
            await client.wait_for_job("j2")


async def test_wait_for_job_delivers_its_events(tmp_path: Path) -> None:
    handlers = Jobs()
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket) as client,
        client.events() as events,
    ):
        seen: list[str] = []
        waiting = asyncio.create_task(
            client.wait_for_job("j1", lambda event: seen.append(event["type"]), events=events)
        )
        served.events.publish("callback.queued", job="j1")
        served.events.publish("callback.completed", job="j2")
        served.events.publish("leg.ringing", job="j1")
        await until(lambda: len(seen) == 2)
        assert not waiting.done()
        handlers.state = "completed"
        served.events.publish("callback.completed", job="j1")
        assert (await waiting)["state"] == "completed"
        assert seen == ["callback.queued", "leg.ringing", "callback.completed"]


async def test_wait_for_job_survives_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path, Jobs()) as served:
        client = await Client.connect(served.settings.socket)
        waiting = asyncio.create_task(client.wait_for_job("j1"))
        await until(lambda: served.events.listeners)
        await client.call("ping")
    handlers = Jobs()
    handlers.state = "failed"
    async with serving(tmp_path, handlers, log=EventLog(epoch="e2")):
        async with asyncio.timeout(LIMIT_S):
            assert (await waiting)["state"] == "failed"
        await client.close()
