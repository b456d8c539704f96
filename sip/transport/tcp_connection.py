"""One TCP connection: frames the input, takes its turns, and limits the unsent output."""

from __future__ import annotations

import asyncio
import math
import os
from typing import Protocol, cast

from ..errors import ParseError
from ..hop import Hop
from ..message.framing import StreamFramer
from .tcp_limits import TcpLimits

_MOST_PONGS = 4
"""The pings of one read that are answered. A peer sends one every few seconds."""

_CALM_S = 1.0
"""A source that was not over its rate for so long is no longer taken to be."""


class ConnectionOwner(Protocol):
    """The part of the transport that its connections use."""

    limits: TcpLimits
    input: bytearray
    """Where every connection reads to: what came is taken out before the next one reads."""

    def opened(self, connection: TcpConnection) -> bool:
        """Add a connection to the table. Returns False if there is no place."""

    def lost(self, connection: TcpConnection, reason: str) -> None:
        """Remove a closed connection from the table."""

    def received(self, connection: TcpConnection) -> None:
        """A connection has read something."""

    def handle(self, connection: TcpConnection, message: bytes) -> None:
        """Handle one message."""

    def malformed(self) -> None:
        """Count a stream that cannot be framed."""

    def wait_s(self, host: str) -> float:
        """Take the right to one message of a host, and return 0; else after how long there is."""

    def go_on_in(self, connection: TcpConnection, after_s: float) -> None:
        """Give the connection another turn later."""


class TcpConnection(asyncio.BufferedProtocol):
    """A connection with the peer `hop`, who is a configured one (`is_known`) or not."""

    def __init__(
        self, owner: ConnectionOwner, hop: Hop, *, is_known: bool, is_accepted: bool
    ) -> None:
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._reason = "connection closed by the peer"
        self._is_reading = True
        self._full_since: float | None = None
        self._over_since = self._waited_at = -math.inf
        self._has_turn = False
        self._is_given_up = False
        self.hop = hop
        self.is_known = is_known
        self.is_accepted = is_accepted
        self.is_proven = False
        """Whether a complete message was received."""
        self.local_address: tuple[str, int] | None = None
        """Our own end; None before it is open."""
        self.made_at = self.active_at = 0.0
        self.begun_at: float | None = None
        """Since when it has sent something that is not handled; None while there is nothing."""

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BufferedProtocol."""
        # uvloop's transports do not derive from asyncio's.
        stream = cast(asyncio.Transport, transport)
        self._transport = stream
        address = stream.get_extra_info("sockname")
        self.local_address = (str(address[0]), int(address[1])) if address else None
        self.made_at = self.active_at = asyncio.get_running_loop().time()
        if not self.is_known:
            stream.set_write_buffer_limits(self._owner.limits.unknown_write_buffer_bytes)
        if self._is_given_up or not self._owner.opened(self):
            stream.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        """See asyncio.BufferedProtocol."""
        return self._owner.input

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        with memoryview(self._owner.input) as view:
            self._framer.push(view[:nbytes])
        is_ready = self._framer.is_ready
        pongs = self._framer.take_pongs()
        if pongs:
            self.write(b"\r\n" * min(pongs, _MOST_PONGS))  # RFC 5626 section 4.4.1
        if self.begun_at is None and len(self._framer):
            self.begun_at = asyncio.get_running_loop().time()
        self._owner.received(self)
        if is_ready:
            self.take_turn()
        elif not self.is_known:
            # Bytes that complete nothing cost as much as a message.
            self._wait_for(self._owner.wait_s(self.hop.host))

    def pause_writing(self) -> None:
        """See asyncio.Protocol. An unknown source that does not read is not listened to."""
        if not self.is_known:
            self._full_since = asyncio.get_running_loop().time()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full_since = None
        self.take_turn()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        if isinstance(error, OSError) and error.errno:
            self._reason = os.strerror(error.errno)
        self._transport = None
        self._owner.lost(self, self._reason)

    # -- its turns

    @property
    def source(self) -> str:
        """See Worker."""
        return self.hop.host

    def take_turn(self) -> None:
        """Ask for a turn, and read nothing until all messages are handled."""
        if self._has_turn or not self.is_open:
            return
        if self._framer.is_ready or not self._is_reading:
            self._has_turn = True
            self._read(False)
            self._owner.go_on_in(self, 0.0)

    def work(self) -> bool:
        """See Worker: handle one message."""
        self._has_turn = False
        if not self.is_open or self._full_since is not None:
            return False
        if not self._framer.is_ready:
            self._read(True)
            return False
        wait_s = self._owner.wait_s(self.hop.host)
        if wait_s > 0.0:
            self._wait_for(wait_s)
            return False
        try:
            message = self._framer.pop()
        except ParseError as error:
            # The next message cannot be found in the stream. What was answered before is sent.
            self._owner.malformed()
            self._reason = error.reason
            self._has_turn = True
            asyncio.get_running_loop().call_soon(self.close)
            return False
        if message is not None:
            self.is_proven = True
            now = asyncio.get_running_loop().time()
            self.active_at = now
            self.begun_at = now if len(self._framer) else None
            self._owner.handle(self, message)
        self._has_turn = self.is_open and self._framer.is_ready
        if not self._has_turn:
            self._read(True)
        return self._has_turn

    def _wait_for(self, wait_s: float) -> None:
        """Read nothing for so long: the source is over its rate."""
        if wait_s <= 0.0 or self._has_turn or not self.is_open:
            return
        now = asyncio.get_running_loop().time()
        if now - self._waited_at > _CALM_S:
            self._over_since = now
        self._waited_at = now
        if not self.is_known and now - self._over_since > self._owner.limits.over_rate_s:
            self.abort("the source is over its rate")
            return
        self._has_turn = True
        self._read(False)
        self._owner.go_on_in(self, wait_s)

    def _read(self, wanted: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or wanted is self._is_reading:
            return
        self._is_reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    # -- what the owner asks for

    @property
    def is_open(self) -> bool:
        """Whether it can be read and written."""
        return self._transport is not None and not self._transport.is_closing()

    def overdue(self, now: float) -> str | None:
        """Why it should be closed by now; None if it should not."""
        limits = self._owner.limits
        if self._full_since is not None and now - self._full_since > limits.over_rate_s:
            return "the peer does not read"
        if self.begun_at is not None and now - self.begun_at > limits.first_message_s:
            return "a message was not completed"
        if self.is_accepted and not self.is_proven:
            # Pings do not count as messages. A connection with pings only is closed too.
            return "no message came" if now - self.made_at > limits.first_message_s else None
        return "idle" if now - self.active_at > limits.idle_s else None

    @property
    def held_bytes(self) -> int:
        """What was received and is not handled."""
        return len(self._framer)

    @property
    def unsent_bytes(self) -> int:
        """The bytes that the kernel has not accepted yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def write(self, data: bytes) -> None:
        """Send. Aborts the connection if too many bytes are unsent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self.active_at = asyncio.get_running_loop().time()
        transport.write(data)
        if self.unsent_bytes > self._owner.limits.write_buffer_bytes:
            self.abort("the peer does not read")

    def close(self) -> None:
        """Close after the unsent bytes were sent. A second call aborts at once."""
        if self._transport is None:
            return
        if self._transport.is_closing():
            # The peer has not read the rest yet and may never do so.
            self._transport.abort()
        else:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once. What is unsent is lost."""
        self._reason = reason
        self._is_given_up = True
        if self._transport is not None:
            self._transport.abort()
