"""When the TLS handshake of a connection begins.

Anybody may begin one, and it takes the engine up to some milliseconds. So one begins at a time, a
little after the last, the hosts in turn; and not before the first message of the client is there
as a whole, so that clients that say nothing, or a part of it, cost a descriptor alone.
"""

import asyncio
import socket
from typing import Final

from .turns import Alarm, Rounds

EVERY_S: Final = 0.005
# RFC 8446 section 5.1: type, version, length; the type of a handshake message; the longest record.
_HEAD_BYTES: Final = 5
_HANDSHAKE: Final = 22
_LONGEST_RECORD: Final = 1 << 14


class Handshakes:
    """Gives handshakes their turns."""

    def __init__(self) -> None:
        self._waiting: Rounds[asyncio.Future[None]] = Rounds()
        self._granting = Alarm(self._grant_next)
        self._not_before = 0.0

    async def turn(self, host: str, connected: socket.socket) -> None:
        """Wait until the handshake of `connected` may begin. Raises OSError: the client is gone."""
        await _first_record(connected)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.enqueue(host, turn)
        self._granting.within(max(0.0, self._not_before - loop.time()))
        await turn

    def _grant_next(self) -> None:
        while found := self._waiting.next(_no_pause):
            turn = found[1]
            if not turn.done():  # the client still waits
                self._not_before = asyncio.get_running_loop().time() + EVERY_S
                turn.set_result(None)
                break
        if self._waiting:
            self._granting.within(EVERY_S)


def _no_pause(_host: str) -> float:
    return 0.0


async def _first_record(connected: socket.socket) -> None:
    """Wait until the first TLS record has come. It is left unread."""
    wanted = _HEAD_BYTES
    while True:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
        await _readable(connected)
        head = connected.recv(wanted, socket.MSG_PEEK)
        if not head:
            raise ConnectionResetError("closed before its TLS handshake")
        # What is no TLS, or too little before the end, fails in the handshake.
        whole = _HEAD_BYTES + int.from_bytes(head[3:5], "big")
        is_whole = len(head) < wanted or head[0] != _HANDSHAKE or len(head) >= whole
        if is_whole or whole > _LONGEST_RECORD:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            return
        wanted = whole


async def _readable(connected: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    is_readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connected.fileno(), _done, is_readable)
    try:
        await is_readable
    finally:
        loop.remove_reader(connected.fileno())


def _done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
