"""An Asterisk that makes the same agent-first callbacks: Originate to the agent, then Dial.

It is not installed by the project: where there is one (in PATH, or named by ASTERISK), the bench
measures it by turns with the engine, so that what else the machine does falls on both alike.
"""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from scripts.child_process import stop

from .engine_process import free_udp_port
from .processes import cpu_s

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
REPLY_LIMIT_S = 10.0
SECRET = "bench"

FILES = {
    "asterisk.conf": """\
[directories]
astetcdir => {directory}
astdbdir => {directory}
astspooldir => {directory}
astrundir => {directory}
astlogdir => {directory}
[options]
verbose = 0
debug = 0
maxfiles = 65536
""",
    "logger.conf": "[general]\n[logfiles]\nmessages.log => error\n",
    "modules.conf": "[modules]\nautoload = yes\n",
    "cdr.conf": "[general]\nenable = no\n",
    "cel.conf": "[general]\nenable = no\n",
    "rtp.conf": "[general]\nrtpstart = 32000\nrtpend = 60999\n",
    "pjsip.conf": """\
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{sip_port}
[phones]
type = aor
contact = sip:phones@{peer}
[phones]
type = endpoint
transport = udp
aors = phones
disallow = all
allow = ulaw,alaw
direct_media = no
""",
    "manager.conf": """\
[general]
enabled = yes
bindaddr = 127.0.0.1
port = {manager_port}
[bench]
secret = {secret}
read =
write = originate
""",
    "extensions.conf": """\
[callback]
exten => s,1,Dial(PJSIP/phones/sip:${{CUSTOMER}}@{peer},30)
""",
}


class NoAsterisk(RuntimeError):
    """There is none, or it did not start; the text says which."""


class AsteriskProcess:
    """A running Asterisk for the phones at `peer` (host:port). An asynchronous context manager.

    Raises NoAsterisk.
    """

    def __init__(self, peer: str) -> None:
        program = os.environ.get("ASTERISK") or shutil.which("asterisk")
        if program is None:
            raise NoAsterisk("there is no asterisk in PATH, and ASTERISK names none")
        self._program = program
        self._peer = peer
        self._directory = tempfile.TemporaryDirectory(
            prefix="asterisk-", ignore_cleanup_errors=True
        )
        self._manager_port = free_udp_port()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        directory = Path(self._directory.name)
        for name, text in FILES.items():
            filled = text.format(
                directory=directory,
                peer=self._peer,
                sip_port=free_udp_port(),
                manager_port=self._manager_port,
                secret=SECRET,
            )
            (directory / name).write_text(filled)
        self._process = await asyncio.create_subprocess_exec(
            *(self._program, "-f", "-C", str(directory / "asterisk.conf")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await self._log_in()
        except (TimeoutError, ConnectionError, EOFError) as error:
            await self.__aexit__(None, None, None)
            raise NoAsterisk(f"{self._program} did not start: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        await stop(self._process, STOP_LIMIT_S)
        self._directory.cleanup()

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        assert self._process is not None
        return cpu_s(self._process.pid)

    def originate(self, agent: str, customer: str) -> None:
        """Ask for a callback between the phones of these user parts, and do not wait."""
        self._ask(
            Action="Originate",
            Channel=f"PJSIP/phones/sip:{agent}@{self._peer}",
            Context="callback",
            Exten="s",
            Priority="1",
            Variable=f"CUSTOMER={customer}",
            Async="yes",
        )

    async def _log_in(self) -> None:
        while True:
            assert self._process is not None
            if self._process.returncode is not None:
                raise EOFError(f"it ended with status {self._process.returncode}")
            try:
                reader, self._writer = await asyncio.open_connection(
                    "127.0.0.1", self._manager_port
                )
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
                continue
            break
        self._ask(Action="Login", Username="bench", Secret=SECRET, Events="off")
        async with asyncio.timeout(REPLY_LIMIT_S):
            await reader.readuntil(b"Authentication accepted")
        self._reading = asyncio.create_task(_read_away(reader))
        # Modules go on loading after the manager answers.
        await asyncio.sleep(3.0)

    def _ask(self, **fields: str) -> None:
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(f"{text}\r\n".encode())


async def _read_away(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass
