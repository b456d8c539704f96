"""One engine at a time speaks to a worker: what it has to say first, and who comes after it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from media.protocol import messages as m
from media.protocol.channel import Connection
from media.settings import MediaSettings
from media.sources import Hold, Mix, Tone
from media.worker import engine_session
from media.worker.engine_session import EngineSessions
from media.worker_client import WorkerClient
from media.worker_socket import connect_to
from tests.support.detection_limits import usual_limits
from tests.support.media.worker import HOST
from tests.support.phones.wire.frames import FramePhone
from tests.support.ports import free_udp_range
from tests.support.waiting import until


class Engine:
    """An engine that connects to a worker that another one started."""

    def __init__(self) -> None:
        self.heard: list[m.Answer | m.Event] = []
        self.lost: list[str] = []
        self.connection: Connection[m.Command, m.Answer | m.Event] = Connection(
            m.report_decoder, self.heard.extend, self.lost.append
        )

    async def come(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self.connection, sock=connect_to(path))

    async def sent_away(self) -> None:
        """The worker has closed the connection."""
        await until(lambda: self.lost)


async def greet(path: Path, version: int = m.VERSION) -> tuple[Engine, m.Welcome]:
    """An engine that says hello until it is answered: the one before it may not be gone yet."""
    while True:
        engine = Engine()
        await engine.come(path)
        engine.connection.send(m.Hello(1, version))
        await until(lambda engine=engine: engine.heard or engine.lost)  # type: ignore[misc]
        if engine.heard:
            answer = engine.heard.pop(0)
            assert isinstance(answer, m.Welcome)
            return engine, answer


@asynccontextmanager
async def worker(orphan_s: float = 600.0) -> AsyncIterator[WorkerClient]:
    """A worker process, and the engine that has started it."""
    first = free_udp_range(40)[0]
    client = WorkerClient(
        MediaSettings(HOST, (first, first + 39), orphan_s=orphan_s),
        on_event=lambda event: None,
        on_died=lambda reason: None,
    )
    await client.start()
    process = client._process.popen
    assert process is not None
    try:
        yield client
    finally:
        if process.poll() is None:
            process.kill()
        await client.stop()


def die(client: WorkerClient) -> None:
    """The engine that has started it goes without a word."""
    connection = client._connection
    assert connection is not None and connection._transport is not None
    client._stopping = True
    connection._transport.abort()


@pytest.fixture
def phones() -> Iterator[list[FramePhone]]:
    made = [FramePhone(0x11), FramePhone(0x22)]
    yield made
    for phone in made:
        phone.close()


async def test_the_next_engine_finds_the_calls_of_the_one_before(
    phones: list[FramePhone], tmp_path: Path
) -> None:
    async with worker() as first:
        ports = {}
        for name, phone in zip("ab", phones, strict=True):
            ports[name] = (await first.open(name)).port
            first.connect(phone.describe(name))
        first.bridge("a", "b")
        await first.record("a", "b", str(tmp_path / "talk.wav"))
        await first.open("c")
        play = first.hear("c", Tone("440/60000"))
        await first.counters()
        assert first.generation == 1
        die(first)

        second, welcome = await greet(first.socket_path)
        assert (welcome.version, welcome.generation, welcome.pid) == (m.VERSION, 2, first.pid)
        a, b, c = sorted(welcome.legs, key=lambda leg: leg.leg)
        for leg, name, phone, other in ((a, "a", phones[0], "b"), (b, "b", phones[1], "a")):
            assert (leg.leg, leg.port, leg.hears) == (name, ports[name], other)
            assert leg.peer == phone.rtp_socket.getsockname()
        assert (a.codec, a.may_send, a.may_receive, a.is_protected) == ("PCMU", True, True, False)
        assert a.recorded_to == b.recorded_to == str(tmp_path / "talk.wav")
        assert (c.peer, c.play, c.recorded_to) == (None, play, "")
        assert c.port not in welcome.aside
        assert welcome.aside

        # What the first one joined is still joined, and obeys the second one.
        for _ in range(5):
            phones[0].talk((HOST, ports["a"]))
        relayed: list[bytes] = []

        def all_relayed() -> bool:
            relayed.extend(one.payload[80:] for one in phones[1].listen())  # after the rise
            return relayed.count(phones[0].frame[80:]) == 5

        await until(all_relayed)
        second.connection.send(m.Close(2, "a"))
        await until(lambda: second.heard)
        closed = second.heard.pop(0)
        assert isinstance(closed, m.Closed) and closed.stats is not None
        assert closed.stats.packets_received == 5
        second.connection.send(m.Stop())
        assert first._process.popen is not None
        assert await asyncio.to_thread(first._process.popen.wait, 20) == 0
        assert not first.socket_path.exists()


async def test_the_next_engine_finds_what_was_under_way(
    phones: list[FramePhone], tmp_path: Path
) -> None:
    async with worker() as first:
        for name, phone in zip("ab", phones, strict=True):
            await first.open(name)
            first.connect(phone.describe(name))
        first.bridge("a", "b")
        await first.record("a", "b", str(tmp_path / "talk.wav"))
        await first.pause_recording("b", pauses=True)
        first.block_keys("a", is_blocked=True)
        first.detect("b", usual_limits())
        over = first.announce("a", Tone("620/60000"), mix=True)
        instead = first.announce("b", Tone("440/60000"), rounds=2)
        for name in "cde":
            await first.open(name)
        music = first.hear("c", Hold())
        before = first.hear("d", Tone("350/60000"))
        first.announce("d", Hold())
        place = first.announce("d", Tone("480/60000"))
        first.hear("e", Mix(("a", "b")))
        await first.counters()
        die(first)

        second, welcome = await greet(first.socket_path)
        a, b, c, d, e = sorted(welcome.legs, key=lambda leg: leg.leg)
        assert [leg.keeps_keys for leg in (a, b, c)] == [True, False, False]
        assert [leg.is_detecting for leg in (a, b, c)] == [False, True, False]
        assert [leg.is_paused for leg in (a, b, c)] == [True, True, False]
        assert a.announcements == (m.Announce("a", over, Tone("620/60000"), mix=True),)
        assert b.announcements == (m.Announce("b", instead, Tone("440/60000"), rounds=2),)
        # What goes on after an announcement is told, not that.
        assert [(leg.hears, leg.play, leg.source) for leg in (a, b)] == [
            ("b", 0, None), ("a", 0, None),
        ]  # fmt: skip
        assert (c.play, c.source, c.announcements) == (music, Hold(), ())
        assert (d.play, d.source) == (before, Tone("350/60000"))
        assert d.announcements == (m.Announce("d", place, Tone("480/60000")),)
        assert (set(e.mixed), e.source) == ({"a", "b"}, None)

        # All of it ends as the second one wishes.
        second.connection.send(m.BlockKeys("a", is_blocked=False))
        second.connection.send(m.StopDetecting("b"))
        second.connection.send(m.PauseRecording(2, "a", pauses=False))
        second.connection.send(m.StopAnnouncement("d", place))
        answers = {m.RecordingAt, m.Played}
        await until(lambda: answers <= {type(one) for one in second.heard})
        second.connection.close()
        third, welcome = await greet(first.socket_path)
        states = {leg.leg: leg for leg in welcome.legs}
        assert not states["a"].keeps_keys and not states["b"].is_detecting
        assert not states["a"].is_paused and states["d"].announcements == ()
        assert states["d"].play == before
        third.connection.send(m.Stop())


async def test_a_second_engine_is_sent_away_while_the_first_is_there() -> None:
    async with worker() as first:
        for greeting in (m.Hello(1, m.VERSION), m.GetCounters(1)):
            second = Engine()
            await second.come(first.socket_path)
            second.connection.send(greeting)
            await second.sent_away()
            assert second.heard == []
        assert (await first.counters()).legs == 0


async def test_another_version_hears_which_one_is_spoken_and_is_sent_away(
    phones: list[FramePhone],
) -> None:
    async with worker() as first:
        await first.open("a")
        first.connect(phones[0].describe("a"))
        await first.counters()
        die(first)
        newer, welcome = await greet(first.socket_path, m.VERSION + 1)
        assert (welcome.version, [leg.leg for leg in welcome.legs]) == (m.VERSION, ["a"])
        await newer.sent_away()
        _second, welcome = await greet(first.socket_path)
        assert welcome.generation == 2


async def test_the_worker_ends_where_the_next_engine_goes_as_well(phones: list[FramePhone]) -> None:
    async with worker(orphan_s=3.0) as first:
        await first.open("a")
        first.connect(phones[0].describe("a"))
        first.hear("a", Hold())
        await first.counters()
        die(first)
        second, _ = await greet(first.socket_path)
        await asyncio.sleep(3.2)  # longer than an orphan lives
        assert first._process.popen is not None
        assert first._process.popen.poll() is None
        second.connection.close()
        assert await asyncio.to_thread(first._process.popen.wait, 20) == 0


async def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_session, "GREETING_S", 0.05)
    happened: list[str] = []
    sessions = EngineSessions(
        lambda commands: happened.append("executed"),
        come=lambda: happened.append("came"),
        gone=lambda: happened.append("gone"),
        describe=lambda welcome: None,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(sessions.accept, HOST, 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    sessions.send(m.Done(1))  # to nobody
    server.close()
    assert (happened, sessions.generation) == ([], 0)


class ScriptedConnection:
    """A connection to the worker, without a socket: what was sent, and whether it was closed."""

    def __init__(self) -> None:
        self.said: list[m.Answer | m.Event] = []
        self.is_closed = False

    @property
    def connection(self) -> "ScriptedConnection":
        return self

    def send(self, message: m.Answer | m.Event) -> None:
        self.said.append(message)

    def close(self) -> None:
        self.is_closed = True

    def greeted(self) -> None:
        """It need not be sent away any more."""


def test_who_speaks_another_version_or_says_no_hello_is_not_there() -> None:
    executed: list[m.Command] = []
    come: list[str] = []
    sessions = EngineSessions(
        executed.extend,
        come=lambda: come.append("come"),
        gone=lambda: come.append("gone"),
        describe=lambda welcome: None,
    )
    other, silent, engine, late = (cast(Any, ScriptedConnection()) for _ in range(4))
    sessions.received(other, [m.Hello(1, m.VERSION + 1)])
    (welcome,) = other.said
    assert (welcome.version, welcome.generation) == (m.VERSION, 0)
    sessions.received(silent, [m.GetCounters(1)])
    assert other.is_closed and silent.is_closed and come == []
    sessions.received(engine, [m.Hello(1, m.VERSION), m.GetCounters(2)])
    sessions.received(late, [m.Hello(1, m.VERSION)])
    assert late.is_closed and not engine.is_closed
    assert executed == [m.GetCounters(2)] and sessions.generation == 1
    sessions.left(other)
    sessions.left(engine)
    assert come == ["come", "gone"]
