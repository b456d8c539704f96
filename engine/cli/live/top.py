"""`ringback top`: the live screen, for a terminal that stays open all day."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

import typer

from ringback_client import Client, ClientError, ConnectionLost, EngineError

from ..command import REPORTS, Json, Options, SocketAfter, ask, print_json
from .agent_lines import Choices
from .screen import Screen
from .top_view import screen

app = typer.Typer(rich_markup_mode=None)

PERIOD_S = 1.0
# The screen reports an engine that does not answer within this time.
PATIENCE_S = 5.0
PLAIN_WIDTH, PLAIN_HEIGHT = 120, 1000


@app.command(rich_help_panel=REPORTS, epilog="Example: ringback top")
def top(socket: SocketAfter = None, json: Json = False) -> None:
    """Show queues, agents and calls as they are, every second. Keys: q, s, l, space, b.

    Into a file or pipe, and with --json, once.
    """
    if Options.json:
        print_json(ask(lambda client: client.call("report.live")))
    elif not (sys.stdout.isatty() and sys.stdin.isatty()):
        view = ask(lambda client: client.call("report.live"))
        for line in screen(view, None, Choices(with_logged_out=True), PLAIN_WIDTH, PLAIN_HEIGHT):
            if line:
                typer.echo("".join(text for text, _style in line).rstrip())
    else:
        ask(_Top().run)


class _Top:
    """The screen, until the q key is pressed."""

    def __init__(self) -> None:
        self._screen = Screen(colour="NO_COLOR" not in os.environ)
        self._choices = Choices()
        self._view: dict[str, Any] | None = None
        self._trouble: str | None = None
        self._seen_at = time.time()
        self._over = asyncio.Event()

    async def run(self, client: Client) -> None:
        """Show the screen until its end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._draw)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        with _keys_at_once(sys.stdin.fileno()):
            loop.add_reader(sys.stdin.fileno(), self._key)
            self._screen.enter()
            try:
                await self._look(client)
            finally:
                loop.remove_reader(sys.stdin.fileno())
                self._screen.leave()

    async def _look(self, client: Client) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            await self._ask(client)
            self._draw()
            pause_s = max(0.0, PERIOD_S - (time.monotonic() - began))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._over.wait()

    async def _ask(self, client: Client) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                self._view = await client.call("report.live")
            self._trouble, self._seen_at = None, time.time()
        except ConnectionLost as error:
            self._note_trouble(str(error))
        except TimeoutError:
            self._note_trouble("the engine does not answer")
            await client.close()
        except (EngineError, ClientError) as error:
            self._note_trouble(str(error))

    def _note_trouble(self, reason: str) -> None:
        since = time.strftime("%H:%M:%S", time.localtime(self._seen_at))
        self._trouble = f"No engine since {since}, trying again: {reason}"

    def _draw(self) -> None:
        width, height = shutil.get_terminal_size()
        lines = screen(self._view, self._trouble, self._choices, width, height)
        self._screen.draw(lines, width, height)

    def _key(self) -> None:
        keys = os.read(sys.stdin.fileno(), 64).decode(errors="replace")
        if not keys or "q" in keys or "\x03" in keys:
            self._over.set()
            return
        for key in keys:
            self._choices.key(key)
        self._draw()


@contextlib.contextmanager
def _keys_at_once(terminal: int) -> Iterator[None]:
    """Read each key when it is pressed, and do not show it."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
