"""One TCP connection: frames the input, takes its turns, and limits the unsent output."""

from __future__ import annotations

import asyncio
import errno
import math
import os
from typing import Final, Protocol, cast

from ..errors import ParseError
from ..hop import Hop
from ..message.framing import MessageFramer
from .keep_alive import PONG, KeepAlive
from .tcp_places import TcpLimits
from .tls.channel import looks_like_tls
from .tls.failure import TlsFailed
from .web_socket import WebSocketFramer

_TLS_REFUSED: Final = b"\x15\x03\x01\x00\x02\x02\x28"
"""The TLS alert handshake_failure, so that a peer that takes a plain port for TLS need not wait."""
PEER_CLOSED: Final = "connection closed by the peer"

_UNREACHED: Final = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})
"""What the kernel says of a peer from which nothing comes any more."""

_MOST_PONGS = 4
"""The pings of one read that are answered. A peer sends one every few seconds."""

_WEB_KEEPALIVE_S = 25.0
"""Proxies in front of web servers close connections that are silent for a minute or less."""

_CALM_S = 1.0
"""A source that was not over its rate for so long is no longer taken to be."""


class ConnectionOwner(Protocol):
    """The part of the transport that its connections use."""

    limits: TcpLimits
    input: bytearray
    """Where every connection reads to: what came is taken out before the next one reads."""

    def made(self, connection: TcpConnection) -> bool:
        """Give a connection its place. Returns False if there is none."""

    def opened(self, connection: TcpConnection) -> bool:
        """Add a connection that messages can be sent on. Returns False if there is no place."""

    def identify(self, connection: TcpConnection, names: tuple[str, ...]) -> str | None:
        """Which of the names of a peer's verified certificate is a configured peer's.

        Its connection is one of a configured peer from then on.
        """

    def forwarded(self, connection: TcpConnection, for_whom: list[str]) -> bool:
        """A WebSocket is open, and its peer says for whom. Returns False if that one may have
        none."""

    def lost(self, connection: TcpConnection, reason: str) -> None:
        """Remove a closed connection from the table."""

    def received(self, connection: TcpConnection) -> None:
        """A connection has read something."""

    def handle(self, connection: TcpConnection, message: bytes) -> None:
        """Handle one message."""

    def answers_pings(self, connection: TcpConnection, *, now_too: bool = False) -> bool:
        """Whether the peer has ever answered a ping; `now_too`: it has done so now."""

    def malformed(self) -> None:
        """Count a stream that cannot be framed."""

    def tls_failed(self, connection: TcpConnection, failure: TlsFailed) -> None:
        """Count, and tell, that a connection could not be made secure."""

    def wait_s(self, connection: TcpConnection) -> float:
        """Take the right to one message of its source, and return 0; else after how long there
        is one."""

    def go_on_in(self, connection: TcpConnection, after_s: float) -> None:
        """Give the connection another turn later."""


class TcpConnection(asyncio.BufferedProtocol):
    """A connection with the peer `hop`, who is a configured one (`is_known`) or not."""

    def __init__(
        self,
        owner: ConnectionOwner,
        hop: Hop,
        framer: MessageFramer,
        *,
        is_known: bool,
        is_accepted: bool,
    ) -> None:
        self._owner = owner
        self._framer = framer
        self._transport: asyncio.Transport | None = None
        self._reason = PEER_CLOSED
        self._is_reading = True
        self._full_since: float | None = None
        self._over_since = self._waited_at = -math.inf
        self._has_turn = False
        self._is_given_up = False
        self.is_silent = False
        """Whether it was given up because nothing comes from the peer: it may sleep."""
        every_s = owner.limits.keepalive_s
        if framer.pings_accepted:
            every_s = min(every_s, _WEB_KEEPALIVE_S)
        self._keep_alive = KeepAlive(every_s, owner.limits.pong_s)
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
        if self._is_given_up or not self._owner.made(self):
            stream.abort()
        else:
            self._begin()

    def _begin(self) -> None:
        """TCP is connected."""
        if not self._owner.opened(self):
            self.abort("no place")

    def get_buffer(self, sizehint: int) -> bytearray:
        """See asyncio.BufferedProtocol."""
        return self._owner.input

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        with memoryview(self._owner.input) as view:
            self._take(view[:nbytes])

    def _take(self, data: memoryview) -> None:
        """This has come from the peer."""
        if not self.is_proven and not len(self._framer) and looks_like_tls(bytes(data[:2])):
            self._refuse_tls()
        else:
            self._framer.push(data)
            self._received()

    def _received(self) -> None:
        """Something has come that may complete a message."""
        is_ready = self._framer.is_ready
        pongs = self._framer.take_pongs()
        if pongs:
            # RFC 5626 section 4.4.1
            self._send(self._framer.frame(PONG * min(pongs, _MOST_PONGS)))
            if self.is_known:
                self.active_at = asyncio.get_running_loop().time()
        self._look_for_pong()
        if self.begun_at is None and len(self._framer):
            self.begun_at = asyncio.get_running_loop().time()
        self._owner.received(self)
        if is_ready:
            self.take_turn()
        elif not self.is_known:
            # Bytes that complete nothing cost as much as a message.
            self._wait_for(self._owner.wait_s(self))

    def _look_for_pong(self) -> None:
        """The peer may have answered our ping."""
        if self._keep_alive.is_waiting and self._framer.take_pong():
            self._keep_alive.answered()
            self.active_at = asyncio.get_running_loop().time()
            self._owner.answers_pings(self, now_too=True)

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
            self.is_silent = error.errno in _UNREACHED
        self._transport = None
        self._framer.release()
        self._owner.lost(self, self._reason)

    def _refuse_tls(self) -> None:
        """The peer speaks TLS, and this is a plain connection."""
        self._reason = "the peer speaks TLS, and this port is for SIP without it"
        self._owner.malformed()
        if self._transport is not None:
            if self.is_accepted:
                self._transport.write(_TLS_REFUSED)
            self._transport.close()

    # -- its turns

    @property
    def source(self) -> str:
        """See Worker."""
        return self.hop.host

    def take_turn(self) -> None:
        """Ask for a turn, and read nothing until all messages are handled."""
        if self._has_turn or not self.is_open:
            return
        if self._has_work or not self._is_reading:
            self._has_turn = True
            self._read(False)
            self._owner.go_on_in(self, 0.0)

    @property
    def _has_work(self) -> bool:
        """Whether there is something to be done in its turn."""
        return self._framer.is_ready

    def work(self) -> bool:
        """See Worker: do one piece of work."""
        self._has_turn = False
        if not self.is_open or self._full_since is not None:
            return False
        if not self._has_work:
            self._read(True)
            return False
        wait_s = self._owner.wait_s(self)
        if wait_s > 0.0:
            self._wait_for(wait_s)
            return False
        return self._work()

    def _work(self) -> bool:
        """Handle one message. Returns whether more can be done at once."""
        try:
            message = self._framer.pop()
        except ParseError as error:
            # The next message cannot be found in the stream. What was answered before is sent.
            self._send_own()
            if not self._framer.is_over:
                self._owner.malformed()
            self._reason = error.reason
            self._has_turn = True
            asyncio.get_running_loop().call_soon(self.close)
            return False
        if not self._is_admitted():
            return False
        self._send_own()
        self._look_for_pong()
        if message is not None:
            self.is_proven = True
            now = asyncio.get_running_loop().time()
            self.active_at = now
            self.begun_at = now if len(self._framer) else None
            self._owner.handle(self, message)
        elif not len(self._framer):
            self.begun_at = None  # it was a ping of a WebSocket, or an answer to ours
        self._has_turn = self.is_open and self._framer.is_ready
        if not self._has_turn:
            self._read(True)
        return self._has_turn

    def _is_admitted(self) -> bool:
        """Whether who speaks through a proxy may have a connection: asked once it is known."""
        framer = self._framer
        for_whom = framer.take_opened() if isinstance(framer, WebSocketFramer) else None
        if for_whom is None or self._owner.forwarded(self, for_whom):
            return True
        self.abort("no place")
        return False

    def _send_own(self) -> None:
        """Send what the framer has to say by itself."""
        output = self._framer.take_output()
        if output:
            self._send(output)

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
    def web_origin(self) -> str:
        """The web site whose page has connected; "" where none has said so."""
        framer = self._framer
        return framer.origin if isinstance(framer, WebSocketFramer) else ""

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
        self._send(self._framer.frame(data))

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if self.unsent_bytes > self._owner.limits.write_buffer_bytes:
            self.abort("the peer does not read")

    def keep_alive(self, now: float) -> None:
        """Ping the peer where it is time, and give up one that no longer answers."""
        is_pinged = not self.is_accepted or (self._framer.pings_accepted and self.is_proven)
        if not is_pinged or not self.is_open:
            return
        answers = self._framer.pings_accepted or self._owner.answers_pings(self)
        due = self._keep_alive.due(now, answers=answers)
        if due == "ping":
            self._send(self._framer.ping())
            if not self.is_accepted:
                self.active_at = now
        elif due == "lost":
            self.is_silent = True
            self.abort(f"no answer to a keep-alive within {self._owner.limits.pong_s:g} s")

    def close(self) -> None:
        """Close after the unsent bytes were sent. A second call aborts at once."""
        if self._transport is None:
            return
        goodbye = self._framer.say_goodbye()
        if goodbye:
            self._send(goodbye)
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
