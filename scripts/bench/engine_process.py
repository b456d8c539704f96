"""One engine under test: a daemon with a configuration of its own in a temporary directory."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from media.orphan_worker import WORKER
from ringback_client import Client, ConnectionLost
from scripts.child_process import stop

from .processes import (
    anonymous_bytes,
    command_line,
    cpu_s,
    descendants,
    open_files,
    pss_bytes,
    threads,
)

START_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
START_LOOK_S = 0.02
ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = """\
[control]
socket = "{directory}/control.sock"

[store]
path = "{directory}/ringback.db"

[sip]
listen = {listen}

[media]
address = "127.0.0.1"
ports = [10000, 31999]

[dial]
allow_hosts = {hosts}
max_calls = 2000
retry_s = 0.2

[whisper]
cache_dir = "{directory}/speech"

[log]
level = "warning"
"""


class EngineFailed(RuntimeError):
    """The daemon did not start; the text has its last words."""


class EngineProcess:
    """A running daemon and its media worker. Use as an asynchronous context manager.

    `more` is configuration besides, `environment` are variables that override keys. `listen`
    are addresses of SIP besides. With `is_secure` it listens for TLS too, and phones are called by
    nothing else. Used again it is another daemon with the same store.
    """

    def __init__(
        self,
        more: str = "",
        environment: Mapping[str, str] | None = None,
        *,
        is_secure: bool = False,
        listen: Sequence[str] = (),
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="ringback-bench-")
        directory = Path(self._directory.name)
        self.socket = directory / "control.sock"
        self.store = directory / "ringback.db"
        self._config = directory / "ringback.toml"
        self.sip_port = free_udp_port()
        over = ("udp", "tcp", "tls") if is_secure else ("udp", "tcp")
        ports = [free_udp_port() if one == "tls" else self.sip_port for one in over]
        text = CONFIGURATION.format(
            directory=directory,
            listen=[
                *(f"{one}:127.0.0.1:{port}" for one, port in zip(over, ports, strict=True)),
                *listen,
            ],
            hosts=["127.0.0.1;transport=tls"] if is_secure else ["127.0.0.1"],
        )
        self._config.write_text(text + more)
        self._environment = {**os.environ, **(environment or {})}
        self._log = directory / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ringback"),
                *("run", "--config", str(self._config)),
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = asyncio.get_running_loop().time() + START_LIMIT_S
        while True:
            try:
                async with await Client.connect(str(self.socket)) as client:
                    await client.call("ping")
                return self
            except ConnectionLost as error:
                late = asyncio.get_running_loop().time() > deadline
                if late or self._process.returncode is not None:
                    await self.__aexit__(None, None, None)
                    raise EngineFailed(f"the engine did not start: {self.log_text()}") from error
            await asyncio.sleep(START_LOOK_S)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        await stop(self._process, STOP_LIMIT_S)

    @property
    def pid(self) -> int:
        """The engine's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The media worker's process: one of those that speak or read files may run beside it."""
        return [pid for pid in descendants(self.pid) if WORKER in command_line(pid)][-1]

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds used so far: engine, media worker."""
        return cpu_s(self.pid), cpu_s(self.worker_pid)

    def pss_bytes(self) -> tuple[int, int]:
        """Memory: engine, media worker."""
        return pss_bytes(self.pid), pss_bytes(self.worker_pid)

    def anonymous_bytes(self) -> tuple[int, int]:
        """Memory that is no file's: engine, media worker."""
        return anonymous_bytes(self.pid), anonymous_bytes(self.worker_pid)

    def holdings(self) -> dict[str, int]:
        """Descriptors by kind and threads, of engine and worker."""
        found: dict[str, int] = {}
        for name, pid in (("engine", self.pid), ("worker", self.worker_pid)):
            found |= {f"{name}.fd.{kind}": count for kind, count in open_files(pid).items()}
            found[f"{name}.threads"] = threads(pid)
        return found

    def log_text(self) -> str:
        """What the daemon has logged so far."""
        return self._log.read_text(errors="replace")[-4000:]


async def status_numbers(client: Client) -> dict[str, float]:
    """Every number of engine.status, by its dotted name."""
    found: dict[str, float] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else key, inner)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(f"{name}.{index}", inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value

    walk("", await client.call("engine.status"))
    return found


def free_udp_port() -> int:
    """A UDP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
