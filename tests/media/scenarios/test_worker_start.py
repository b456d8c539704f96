"""Workers that die while they start, or cannot be started: always noticed, and once."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media import worker_socket
from media.errors import WorkerFailed, WorkerGone
from media.protocol import messages as m
from media.settings import MediaSettings
from media.worker_pool import WorkerPool
from media.worker_process import WorkerProcess
from tests.support.media.worker import WorkerBench
from tests.support.ports import free_udp_range
from tests.support.waiting import until

HOST = "127.0.0.1"

_SHORT_LIVED = """
import sys
from pathlib import Path
from media import messages as m
from media.protocol.framing import FrameSplitter, encode_frame
from media.worker_socket import listen_at
listening, answers = listen_at(Path(sys.argv[1])), int(sys.argv[2])
listening.setblocking(True)
sock, _ = listening.accept()
splitter = FrameSplitter()
while True:
    for body in splitter.feed(sock.recv(65536)):
        for command in m.command_decoder.decode(body):
            if not answers:
                sys.exit()
            answers -= 1
            if isinstance(command, m.Hello):
                report = m.Welcome(command.request, m.VERSION, 1)
            elif isinstance(command, m.GetCounters):
                report = m.Counters(command.request, m.WorkerCounters())
            else:
                report = m.Aside(command.request, "127.0.0.1", [40000])
            sock.sendall(encode_frame([report]))
            if not answers and sys.argv[3] == "at once":
                sys.exit()
"""


@pytest.mark.parametrize("answers", [0, 1, 2])
@pytest.mark.parametrize("how", ["at once", "when asked again"])
async def test_a_worker_that_dies_as_it_starts_is_noticed_once(
    monkeypatch: pytest.MonkeyPatch, answers: int, how: str
) -> None:
    def spawn(_process: WorkerProcess, path: Path) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-c", _SHORT_LIVED, str(path), str(answers), how]
        return subprocess.Popen(arguments)

    monkeypatch.setattr(WorkerProcess, "_spawn", spawn)
    bench = WorkerBench()
    try:
        await bench.client.start()
    except WorkerFailed:
        assert bench.deaths == []
        assert bench.client.pid is None
    else:
        assert answers == 2  # it was ready before
        if how == "when asked again":
            assert bench.client.alive
            with pytest.raises(WorkerGone):
                await bench.client.counters()
        await until(lambda: bench.deaths)
    assert not bench.client.alive
    assert not bench.client._aside
    await bench.client.stop()
    assert len(bench.deaths) <= 1


@pytest.fixture
async def bench() -> AsyncIterator[WorkerBench]:
    async with WorkerBench() as made:
        yield made


async def test_ports_of_a_worker_that_died_are_not_kept(bench: WorkerBench) -> None:
    client = bench.client
    client._aside.clear()
    asking = asyncio.ensure_future(client._set_aside())
    await asyncio.sleep(0)
    # Its last answer and its end are read in one turn of the loop.
    client._receive_messages([m.Aside(client._last_request, HOST, [40000])])
    assert client._connection is not None
    client._connection.connection_lost(None)
    await asking
    assert not client._aside
    await until(lambda: bench.deaths)


def no_descriptor(*args: object, **options: object) -> socket.socket:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("what", ["socket.socket", "media.worker_process.connect_to"])
async def test_without_descriptors_the_worker_fails_to_start(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bench = WorkerBench()
    monkeypatch.setattr(what, no_descriptor)
    with pytest.raises(WorkerFailed, match="Too many open files"):
        await bench.client.start()
    assert bench.client.pid is None


async def test_the_pool_tries_again_until_there_are_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = free_udp_range(4)[0]
    deaths: list[str] = []
    restarts: list[bool] = []
    pool = WorkerPool(
        MediaSettings(HOST, (first, first + 3)),
        on_event=lambda event: None,
        on_died=lambda reason, legs: deaths.append(reason),
        on_restarted=lambda: restarts.append(True),
    )
    await pool.start()
    connect_to = worker_socket.connect_to
    tries: list[bool] = []

    def scarce(path: Path) -> socket.socket:
        tries.append(True)
        return connect_to(path) if len(tries) > 1 else no_descriptor()

    try:
        monkeypatch.setattr("media.worker_process.connect_to", scarce)
        os.kill(pool.pids[0], 9)
        await until(lambda: restarts)
        assert len(deaths) == 1
        assert len(tries) >= 2
        assert len(pool.pids) == 1
    finally:
        await pool.stop()
