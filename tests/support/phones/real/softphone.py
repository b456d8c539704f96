"""scripts/softphone.py as a peer: a PJSIP phone in a process of its own."""

import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.arrivals import Arrivals
from tests.support.phones.errors import PATIENCE_S, PeerError
from tests.support.recording import Recording, read_wav

from .peer_process import PeerProcess

ROOT = Path(__file__).resolve().parents[4]
READY_S = 40.0


class SoftphoneProcess:
    """A running softphone: its events, and commands to it."""

    def __init__(self) -> None:
        self.events: Arrivals[dict[str, Any]] = Arrivals()
        self._peer: PeerProcess

    @classmethod
    async def start(cls, **options: object) -> "SoftphoneProcess":
        """Start a phone. Options are those of scripts/softphone.py: answer_after=1, tone=440 …"""
        if importlib.util.find_spec("pjsua2") is None:
            pytest.skip("pjsua2 is not installed (pip install 'ringback[demo]')")
        arguments: list[str] = []
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            if value is True:
                arguments.append(flag)
            elif isinstance(value, tuple):
                arguments += [flag, *map(str, value)]
            elif value is not None and value is not False:
                arguments += [flag, str(value)]
        phone = cls()
        phone._peer = await PeerProcess.start(
            f"softphone {options.get('user', '')}",
            [sys.executable, "-m", "scripts.softphone", *arguments],
            on_line=phone._on_line,
            cwd=ROOT,
        )
        await phone.wait_for("ready", timeout_s=READY_S)
        return phone

    @property
    def uri(self) -> str:
        """Its SIP address."""
        return str(self.seen("ready")[0]["uri"])

    def seen(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """The events of this kind so far that have these fields."""
        return self.events.that(lambda item: _is(item, event, fields))

    async def wait_for(
        self, event: str, *, timeout_s: float = PATIENCE_S, nth: int = 1, **fields: object
    ) -> dict[str, Any]:
        """The nth such event, which may have come already. Raises PeerError after `timeout_s`."""
        try:
            return await self.events.wait_for(
                lambda item: _is(item, event, fields), timeout_s=timeout_s, nth=nth
            )
        except TimeoutError:
            raise PeerError(
                f"{self._peer.name}: no {event} {fields} in {timeout_s} s; it said:\n"
                + self._peer.tail()
            ) from None

    def heard(self, path: Path) -> Recording:
        """What a phone that has been stopped has recorded at `path`, with when it began."""
        return read_wav(path, started=self.seen("recording")[0]["time"])

    def command(self, line: str) -> None:
        """Put one command on its stdin."""
        self._peer.write_line(line)

    def end_input(self) -> None:
        """Close its stdin."""
        self._peer.end_input()

    async def stop(self) -> int:
        """End it. Raises PeerError when it does not end with status 0 or 1."""
        status = await self._peer.stop()
        if status not in (0, 1):
            raise PeerError(f"{self._peer.name} ended with {status}:\n{self._peer.tail()}")
        return status

    async def wait(self, timeout_s: float) -> int:
        """Its exit status once it ends by itself."""
        return await self._peer.wait(timeout_s)

    def kill(self) -> None:
        """The phone falls silent: no BYE, no more RTP."""
        self._peer.kill()

    def _on_line(self, line: str) -> None:
        try:
            self.events.add(json.loads(line))
        except json.JSONDecodeError as error:
            raise PeerError(f"softphone printed what is not JSON: {line!r}") from error


StartPhone = Callable[..., Awaitable[SoftphoneProcess]]
"""Starts phones that a fixture stops: `await softphone(user="desk", tone=440)`."""


def _is(item: dict[str, Any], event: str, fields: dict[str, object]) -> bool:
    return item["event"] == event and all(item.get(k) == v for k, v in fields.items())
