"""One connection on the control socket: requests in, replies and events out, both bounded."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Protocol, cast

import msgspec
import structlog

from ..errors import BadParams, EngineError
from . import jsonrpc
from .capacity.half_lines import HalfLines
from .capacity.turns import Turns
from .jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError
from .jsonrpc import RpcRequest as Request
from .line_writer import LineWriter
from .method import Method
from .peer import Peer
from .rights import NOBODY, Principal
from .session import Authority, Session

log = structlog.get_logger()

# What is read of a client that has lines enough waiting to be handled.
READ_AHEAD_BYTES = 16 * 1024
# Of what may be in flight, a request takes as much that waits for turns of its own.
COSTLY_WEIGHT = 8
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
# The protocol's limit for a line, which holds for replies too.
MOST_REPLY_BYTES = 1 << 20


class Server(Authority, Protocol):
    """What a connection uses of the server that it is a connection of."""

    @property
    def max_request_bytes(self) -> int:
        """The longest line that is read."""

    @property
    def max_in_flight(self) -> int:
        """How many requests of one connection may wait for their replies."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by name."""

    @property
    def turns(self) -> Turns:
        """Who is read from next."""

    @property
    def half_lines(self) -> HalfLines:
        """What all connections hold of lines without an end."""

    @property
    def input(self) -> bytearray:
        """Where every connection reads to: what came is taken out before the next one reads."""

    @property
    def may_linger(self) -> bool:
        """Whether a refused connection may stay open for a moment."""

    def add(self, connection: "Connection") -> None:
        """The connection is up."""

    def become_known(self, connection: "Connection") -> None:
        """It has shown a token. Raises EngineError where there is no place for it."""

    def forget(self, connection: "Connection") -> None:
        """The connection is gone."""

    def run_handler(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler that has to wait, in a task of its own."""


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
        self._in_flight = 0
        self._large = asyncio.Lock()
        self._read_paused = self._eof = self._closing = False
        self._has_turn = False  # waits for its turn to be read
        self._deadline: asyncio.TimerHandle | None = None
        self.asked_at: float | None = None
        """When it asked for something that it may ask for, by the loop's clock; None: never."""

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
        self._own = self._session.table()
        self._server.add(self)
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
        self._closing = True
        self._session.end_events()
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._writer.drop()
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
        self._session.resume_events()
        self._read_soon()

    def close(self) -> None:
        """Send what is written already, within LINGER_S, then close. Further calls do nothing."""
        if self._closing:
            return
        self._closing = True
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
        self._closing = True
        self._transport.write_eof()
        self._deadline = self._loop.call_later(REFUSED_LINGER_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # -- places and turns ---------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for the client."""
        if self._connected is not None:
            return True
        return not self._in_flight and not self._session.is_subscribed

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

    @property
    def _has_room(self) -> bool:
        return self._in_flight < self._server.max_in_flight and self._writer.has_room

    def _read_soon(self) -> None:
        """Read on, in a turn of its own, if there is room."""
        if self._closing or self._has_turn:
            return
        if self._has_room:
            self._has_turn = True
            self._server.turns.read(self)
        elif self._lines.held > READ_AHEAD_BYTES:
            self._pause_reading()

    def read_line(self) -> bool:
        """Handle the next line. Returns whether there may be another, and room for its reply."""
        self._has_turn = False
        if self._closing:
            return False
        if not self._has_room:
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
                self._read_request(line)
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
        if not self._in_flight:
            self.close()

    def _read_on(self) -> None:
        self._has_turn = False
        if self._read_paused and not self._closing:
            self._read_paused = False
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

    def _say(self, error: RpcError) -> None:
        self._writer.write(jsonrpc.error_line(error))

    # -- requests ---------------------------------------------------------------------------

    def _read_request(self, line: bytes) -> None:
        try:
            request = jsonrpc.read_request(line)
        except RpcError as error:
            self._say(error)
            return
        principal = self._session.principal
        try:
            method = self._find(request.method)
            principal.check(request.method)
            params = jsonrpc.read_params(method.decoder, request.params)
            if (scope := self._session.scope) is not None:
                params = scope.amend(request.method, params)
                scope.check(request.method, params)
            self.asked_at = self._loop.time()
            result = self._run(method, params)
            if isinstance(result, Awaitable):
                weight = COSTLY_WEIGHT if method.is_costly or method.is_large else 1
                self._in_flight += weight
                self._server.run_handler(self._finish(request, principal, result, weight))
                return
            self._reply(request, principal, result)
            if method is self._own["events.subscribe"]:
                self._session.start_events()
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception("control_handler_died", peer=str(self.peer))
            self._refuse(request, principal, _defect(error))

    def _find(self, name: str) -> Method:
        if not self._session.is_known and name != "auth":
            raise EngineError("refused", "send auth with the token first", field="method")
        method = self._own.get(name) or self._server.methods.get(name)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, f"unknown method {name}", method=name)
        return method

    def _run(self, method: Method, params: msgspec.Struct) -> object:
        """The result, or what gives it; that is timed."""
        turns, work = self._server.turns, partial(method.run, params, self.peer)
        if method.is_large:
            return self._run_large(turns.costly(self, work))
        if method.is_costly:
            return turns.costly(self, partial(self._while_up, work))
        result = work()
        return turns.charged(self, result) if isinstance(result, Awaitable) else result

    async def _run_large(self, work: Awaitable[object]) -> object:
        async with self._large:
            await self._writer.room()
            self._check_up()
            return await work

    def _while_up(self, work: Callable[[], object]) -> object:
        """Do the work, where the client is still there for what it gives."""
        self._check_up()
        return work()

    def _check_up(self) -> None:
        if self._closing:
            raise EngineError("unavailable", "the connection is being closed")

    async def _finish(
        self, request: Request, principal: Principal, result: Awaitable[object], weight: int
    ) -> None:
        try:
            self._reply(request, principal, await result)
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception("control_handler_died", method=request.method, peer=str(self.peer))
            self._refuse(request, principal, _defect(error))
        finally:
            self._in_flight -= weight
            self.asked_at = self._loop.time()
            self._read_soon()

    def _reply(self, request: Request, principal: Principal, result: object) -> None:
        method = request.method
        # Who asked may have become somebody else while the reply was made.
        is_same = principal is self._session.principal
        scope = self._session.scope if is_same else self._server.scopes.of(principal)
        if scope is not None:
            result = scope.narrowed(method, result)
        line = b"" if request.id is None else jsonrpc.result_line(request.id, result)
        if len(line) > MOST_REPLY_BYTES:
            reason = f"the reply has {len(line)} bytes; a line has {MOST_REPLY_BYTES} at most"
            raise EngineError("unavailable", reason, data={"reason": "too_long"})
        self._server.audit.answered(principal, self.peer, method, request.params)
        if line:
            self._writer.write(line)

    def _refuse(
        self,
        request: Request,
        principal: Principal,
        error: RpcError | EngineError | BadParams,
    ) -> None:
        method, params = request.method, request.params
        self._server.audit.answered(principal, self.peer, method, params, error)
        if request.id is None:
            return  # JSON-RPC 2.0 section 4.1: a notification is not answered
        if isinstance(error, BadParams):
            error = jsonrpc.bad_params(error.field, error.reason)
        elif isinstance(error, EngineError):
            error = jsonrpc.engine_error(error)
        error.id = request.id
        self._say(error)


def _defect(error: Exception) -> RpcError:
    return RpcError(INTERNAL_ERROR, f"internal error: {type(error).__name__}")
