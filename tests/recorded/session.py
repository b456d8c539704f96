"""Plays a recorded control-socket session to an engine in virtual time.

A recording is a compressed file of JSON lines. Each is a step (`open` a connection, `send` a
request, say what `phones` do, let time pass, `end` the engine and start the next), or what a client
got (`got`).
The engine, its store and its connections are real; there is no socket and no media worker.
"""

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import media.protocol.messages
from config.settings import load
from engine.control.capacity.turns import Turns
from engine.control.connections.connection import Connection
from engine.control.connections.peer import Peer
from engine.control.connections.server import ControlServer
from tests.support.engines.virtual import VirtualEngine, World
from tests.support.phones.virtual import Conduct, Step
from tests.support.recording import write_tone_wav

Line = dict[str, Any]

SETTLE_S = 0.05
"""Virtual time after each step, in which replies and events are written."""


class MemoryTransport(asyncio.Transport):
    """The client's end of a connection: keeps the lines that the engine writes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.connection: Connection | None = None
        self._rest = b""
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        *whole, self._rest = (self._rest + bytes(data)).split(b"\n")
        self.lines += [json.loads(line) for line in whole]

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.lines.append({"closed": True})
            assert self.connection is not None
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def abort(self) -> None:
        self.close()


class MemoryControl(ControlServer):
    """The control server without its socket: `connect` makes a connection.

    Its turns take no time, so that no reply waits for one.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.turns = Turns(lambda: 0.0)

    async def bind(self) -> None: ...

    async def start(self) -> None: ...

    def connect(self) -> MemoryTransport:
        """A connection of root's."""
        transport = MemoryTransport()
        connection = Connection(self, Peer("unix", uid=0, gid=0, pid=1))
        transport.connection = connection
        connection.connection_made(transport)
        return transport


class Watcher(Protocol):
    """Who watches a session that is played."""

    def translate(self, request: Line) -> Line:
        """A request as it is sent in this session: ids of calls differ from one to the next."""

    def got(self, turn: "Turn", lines: list[Line]) -> None:
        """What clients got after the step of `turn`."""

    def finish(self) -> None:
        """There are no more steps."""


@dataclass
class Turn:
    """A step, and what clients got because of it when it was recorded."""

    step: Line
    got: list[Line] = field(default_factory=list)


class Session:
    """One playing of a recording, in the configuration `config`."""

    def __init__(self, world: World, config: str) -> None:
        self._world = world
        self._config = world.directory / "ringback.toml"
        self._text = config.replace("{directory}", str(world.directory))
        self._config.write_text(self._text)
        write_tone_wav(world.directory / "said.wav", 700, 0.2)
        self._clients: dict[str, MemoryTransport] = {}
        self._read: dict[str, int] = {}

    def play(self, turns: Iterable[Turn], watcher: Watcher) -> None:
        """Do what the steps say. After an `end` the next engine is started."""
        life: list[Turn] = []
        for turn in turns:
            life.append(turn)
            if "end" in turn.step:
                self._world.run(self._live(life, watcher))
                life = []
        if life:
            self._world.run(self._live(life, watcher))
        watcher.finish()

    async def _live(self, turns: list[Turn], watcher: Watcher) -> None:
        engine = VirtualEngine(self._world, load(self._config, environ={}), control=MemoryControl)
        engine.media.pids = [1]  # it is shown that there is one
        await engine.start()
        is_up = True
        try:
            for turn in turns:
                if "end" in turn.step:
                    is_up = False
                await self._do(engine, turn.step, watcher)
                await asyncio.sleep(turn.step.get("wait", 0.0) + SETTLE_S)
                watcher.got(turn, list(self._got()))
        finally:
            if is_up:
                await engine.stop()
        self._clients.clear()
        self._read.clear()

    async def _do(self, engine: VirtualEngine, step: Line, watcher: Watcher) -> None:
        if "open" in step:
            control = cast(MemoryControl, engine.daemon.control)
            self._clients[step["open"]] = control.connect()
        elif "send" in step:
            self._send(step["to"], json.dumps(watcher.translate(step["send"])))
        elif "line" in step:
            self._send(step["to"], step["line"])
        elif "close" in step:
            connection = self._clients[step["close"]].connection
            assert connection is not None
            connection.connection_lost(None)
        elif "phones" in step:
            for user, conducts in step["phones"].items():
                self._conduct(user, [_conduct(conduct) for conduct in conducts])
        elif "caller" in step:
            engine.sip.call(step["caller"], step["dialled"], _conduct(step["conduct"]))
        elif "media" in step:
            self._media(engine, {**watcher.translate(step)})
        elif "worker" in step:
            engine.media.die()
        elif "replace" in step:
            old, new = step["replace"]
            assert old in self._text, f"{old} is not in the configuration"
            self._text = self._text.replace(old, new)
            self._config.write_text(self._text)
        elif "end" in step:
            await (engine.kill(step["phones_keep_s"]) if step["end"] == "kill" else engine.stop())
        else:
            assert step.keys() <= {"wait", "note", "time"}, step

    def _media(self, engine: VirtualEngine, fields: Line) -> None:
        message = getattr(media.protocol.messages, fields.pop("media"))
        fields.pop("wait", None)
        engine.media.on_event(message(**fields))

    def _send(self, client: str, line: str) -> None:
        connection = self._clients[client].connection
        assert connection is not None
        data = line.encode() + b"\n"
        connection.get_buffer(len(data))[: len(data)] = data
        connection.buffer_updated(len(data))

    def _conduct(self, user: str, conducts: list[Conduct]) -> None:
        network = self._world.network
        before = sum(not call.is_from_it for call in network.by_user[user])
        network.conducts[user] = [network.default] * before + conducts

    def _got(self) -> Iterator[Line]:
        for name, transport in self._clients.items():
            read = self._read.get(name, 0)
            self._read[name] = len(transport.lines)
            for line in transport.lines[read:]:
                yield {"got": line, "by": name}


def _conduct(steps: list[list[Any]]) -> Conduct:
    return tuple(Step(float(after), act) for after, act in steps)


def read(path: Path) -> list[Turn]:
    """The turns of a recording."""
    turns: list[Turn] = []
    for text in gzip.decompress(path.read_bytes()).decode().splitlines():
        line = json.loads(text)
        if "got" in line:
            turns[-1].got.append(line)
        else:
            turns.append(Turn(line))
    return turns
