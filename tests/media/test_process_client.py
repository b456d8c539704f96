"""A process that the engine speaks to: started when needed, ended by `stop`, its death told."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from media import process_client
from media.process_client import ProcessClient
from media.streams.messages import CloseStream, Command, Event, StreamClosed, event_decoder
from tests.support.arrivals import Arrivals

LIMIT_S = 60.0
MODULE = "media.streams.stream_host"


class Host:
    """A stream host, which answers a CloseStream for any stream, and what it has said."""

    def __init__(self) -> None:
        self.said: Arrivals[Event] = Arrivals()
        self.lost: Arrivals[str] = Arrivals()
        self.client: ProcessClient[Command, Event] = ProcessClient(
            MODULE,
            event_decoder,
            self._hear,
            self.lost.add,
            [CloseStream("greeting", "")],
            CloseStream("question", ""),
            watch_period_s=2.0,
        )

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            self.said.add(event)

    async def answers(self, stream: str) -> None:
        """Wait until it has answered for this stream."""
        await self.said.wait_for(
            lambda one: isinstance(one, StreamClosed) and one.stream == stream, timeout_s=LIMIT_S
        )


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    yield made
    await made.client.stop()


def has_ended(pid: int) -> bool:
    """Whether there is no such process, also none that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_process_is_started_once_greeted_heard_and_ended(host: Host) -> None:
    assert host.client.pid is None
    host.client.send(CloseStream("lost", "it does not run yet"))
    first, second = await asyncio.gather(host.client.connected(), host.client.connected())
    assert first is second
    pid = host.client.pid
    host.client.send(CloseStream("s1", ""))
    await host.answers("greeting")
    await host.answers("s1")
    await host.client.stop()
    assert pid is not None and has_ended(pid)


async def test_one_that_dies_is_told_of_and_started_again(host: Host) -> None:
    await host.client.connected()
    first = host.client.pid
    assert first is not None
    await host.answers("greeting")
    os.kill(first, signal.SIGKILL)
    assert await host.lost.wait_for(bool, timeout_s=LIMIT_S)
    assert host.client.pid is None
    await host.client.connected()
    assert host.client.pid not in (None, first)


async def test_one_that_hangs_is_asked_killed_and_started_again(host: Host) -> None:
    await host.client.connected()
    first = host.client.pid
    assert first is not None
    await host.answers("greeting")
    await host.said.wait_for(
        lambda one: isinstance(one, StreamClosed) and one.stream == "question",
        timeout_s=LIMIT_S,
        nth=3,
    )
    assert host.client.pid == first  # it is idle, and answers
    os.kill(first, signal.SIGSTOP)
    assert await host.lost.wait_for(bool, timeout_s=LIMIT_S)
    await host.client.connected()
    assert host.client.pid not in (None, first)


async def test_one_that_does_not_end_is_killed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_client, "END_S", 0.05)
    await host.client.connected()
    pid = host.client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await host.client.stop()
    assert has_ended(pid)


async def test_one_that_cannot_start_raises(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        await host.client.connected()
    assert host.client.pid is None


async def test_one_that_is_starting_when_it_is_stopped_starts_no_more(host: Host) -> None:
    connecting = asyncio.ensure_future(host.client.connected())
    await asyncio.sleep(0)
    await host.client.stop()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert host.client.pid is None
