"""`ringback top` in a real terminal: it draws, follows keys and sizes, and outlives the engine."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from config.queues import Queue
from tests.support.command_line import MODULE, ROOT, ringback_process
from tests.support.engines.in_process import running, settings_in

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo-terminal with a command in it."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._main, self._side = pty.openpty()
        self.resize(40, 120)
        self.seen = ""
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        env = dict(os.environ) | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        env.pop("COLUMNS", None)
        env.pop("LINES", None)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, *self._arguments, stdin=self._side,
            stdout=self._side, stderr=self._side, env=env, start_new_session=True,
        )  # fmt: skip
        asyncio.get_running_loop().add_reader(self._main, self._read)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._main)
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        os.close(self._main)
        os.close(self._side)

    def _read(self) -> None:
        self.seen += os.read(self._main, 65536).decode(errors="replace")

    def resize(self, lines: int, columns: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, size)
        process = getattr(self, "_process", None)
        if process is not None:
            process.send_signal(28)  # SIGWINCH

    def press(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def forget(self) -> None:
        self.seen = ""

    async def sees(self, text: str, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in _SEQUENCE.sub("", self.seen):
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen[-3000:]!r}"
            await asyncio.sleep(0.05)

    async def ends(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(40):
            return await self._process.wait()


async def test_top_lives_with_its_engine_and_without(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"queues": [Queue(name="sales")]})
    socket = str(settings.control.socket)
    async with running(settings) as (daemon, client):
        once = await ringback_process("--socket", socket, "top")
        assert once.status == 0 and "\x1b" not in once.out
        assert "sales" in once.out and "alice" in once.out
        assert (await ringback_process("--socket", socket, "top", "--json")).json["queues"][0][
            "waiting"
        ] == 0
        async with Terminal("--socket", socket, "top") as terminal:
            await terminal.sees("sorted by state")
            await terminal.sees("alice")
            await client.call("agent.pause", agent="alice", reason="lunch")
            await terminal.sees("lunch")
            terminal.press("s")
            await terminal.sees("sorted by name")
            terminal.forget()
            terminal.resize(12, 60)
            await terminal.sees("alice")
            lines = _SEQUENCE.sub("\n", terminal.seen).splitlines()
            assert max(map(len, lines)) <= 60
            await daemon.stop()
            await terminal.sees("trying again")
            terminal.forget()
            async with running(settings):
                await terminal.sees("ringback")
                await terminal.sees("paused")
                terminal.press("q")
                assert await terminal.ends() == 0
            assert terminal.seen.endswith("\x1b[?25h\x1b[?1049l")


async def test_without_an_engine_it_says_so_and_ends(tmp_path: Path) -> None:
    result = await ringback_process("--socket", str(tmp_path / "none"), "top")
    assert result.status == 3
