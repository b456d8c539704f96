"""One connection on the control socket: requests in, replies and events out, both bounded."""

import asyncio
import contextlib
import socket
from typing import Protocol, cast

import structlog

from ...errors import EngineError
from ..capacity.half_lines import HalfLines
from ..capacity.hangups import Hangups
from ..requests.in_flight import Handling, InFlight
from ..rights import NOBODY
from . import jsonrpc
from .jsonrpc import INVALID_REQUEST, PARSE_ERROR, RpcError
from .line_writer import LineWriter
from .peer import Peer
from .session import Session

log = structlog.get_logger()

# What is read of a client that has lines enough waiting to be handled.
READ_AHEAD_BYTES = 16 * 1024
# A client that goes on for so long after the limit of a line will not end it.
MOST_SKIPPED_BYTES = 16 << 20
# Before a client has shown its token, it gets little room and little time.
UNKNOWN_LINE_BYTES = 4096
AUTH_LIMIT_S = 10.0
# How long a connection that closes may take to read what is still for it.
LINGER_S = 30.0
# How long one that is refused is left open on our side: a client writes before it reads why, and
# a pipe that breaks then would hide the reason from it.
REFUSED_LINGER_S = 1.0


class Server(Handling, Protocol):
    """What a connection uses of the server that it is a connection of."""

    @property
    def max_request_bytes(self) -> int:
        """The longest line that is read."""

    @property
    def half_lines(self) -> HalfLines:
        """What all connections hold of lines without an end."""

    @property
    def hangups(self) -> Hangups:
        """Who is gone without being read."""

    @property
    def input(self) -> bytearray:
        """Where every connection reads to: what came is taken out before the next one reads."""

    @property
    def may_linger(self) -> bool:
        """Whether a refused connection may stay open for a moment."""

    def add_connection(self, connection: "Connection") -> None:
        """The connection is up."""

    def become_known(self, connection: "Connection") -> None:
        """It has shown a token. Raises EngineError where there is no place for it."""

    def forget(self, connection: "Connection") -> None:
        """The connection is gone."""


class Connection(asyncio.BufferedProtocol):
    """Reads requests while there is room for their replies; keeps order where nothing waits.

    `connected` is its socket, from before its transport has it. With `refusal` the client learns
    that and disconnected.
    """

    def __init__(
        self,
        server: Server,
        peer: Peer,
        connected: socket.socket | None = None,
        refusal: EngineError | None = None,
    ) -> None:
        self._server = server
        self._first_peer = peer
        self._connected = connected
        self._refusal = refusal
        self._lines = jsonrpc.LineBuffer(UNKNOWN_LINE_BYTES)
        self._unended_bytes = 0  # read since a line ended, and not charged yet
        self._read_paused = self._eof = self._closing = False
        self._has_turn = False  # waits for its turn to be read
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was never let in."""
        return self._refusal is not None

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        return self._session.peer

    # -- the transport ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or reply why not."""
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self._connected = None
        self._writer = LineWriter(self._transport)
        self._session = Session(
            self._first_peer,
            self._server,
            self._writer,
            on_known=self._let_in,
            close=self.close,
            close_soon=self._close_soon,
        )
        self._in_flight = InFlight(self._server, self._session, self._writer, self, self._read_soon)
        self._server.add_connection(self)
        if self._refusal is not None:
            self._tell_refusal(self._refusal)
        elif self._session.is_known:
            self._lines.limit = self._server.max_request_bytes
        else:
            self._deadline = self._loop.call_later(AUTH_LIMIT_S, self.close)

    def _tell_refusal(self, refusal: EngineError) -> None:
        log.warning("control_refused", peer=str(self.peer), reason=refusal.message)
        if refusal.kind == "refused":
            self._server.audit.refused(NOBODY, self.peer, "connect", b"{}", refusal.message)
        self._say(jsonrpc.engine_error(refusal))
        self._part()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer. Requests that are being handled are finished: they may be durable."""
        self._end()
        self._session.end_events()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._writer.drop()
        self._server.hangups.forget(self._transport)
        self._lines.clear()
        self._server.half_lines.note(self, 0)
        self._server.forget(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """See asyncio.BufferedProtocol."""
        return self._server.input

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received, and no more of it before it is handled."""
        if self._closing:
            return
        with memoryview(self._server.input) as view:
            self._lines.feed(view[:nbytes])
        self._unended_bytes += nbytes
        if self._lines.held >= READ_AHEAD_BYTES:
            self._pause_reading()
        self._read_soon()

    def eof_received(self) -> bool:
        """The peer sends no more: answer what it sent, then close."""
        self._eof = True
        self._read_soon()
        return not self._closing

    def pause_writing(self) -> None:
        """The peer does not take what it is sent: read nothing more from it."""
        self._writer.pause()
        self._session.pause_events()

    def resume_writing(self) -> None:
        """The peer takes it again."""
        self._writer.resume()
        # Replies that wait for room go first: events come in any case, and would take all of it.
        self._loop.call_soon(self._resume_events)
        self._read_soon()

    def _resume_events(self) -> None:
        if self._writer.has_room and not self._closing:
            self._session.resume_events()

    def close(self) -> None:
        """Send what is written already, within LINGER_S, then close. Further calls do nothing."""
        if self._closing:
            return
        self._end()
        self._session.end_events()
        if self._deadline is not None:
            self._deadline.cancel()
        self._writer.flush()
        self._transport.close()
        self._deadline = self._loop.call_later(LINGER_S, self._transport.abort)

    def _close_soon(self) -> None:
        self._loop.call_soon(self.close)

    def _part(self) -> None:
        """Close after a refusal, where that may take a moment once the peer has read why."""
        if not (self._server.may_linger and self._transport.can_write_eof()):
            self.close()
            return
        self._end()
        self._transport.write_eof()
        self._deadline = self._loop.call_later(REFUSED_LINGER_S, self._transport.abort)

    def _end(self) -> None:
        self._closing = True
        self._in_flight.end()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # -- places and turns ---------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for the client."""
        if self._connected is not None:  # its transport, or its TLS handshake, is being made
            return True
        return not self._in_flight.weight and not self._session.is_subscribed

    @property
    def asked_at(self) -> float | None:
        """When it asked for something that it may ask for, by the loop's clock; None: never."""
        return None if self._connected is not None else self._in_flight.asked_at

    def give_way(self) -> None:
        """Another needs the place: say so and close."""
        if self._connected is not None:  # in its TLS handshake, which ends by that
            with contextlib.suppress(OSError):
                self._connected.shutdown(socket.SHUT_RDWR)
            return
        reason = "closed: it was idle, and all places are taken"
        self._say(jsonrpc.engine_error(EngineError("unavailable", reason)))
        self.close()

    @property
    def principal_name(self) -> str:
        """Who asks: those of one name share a turn, and a budget."""
        return self._session.name

    @property
    def has_budget(self) -> bool:
        """Whether it has a budget of the loop's time."""
        return self._session.may_only_look

    def reassess(self) -> None:
        """Rights have changed: go by the new ones, and close where none is left."""
        if not self._closing:
            self._session.reassess()

    def _let_in(self) -> None:
        try:
            self._server.become_known(self)
        except EngineError:
            self._close_soon()
            raise
        self._lines.limit = self._server.max_request_bytes
        if self._deadline is not None:
            self._deadline.cancel()

    # -- lines ------------------------------------------------------------------------------

    def _read_soon(self) -> None:
        """Read on, in a turn of its own, if there is room."""
        if self._closing or self._has_turn:
            return
        if self._in_flight.has_room:
            self._has_turn = True
            self._server.turns.read(self)

    def read_line(self) -> bool:
        """Handle the next line. Returns whether there may be another, and room for its reply."""
        self._has_turn = False
        if self._closing:
            return False
        if not self._in_flight.has_room:
            self._pause_reading()
            return False
        try:
            line = self._lines.next()
        except jsonrpc.LineTooLong:
            message = f"line longer than {self._lines.limit} bytes; the rest of it is skipped"
            self._say(RpcError(INVALID_REQUEST, message))
            if not self._session.is_known:
                self.close()
                return False
        else:
            if line is None:
                self._read_all()
                return False
            self._unended_bytes = 0
            if line and not line.isspace():
                self._in_flight.read(line)
        if self._lines.held > READ_AHEAD_BYTES:
            self._pause_reading()
        self._has_turn = not self._closing
        return self._has_turn

    def _read_all(self) -> None:
        """Every whole line is read: wait for more, or end where there is none."""
        half_lines = self._server.half_lines
        half_lines.note(self, self._lines.held)
        if self._lines.skipped > MOST_SKIPPED_BYTES:
            self._say(RpcError(INVALID_REQUEST, "closed: the line has no end"))
            self._pause_reading()
            self._part()
            return
        unended_bytes, self._unended_bytes = self._unended_bytes, 0
        wait_s = half_lines.charge(self.principal_name, unended_bytes)
        if wait_s > 0.0 and not self._eof:
            self._pause_reading()
            self._has_turn = True
            self._loop.call_later(wait_s, self._read_on)
            return
        self._read_on()
        if not self._eof:
            return
        if self._lines.has_rest:
            self._lines.clear()
            self._say(RpcError(PARSE_ERROR, "the last line has no end"))
        if not self._in_flight.weight:
            self.close()

    def _read_on(self) -> None:
        self._has_turn = False
        if self._read_paused and not self._closing:
            self._read_paused = False
            self._server.hangups.forget(self._transport)
            self._transport.resume_reading()

    def give_up_line(self) -> None:
        """Forget the line that has been begun, skip the rest of it, and say so."""
        self._lines.skip()
        message = "the line was given up: too much is held of lines that have no end yet"
        self._say(RpcError(INVALID_REQUEST, message))

    def _pause_reading(self) -> None:
        if not self._read_paused and not self._closing and not self._eof:
            self._read_paused = True
            self._transport.pause_reading()
            # Whether the client is gone is not read any more.
            self._server.hangups.watch(self._transport, self._in_flight.end_waits)

    def _say(self, error: RpcError) -> None:
        self._writer.write(jsonrpc.error_line(error))
