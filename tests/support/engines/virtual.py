"""The whole engine in virtual time: its own daemon and store, with phones that a test scripts.

Sockets and the media worker are replaced, nothing else: methods are called as the control socket
calls them, jobs and events go to a real file, in real transactions. `kill` leaves on the disk what
a kill -9 at that moment would.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest.mock import patch

import msgspec
import time_machine

from config.sections import Media, Whisper
from config.sections import Store as StoreSettings
from config.settings import Settings
from engine.clock import Clock
from engine.control.connections.peer import Peer
from engine.daemon import Daemon
from engine.errors import EngineError
from engine.routing.overload import Overload
from engine.store.batch import Batch
from engine.store.store import Store
from media.errors import WorkerGone
from tests.support.phones.virtual import SILENT, Conduct, Network, VirtualSip
from tests.support.protocol_check import ProtocolCheck
from tests.support.quiet_speech import quiet_speech
from tests.support.scene import ScriptedMedia
from tests.support.sounds_here import sounds_here
from tests.support.virtual_loop import run

T = TypeVar("T")

MIDDAY = 1_790_000_000.0
"""When every virtual day begins: a Monday, about 14:00 UTC."""

COMMIT_S = 0.002
PORT_S = 0.001
RESTART_S = 0.1
DYING_TURNS = 200
CLIENT = Peer("unix", uid=0, gid=0, pid=1)


@dataclass
class World:
    """What outlives an engine: the time, the disk and the phones."""

    directory: Path
    network: Network
    clock: time_machine.Traveller
    checks: list[Callable[[], None]]
    ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def new_id(self) -> str:
        """An id that no engine of this world has given before."""
        return f"{next(self.ids):04x}"

    def pass_time(self, seconds: float) -> None:
        """Nothing is left to do at this moment: look at it, and go on to the next."""
        for check in self.checks:
            check()
        self.clock.shift(seconds)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run the life of one engine."""
        return run(main, self.pass_time)


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """A world at midday, with nobody in it."""
    with time_machine.travel(MIDDAY, tick=False) as clock:
        import time

        yield World(directory, Network(lambda: time.time()), clock, [])


def settings_in(directory: Path, **sections: Any) -> Settings:
    """Settings with these sections, whose files are in `directory`."""
    sections.setdefault("whisper", Whisper(cache_dir=directory / "speech"))
    return Settings(
        store=StoreSettings(path=directory / "ringback.db"),
        media=Media(recordings=directory / "recordings"),
        **sections,
    )


class VirtualMedia(ScriptedMedia):
    """Takes the place of WorkerPool; a port takes a moment to be had, and the worker may die."""

    def __init__(
        self,
        on_event: Callable[[Any], None],
        on_died: Callable[[str, list[str]], None],
        on_restarted: Callable[[], None],
    ) -> None:
        super().__init__()
        self.is_up = True
        self.pids: list[int] = []
        self.on_event = on_event
        self._on_died, self._on_restarted = on_died, on_restarted

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def open(
        self, leg: str, *, beside: str | None = None, ports: tuple[int, int] | None = None
    ) -> Any:
        self._must_be_up()
        opened = await super().open(leg, beside=beside)
        try:
            await asyncio.sleep(PORT_S)
            self._must_be_up()
        except (asyncio.CancelledError, WorkerGone):
            self.open_legs.discard(leg)
            raise
        return opened

    def _must_be_up(self) -> None:
        if not self.is_up:
            raise WorkerGone("no media worker is running")

    def bridge(self, a: str, b: str) -> None:
        if {a, b} <= self.open_legs:
            super().bridge(a, b)

    def die(self) -> None:
        """The worker is killed, and started again in a moment."""
        if not self.is_up:
            return
        self.is_up = False
        gone = sorted(self.open_legs)
        self.open_legs.clear()
        self._on_died("killed", gone)
        asyncio.get_running_loop().call_later(RESTART_S, self._restarted)

    def _restarted(self) -> None:
        self.is_up = True
        self._on_restarted()


class _Control:
    """Takes the place of ControlServer: without a socket, `VirtualEngine.ask` calls methods."""

    def __init__(self, _settings: Any, methods: Any, _events: Any, **more: Any) -> None:
        self.methods = methods
        self.snapshot_sources = more["snapshot_sources"]

    async def bind(self) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def configure(self, _settings: Any) -> None: ...


class _InlineWriter:
    """Writes batches in place of the store's thread, each in COMMIT_S of virtual time."""

    def __init__(self, store: Store) -> None:
        self._commit = store._commit
        self._commit._work.put(None)
        self._commit._thread.join()
        self._commit._work = cast(Any, self)
        self.is_dead = False

    def put(self, batch: Batch | None) -> None:
        """Have it on the disk in a moment."""
        if batch is not None:
            asyncio.get_running_loop().call_later(COMMIT_S, self._write, batch)

    def _write(self, batch: Batch) -> None:
        if self.is_dead:
            return
        failure: sqlite3.Error | None = None
        try:
            batch.write(self._commit._connection)
        except sqlite3.Error as error:
            failure = error
        self._commit._written(batch, failure)


class _NoLoad(Overload):
    """Measures nothing: in virtual time nothing is late, and a day has a million times to look."""

    def start(self) -> None: ...


SELDOM_S = 600.0


def _clock() -> Clock:
    """A clock whose monotonic one is that of the virtual loop.

    It looks at the wall clock seldom, so that a day takes no hundred thousand turns of the loop:
    a test that sets the clock has it `check`.
    """
    return Clock(
        monotonic=lambda: asyncio.get_running_loop().time(),
        watch_s=SELDOM_S,
    )


def _say_nothing(*_said: Any, **_more: Any) -> int:
    """In place of publishing, in an engine that is dead."""
    return 0


class VirtualEngine:
    """One engine's life, from `start` to `stop` or `kill`.

    `control` takes the place of its control server.
    """

    def __init__(
        self, world: World, settings: Settings, *, control: Callable[..., Any] = _Control
    ) -> None:
        self.world = world
        with (
            patch("engine.call_parts.SipEndpoint", self._make_sip),
            patch("engine.call_parts.WorkerPool", self._make_media),
            patch("engine.parts.ControlServer", control),
            patch("engine.call_parts.Clock", _clock),
            patch("engine.call_parts.Overload", _NoLoad),
            quiet_speech(),
        ):
            self.daemon = Daemon(settings)
        self.protocol = ProtocolCheck()
        self.protocol.watch(self.daemon.events)
        self.media.register = self.daemon.registry
        self.daemon.services.new_id = world.new_id
        self.writer: _InlineWriter | None = None
        self.is_dead = False

    def _make_sip(self, _listen: Any, *, on_event: Callable[[Any], None], **_more: Any) -> Any:
        self.sip = VirtualSip(self.world.network, on_event)
        return self.sip

    def _make_media(
        self, _settings: Any, *, on_event: Any, on_died: Any, on_restarted: Any, **_more: Any
    ) -> Any:
        self.media = VirtualMedia(on_event, on_died, on_restarted)
        return self.media

    async def start(self) -> None:
        """Start, as the daemon does."""
        await_open = self.daemon.store.open

        async def open_inline() -> None:
            await await_open()
            self.writer = _InlineWriter(self.daemon.store)

        opening = patch.object(self.daemon.store, "open", open_inline)
        with quiet_speech(), sounds_here(), opening:
            await self.daemon.start()

    async def stop(self) -> None:
        """Stop in good order."""
        await self.daemon.stop()
        self.protocol.finish()

    async def kill(self, keep_s: float) -> None:
        """kill -9: what is not on the disk is lost, and nobody hears from this engine again.

        Phones keep its calls for `keep_s`. Every other task of the loop ends with it.
        """
        self.is_dead = self.sip.is_dead = True
        self.daemon.events.publish = _say_nothing  # type: ignore[method-assign]
        self.world.network.crash(keep_s)
        if self.writer is not None:
            self.writer.is_dead = True
        quiet_turns = 0
        for _ in range(DYING_TURNS):
            others = asyncio.all_tasks() - {asyncio.current_task()}
            quiet_turns = 0 if others else quiet_turns + 1
            if quiet_turns > 1:  # the end of the last task may have begun another
                break
            for task in others:
                task.cancel()
            await asyncio.sleep(0)
        else:
            raise AssertionError(f"tasks that do not end when cancelled: {others}")
        self._release_the_disk()

    def _release_the_disk(self) -> None:
        store = self.daemon.store
        if not store._is_open:
            return
        store._is_open = False
        for connection in (store._finder, store._writer):
            connection.close()
        for reader in store._readers:
            reader.close()
        store._lock.release()

    async def ask(self, method: str, **params: Any) -> Any:
        """Call a method of the control protocol. Raises EngineError, or BadParams."""
        handler = cast(_Control, self.daemon.control).methods[method]
        given = handler.decoder.decode(msgspec.json.encode(params))
        answer = handler.run(given, CLIENT)
        if asyncio.iscoroutine(answer):
            answer = await answer
        self.protocol.replied(method, answer)
        return msgspec.json.decode(msgspec.json.encode(answer))

    async def try_to(self, method: str, **params: Any) -> Any:
        """The same, by one who may be refused: None then."""
        try:
            return await self.ask(method, **params)
        except EngineError:
            return None


Script = Callable[[VirtualEngine], Awaitable[None]]


def run_engine(
    directory: Path,
    *scripts: Script,
    down_s: float = 5.0,
    conducts: Mapping[str, Sequence[Conduct]] | None = None,
    **sections: Any,
) -> None:
    """Start an engine with these sections, run the script, and stop the engine in good order.

    Phones do nothing by themselves but those in `conducts`. Each further script has the next
    engine of the same store, `down_s` later.
    """

    async def life(script: Script) -> None:
        engine = VirtualEngine(around, settings)
        await engine.start()
        await script(engine)
        await engine.stop()

    with world(directory) as around:
        around.network.default = SILENT
        around.network.conducts.update(conducts or {})
        settings = settings_in(directory, **sections)
        for number, script in enumerate(scripts):
            if number:
                around.clock.shift(down_s)
            around.run(life(script))
