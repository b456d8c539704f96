"""Calls that are over are freed at once: the garbage collector stops the engine for each of them.

It finds what refers to itself in a circle, and looks at everything for that.
"""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.agents import Agent
from config.queues import Queue
from tests.support.engines.watched import WatchedEngine, run_watched_engine


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Nothing is freed but by counting references."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_a_callback_is_freed_without_the_garbage_collector(tmp_path: Path) -> None:
    async def script(watched: WatchedEngine) -> None:
        whom = {"to": "sip:carol@127.0.0.1:5090", "queue": "sales"}
        job = (await watched.ask("callback.request", **whom))["id"]
        for user in ("alice", "carol"):
            await watched.answered(user, rings_s=1.0)
        (call,) = map(weakref.ref, watched.engine.daemon.registry.calls.values())
        (await watched.phone_of("carol")).act("hangs_up")
        await watched.ended(job)
        await asyncio.sleep(60)
        assert call() is None  # and its legs: it refers to them, and they to it

    run_watched_engine(
        tmp_path,
        script,
        as_=WatchedEngine,
        queues=[Queue.model_validate({"name": "sales", "ring_s": 10.0})],
        agents=[Agent(name="alice", uri="sip:alice@127.0.0.1:5080", queues=["sales"])],
    )
