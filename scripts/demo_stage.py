"""The demo's stage: the daemon and the two softphones as processes, and ports that are free."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from config.settings import Settings
from ringback_client import Client, NoEngine

from .child_process import stop

ROOT = Path(__file__).resolve().parents[1]
CONFIG = Path("config/ringback.toml")
READY_S = 60.0
STOP_S = 5.0

Say = Callable[[str], None]


class StageError(Exception):
    """The demo cannot be set up: a sentence for a person."""


class Phone:
    """A running softphone: its events so far, and a wait for one to come."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, **options: object) -> "Phone":
        """Start scripts/softphone.py with these options. Raises StageError."""
        flags = [
            part
            for key, value in options.items()
            for part in (f"--{key.replace('_', '-')}", str(value))
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scripts.softphone",
            "--user",
            name,
            *flags,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        phone = cls(name, process)
        await phone.event("ready", READY_S)
        return phone

    @property
    def uri(self) -> str:
        """Its SIP address."""
        return str(self.events[0]["uri"])

    def latest(self, kind: str) -> dict[str, Any]:
        """The last event of this kind; empty when there was none."""
        return next((event for event in reversed(self.events) if event["event"] == kind), {})

    async def event(self, kind: str, timeout_s: float, **fields: object) -> dict[str, Any]:
        """The first event of this kind with these fields. Raises StageError when none comes."""
        wanted = {"event": kind, **fields}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for event in self.events:
                        if wanted.items() <= event.items():
                            return event
                    if self._reading.done():
                        raise StageError(f"the {self.name}'s softphone has ended")
                    await self._news.wait()
        except TimeoutError:
            reason = f"the {self.name}'s softphone reported no {kind} in {timeout_s:g} s"
            raise StageError(reason) from None

    def command(self, line: str) -> None:
        """Tell the phone something, as on its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def stop(self) -> None:
        """End it, and read what it says at last."""
        await stop(self._process, STOP_S)
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._news.set()
            self._news = asyncio.Event()
        self._news.set()


@contextlib.asynccontextmanager
async def running_daemon(settings: Settings, say: Say) -> AsyncIterator[Client]:
    """`ringback run` with the default configuration, and a client of it; stopped at the end.

    Where another program has its ports or its socket, it gets free ones through the environment,
    and `say` gets it. Raises StageError when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="ringback-demo-") as spare:
        environment, control = _overrides(settings, Path(spare), say)
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("ringback"),
            "run",
            "--config",
            CONFIG,
            cwd=ROOT,
            env={**os.environ, "RINGBACK_LOG__LEVEL": "warning", **environment},
        )
        try:
            client = await _connect(control, process)
            try:
                yield client
            finally:
                await client.close()
        finally:
            await stop(process, STOP_S)


async def _connect(control: Path, process: asyncio.subprocess.Process) -> Client:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_S
    while True:
        try:
            return await Client.connect(control)
        except NoEngine as error:
            if process.returncode is not None:
                raise StageError(f"the daemon ended with {process.returncode}") from error
            if loop.time() > deadline:
                raise StageError(f"the daemon is not ready: {error}") from error
            await asyncio.sleep(0.05)


def _overrides(settings: Settings, spare: Path, say: Say) -> tuple[dict[str, str], Path]:
    """Environment variables for the daemon, and the path of its control socket."""
    # The store is the demo's own: its callback is none of those that the engine keeps.
    environment = {"RINGBACK_STORE__PATH": str(spare / "ringback.db")}
    control = ROOT / settings.control.socket
    if _is_served(control):
        say(f"another engine serves {settings.control.socket}: the demo's own is kept apart")
        control = spare / "control.sock"
        environment["RINGBACK_CONTROL__SOCKET"] = str(control)
    listen = []
    found: dict[tuple[str, int], int] = {}  # one port for UDP and TCP
    for place in settings.sip.listen:
        transport, _, address = str(place).partition(":")
        host, port = address.rpartition(":")[0], int(address.rpartition(":")[2])
        if (host, port) not in found:
            found[host, port] = free_port(host.strip("[]"), port)
            if found[host, port] != port:
                say(f"{address} is taken: SIP is at port {found[host, port]}")
        listen.append(f"{transport}:{host}:{found[host, port]}")
    if listen != [str(place) for place in settings.sip.listen]:
        environment["RINGBACK_SIP__LISTEN"] = json.dumps(listen)
    return environment, control


def free_port(host: str, wanted: int) -> int:
    """`wanted` when it is free at `host` for UDP and TCP, otherwise one that is."""
    for port in (wanted, 0, 0, 0, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
        ):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                stream.bind((host, port))
                stream.listen(1)
                datagram.bind((host, stream.getsockname()[1]))
            except OSError:
                continue
            return int(stream.getsockname()[1])
    raise StageError(f"no free port at {host}")


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
