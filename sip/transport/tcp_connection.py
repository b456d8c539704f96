"""One TCP connection, with TLS or without: frames the input, takes its turns, limits the output."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from typing import Final, Protocol, cast

from ..errors import ParseError
from ..hop import Hop
from ..message.framing import StreamFramer
from .keep_alive import PING, PONG, KeepAlive
from .tcp_limits import TcpLimits
from .tls.certificate import names_of
from .tls.channel import TlsChannel, looks_like_tls
from .tls.failure import TlsFailed

_TLS_REFUSED: Final = b"\x15\x03\x01\x00\x02\x02\x28"
"""The TLS alert handshake_failure, so that a peer that takes a plain port for TLS need not wait."""
_PEER_CLOSED: Final = "connection closed by the peer"

_MOST_PONGS = 4
"""The pings of one read that are answered. A peer sends one every few seconds."""

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
    """A connection with the peer `hop`, who is a configured one (`is_known`) or not.

    `make_tls` makes the channel of a connection that is to be secure. Nothing is sent or handled
    before its handshake is complete. Where we opened it, `secured` ends then, or fails.
    """

    def __init__(
        self,
        owner: ConnectionOwner,
        hop: Hop,
        *,
        is_known: bool,
        is_accepted: bool,
        make_tls: Callable[[], TlsChannel] | None = None,
    ) -> None:
        self._owner = owner
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._make_tls = make_tls
        self._tls: TlsChannel | None = None
        self._wants_handshake = False
        self._failure: TlsFailed | None = None
        self._reason = _PEER_CLOSED
        self._is_reading = True
        self._full_since: float | None = None
        self._over_since = self._waited_at = -math.inf
        self._has_turn = False
        self._is_given_up = False
        self._keep_alive = KeepAlive(owner.limits.keepalive_s, owner.limits.pong_s)
        self.hop = hop
        self.is_secured = make_tls is None
        """Whether messages can be sent on it."""
        self.secured: asyncio.Future[None] | None = None
        if make_tls is not None and not is_accepted:
            self.secured = asyncio.get_running_loop().create_future()
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
        elif self.secured is not None:
            self._shake_hands()
        elif self.is_secured and not self._owner.opened(self):
            stream.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        """See asyncio.BufferedProtocol."""
        return self._owner.input

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        with memoryview(self._owner.input) as view:
            if self._make_tls is not None:
                self._receive_tls(view[:nbytes])
            elif not self.is_proven and not len(self._framer) and looks_like_tls(bytes(view[:2])):
                self._refuse_tls()
            else:
                self._framer.push(view[:nbytes])
        if self.is_secured:
            self._received()

    def _received(self) -> None:
        """Something has come that may complete a message."""
        is_ready = self._framer.is_ready
        pongs = self._framer.take_pongs()
        if pongs:
            self._send(PONG * min(pongs, _MOST_PONGS))  # RFC 5626 section 4.4.1
            if self.is_known:
                self.active_at = asyncio.get_running_loop().time()
        if self._keep_alive.is_waiting and self._framer.take_pong():
            self._keep_alive.answered()
            self._owner.answers_pings(self, now_too=True)
        if self.begun_at is None and len(self._framer):
            self.begun_at = asyncio.get_running_loop().time()
        self._owner.received(self)
        if is_ready:
            self.take_turn()
        elif not self.is_known:
            # Bytes that complete nothing cost as much as a message.
            self._wait_for(self._owner.wait_s(self))

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
        if not self.is_secured and self._failure is None:
            failure = TlsFailed("closed", "" if self._reason == _PEER_CLOSED else self._reason)
            if self._is_given_up or self._tls is None:
                self._end_secured(failure)  # nothing of TLS has failed
            else:
                self._note_failure(failure)
        self._owner.lost(self, self._reason)

    # -- TLS

    def _receive_tls(self, data: memoryview) -> None:
        """Take what has come on a secure connection, or on one that is to be."""
        try:
            if self._tls is None:
                # Only now, so that one who connects and is silent costs nothing.
                assert self._make_tls is not None
                self._tls = self._make_tls()
            self._tls.receive(data)
        except TlsFailed as failure:
            self._fail(failure)
            return
        if self.is_secured:
            self._decrypt()
            return
        if self.begun_at is None:
            self.begun_at = asyncio.get_running_loop().time()
        # A handshake is expensive: it is done when it is this source's turn.
        self._wants_handshake = True
        self.take_turn()

    def _shake_hands(self) -> None:
        """Go on with the handshake by what has come."""
        self._wants_handshake = False
        try:
            if self._tls is None:
                assert self._make_tls is not None
                self._tls = self._make_tls()
            is_complete = self._tls.shake_hands()
        except TlsFailed as failure:
            self._fail(failure)
            return
        self._send_tls()
        if is_complete:
            self._is_secure_now(self._tls)

    def _is_secure_now(self, tls: TlsChannel) -> None:
        """The handshake is complete: from now on it is a connection like others."""
        self.is_secured = True
        self.begun_at = None
        self.active_at = asyncio.get_running_loop().time()
        if self.is_accepted:
            name = self._owner.identify(self, names_of(tls.certificate))
            if name is not None:
                self.hop = self.hop._replace(name=name)
        if not self._owner.opened(self):
            self.abort("no place")
            return
        if self.secured is not None and not self.secured.done():
            self.secured.set_result(None)
        if tls.pending_bytes:
            self._decrypt()
            self._received()

    def _decrypt(self) -> None:
        assert self._tls is not None
        try:
            data = self._tls.decrypt()
        except TlsFailed as failure:
            self._fail(failure)
            return
        self._send_tls()
        self._framer.push(data)
        if self._tls.is_over:
            asyncio.get_running_loop().call_soon(self.close)

    def _send_tls(self) -> None:
        """Send what the TLS library has to send."""
        assert self._tls is not None
        output = self._tls.take_output()
        if output and self.is_open and self._transport is not None:
            self._transport.write(output)

    def _fail(self, failure: TlsFailed) -> None:
        """It cannot be made secure. The peer is told why, where TLS has a word for it."""
        self._note_failure(failure)
        if self._tls is not None:
            self._send_tls()
        if self._transport is not None:
            self._transport.close()

    def _note_failure(self, failure: TlsFailed) -> None:
        self._failure = failure
        self._reason = failure.reason
        self._end_secured(failure)
        self._owner.tls_failed(self, failure)

    def _end_secured(self, failure: TlsFailed) -> None:
        if self.secured is not None and not self.secured.done():
            self.secured.set_exception(failure)
            self.secured.exception()  # nobody may be waiting for it

    def time_out_handshake(self) -> None:
        """Close at once: the handshake takes too long."""
        if self._failure is None:
            self._note_failure(TlsFailed("handshake_timeout"))
        self.abort(self._reason)

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
        if self._framer.is_ready or self._wants_handshake or not self._is_reading:
            self._has_turn = True
            self._read(False)
            self._owner.go_on_in(self, 0.0)

    def work(self) -> bool:
        """See Worker: handle one message."""
        self._has_turn = False
        if not self.is_open or self._full_since is not None:
            return False
        if not self._framer.is_ready and not self._wants_handshake:
            self._read(True)
            return False
        wait_s = self._owner.wait_s(self)
        if wait_s > 0.0:
            self._wait_for(wait_s)
            return False
        if self._wants_handshake:
            self._shake_hands()
            if not self._has_turn:
                self._read(True)
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
        if not self.is_secured:
            late = now - self.made_at > limits.handshake_s
            return "the handshake was not completed" if late else None
        if self.begun_at is not None and now - self.begun_at > limits.first_message_s:
            return "a message was not completed"
        if self.is_accepted and not self.is_proven:
            # Pings do not count as messages. A connection with pings only is closed too.
            return "no message came" if now - self.made_at > limits.first_message_s else None
        return "idle" if now - self.active_at > limits.idle_s else None

    @property
    def held_bytes(self) -> int:
        """What was received and is not handled."""
        return len(self._framer) + (0 if self._tls is None else self._tls.pending_bytes)

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
        self._send(data)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._tls is not None:
            try:
                self._tls.encrypt(data)
            except TlsFailed as failure:
                self.abort(failure.reason)
                return
            data = self._tls.take_output()
        transport.write(data)
        if self.unsent_bytes > self._owner.limits.write_buffer_bytes:
            self.abort("the peer does not read")

    def keep_alive(self, now: float) -> None:
        """Ping the peer where it is time, and give up one that no longer answers."""
        if self.is_accepted or not self.is_open:
            return
        due = self._keep_alive.due(now, answers=self._owner.answers_pings(self))
        if due == "ping":
            self.write(PING)
        elif due == "lost":
            self.abort(f"no answer to a keep-alive within {self._owner.limits.pong_s:g} s")

    def close(self) -> None:
        """Close after the unsent bytes were sent. A second call aborts at once."""
        if self._transport is None:
            return
        if self._transport.is_closing():
            # The peer has not read the rest yet and may never do so.
            self._transport.abort()
        else:
            if self._tls is not None:
                self._tls.say_goodbye()
                self._send_tls()
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once. What is unsent is lost."""
        self._reason = reason
        self._is_given_up = True
        if self._transport is not None:
            self._transport.abort()
