"""One connection on the control socket: requests in, replies and events out, both bounded."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, cast

import msgspec
import structlog

from config.sections import Control

from ..errors import BadParams, EngineError
from ..store.event_log import EventLog
from . import jsonrpc, snapshot
from .agent_scope import AgentScope
from .audit import Audit
from .jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
    RpcRequest,
)
from .line_writer import LineWriter
from .method import Method
from .params import Auth, Authenticated, Subscribe, Subscribed
from .peer import Peer
from .rights import NOBODY, Principal, Rights
from .roles import RANKS
from .snapshot import SnapshotSources
from .subscription import EventFilter, Subscription

log = structlog.get_logger()

# Lines read in one turn of the loop, so that a client that pipelines does not hold up calls.
LINES_PER_TURN = 32
# Before a client has shown its token, it gets little room and little time.
UNKNOWN_LINE_BYTES = 4096
AUTH_LIMIT_S = 10.0
# How long a connection that is to be closed may take for what it has not read yet.
LINGER_S = 30.0
# How long one that is refused is left open on our side: a client writes before it reads why, and
# a pipe that breaks then would hide the reason from it.
REFUSED_LINGER_S = 1.0


class Server(Protocol):
    """What a connection uses of the server that it is a connection of."""

    @property
    def settings(self) -> Control:
        """The limits that hold now."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by name."""

    @property
    def events(self) -> EventLog:
        """The events that a client may subscribe to."""

    @property
    def snapshot_sources(self) -> SnapshotSources:
        """What a snapshot is made of."""

    @property
    def rights(self) -> Rights:
        """Who may do what."""

    @property
    def scope(self) -> AgentScope:
        """What concerns an agent."""

    @property
    def audit(self) -> Audit:
        """The log of what was changed, and by whom."""

    @property
    def may_linger(self) -> bool:
        """Whether a refused connection may stay open for a moment."""

    def admit(self, connection: "Connection") -> EngineError | None:
        """Count the connection in. Returns why it is refused, or None."""

    def forget(self, connection: "Connection") -> None:
        """The connection is gone."""

    def run_handler(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler that has to wait, in a task of its own."""


class Connection(asyncio.Protocol):
    """Reads requests while there is room for their replies; keeps order where nothing waits."""

    def __init__(self, server: Server, peer_of: Callable[[asyncio.Transport], Peer]):
        self._server = server
        self._peer_of = peer_of
        self._events = server.events
        self._settings = server.settings
        self._lines = jsonrpc.LineBuffer(UNKNOWN_LINE_BYTES)
        self._in_flight = 0
        self._large = asyncio.Lock()
        self._subscription: Subscription | None = None
        self._read_paused = self._eof = self._closing = False
        self.is_refused = False
        self._next_turn: asyncio.Handle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._own: Mapping[str, Method] = {
            "auth": Method(Auth, self._authenticate),
            "events.subscribe": Method(Subscribe, self._subscribe),
        }

    # -- the transport ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or tell it why not."""
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self._writer = LineWriter(self._transport)
        self.peer = self._peer_of(self._transport)
        self._authenticated = self.peer.transport == "unix"
        self._act_as(self._server.rights.of_peer(self.peer))
        refusal = self._server.admit(self)
        if refusal is not None:
            self.is_refused = True
            log.warning("control_refused", peer=str(self.peer), reason=refusal.message)
            if refusal.kind == "refused":
                self._server.audit.refused(NOBODY, self.peer, "connect", b"{}", refusal.message)
            self._writer.write(jsonrpc.error_line(jsonrpc.engine_error(refusal)))
            self._part()
        elif self._authenticated:
            self._lines.limit = self._settings.max_request_bytes
        else:
            self._deadline = self._loop.call_later(AUTH_LIMIT_S, self.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the peer. Requests that are being handled are finished: they may be durable."""
        self._closing = True
        self._end_subscription()
        for handle in (self._deadline, self._next_turn):
            if handle is not None:
                handle.cancel()
        self._deadline = self._next_turn = None
        self._writer.drop()
        self._lines.clear()
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Take what was received."""
        if self._closing:
            return
        self._lines.feed(data)
        if self._next_turn is None:
            self._read_lines()

    def eof_received(self) -> bool:
        """The peer sends no more: answer what it sent, then close."""
        self._eof = True
        if self._next_turn is None:
            self._read_lines()
        return not self._closing

    def pause_writing(self) -> None:
        """The peer does not take what it is sent: read nothing more from it."""
        self._writer.pause()
        if self._subscription is not None:
            self._subscription.pause()

    def resume_writing(self) -> None:
        """The peer takes it again."""
        self._writer.resume()
        if self._subscription is not None:
            self._subscription.resume()
        self._go_on()

    def close(self) -> None:
        """Send what is written already, within LINGER_S, then close. Further calls do nothing."""
        if self._closing:
            return
        self._closing = True
        self._end_subscription()
        if self._deadline is not None:
            self._deadline.cancel()
        self._writer.flush()
        self._transport.close()
        self._deadline = self._loop.call_later(LINGER_S, self._transport.abort)

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

    # -- requests ---------------------------------------------------------------------------

    @property
    def _has_room(self) -> bool:
        return self._in_flight < self._settings.max_in_flight and self._writer.has_room

    def _go_on(self) -> None:
        """Read on, in a turn of its own, if there is room."""
        if self._next_turn is None and not self._closing and self._has_room:
            self._next_turn = self._loop.call_soon(self._read_lines)

    def _read_lines(self) -> None:
        self._next_turn = None
        for _ in range(LINES_PER_TURN):
            if self._closing or not self._has_room:
                break
            try:
                line = self._lines.next()
            except jsonrpc.LineTooLong:
                message = f"line longer than {self._lines.limit} bytes; the rest of it is skipped"
                self._writer.write(jsonrpc.error_line(RpcError(INVALID_REQUEST, message)))
                continue
            if line is None:
                self._read_all()
                return
            if line and not line.isspace():
                self._read_line(line)
        else:
            self._go_on()
        self._pause_reading()

    def _read_all(self) -> None:
        """Every whole line is read: wait for more, or end where there is none."""
        if self._read_paused and not self._closing:
            self._read_paused = False
            self._transport.resume_reading()
        if not self._eof:
            return
        if self._lines.rest.strip():
            self._lines.clear()
            message = "the last line has no end"
            self._writer.write(jsonrpc.error_line(RpcError(PARSE_ERROR, message)))
        if not self._in_flight:
            self.close()

    def _pause_reading(self) -> None:
        if not self._read_paused and not self._closing and not self._eof:
            self._read_paused = True
            self._transport.pause_reading()

    def _read_line(self, line: bytes) -> None:
        try:
            request = jsonrpc.read_request(line)
        except RpcError as error:
            self._writer.write(jsonrpc.error_line(error))
            return
        principal = self._principal
        try:
            method = self._find(request.method)
            principal.check(request.method)
            params = jsonrpc.read_params(method.decoder, request.params)
            if principal.agent is not None:
                self._server.scope.check(principal.agent, request.method, params)
            if method.is_large:
                result: object = self._run_large(method, params, self.peer)
            else:
                result = method.run(params, self.peer)
            if isinstance(result, Awaitable):
                self._in_flight += 1
                self._server.run_handler(self._finish(request, principal, result))
                return
            self._reply(request, principal, result)
            if method is self._own["events.subscribe"]:
                self._start_events()
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception("control_handler_died", peer=str(self.peer))
            self._refuse(request, principal, _defect(error))

    async def _run_large(self, method: Method, params: msgspec.Struct, peer: Peer) -> object:
        async with self._large:
            await self._writer.room()
            if self._closing:
                raise EngineError("unavailable", "the connection is being closed")
            result = method.run(params, peer)
            return await result if isinstance(result, Awaitable) else result

    def _find(self, name: str) -> Method:
        if not self._authenticated and name != "auth":
            raise EngineError("refused", "send auth with the token first", field="method")
        method = self._own.get(name) or self._server.methods.get(name)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, f"unknown method {name}", method=name)
        return method

    async def _finish(
        self, request: RpcRequest, principal: Principal, result: Awaitable[object]
    ) -> None:
        try:
            self._reply(request, principal, await result)
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception("control_handler_died", method=request.method, peer=str(self.peer))
            self._refuse(request, principal, _defect(error))
        finally:
            self._in_flight -= 1
            self._go_on()

    def _reply(self, request: RpcRequest, principal: Principal, result: object) -> None:
        method = request.method
        if principal.agent is not None:
            result = self._server.scope.narrowed(principal.agent, method, result)
        line = b"" if request.id is None else jsonrpc.result_line(request.id, result)
        self._server.audit.answered(principal, self.peer, method, request.params)
        if line:
            self._writer.write(line)

    def _refuse(
        self,
        request: RpcRequest,
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
        self._writer.write(jsonrpc.error_line(error))

    # -- the methods of the wire itself -----------------------------------------------------

    def _act_as(self, principal: Principal) -> None:
        """Whatever is asked for from now on, this one asks for."""
        self._principal = principal
        self.peer = replace(self.peer, who=principal.name)

    def reassess(self) -> None:
        """Rights have changed: go by the new ones, and close where none is left."""
        if self._closing or not self._authenticated:
            return
        before = self._principal
        now = self._server.rights.again(self.peer, before)
        if now is None:
            self.close()
        elif now != before:
            self._act_as(now)
            if self._subscription is not None and (
                now.agent != before.agent or RANKS[now.role] < RANKS[before.role]
            ):
                self.close()  # what it is told must be asked for anew

    def _authenticate(self, params: Auth, _peer: Peer) -> Authenticated:
        rights = self._server.rights
        principal = rights.of_token(params.token)
        if principal is not None:
            if principal != self._principal:
                self._end_subscription()
            self._act_as(principal)
            self._let_in()
        elif rights.has_tokens or not self._authenticated:
            log.warning("control_refused", peer=str(self.peer), reason="wrong token")
            self._server.audit.refused(self._principal, self.peer, "auth", b"{}", "wrong token")
            self._loop.call_soon(self.close)
            raise EngineError("refused", "wrong token", field="token")
        return {"authenticated": True}

    def _let_in(self) -> None:
        if not self._authenticated:
            self._authenticated = True
            self._lines.limit = self._settings.max_request_bytes
            if self._deadline is not None:
                self._deadline.cancel()

    def _subscribe(self, params: Subscribe, _peer: Peer) -> Subscribed:
        events = self._events
        result: Subscribed = {"epoch": events.epoch, "seq": events.told}
        after = events.told
        with_snapshot = params.snapshot is True
        if params.since is not None:
            after = params.since
            gap = events.gap(params.since, params.epoch)
            if gap is not None:
                result["gap"] = gap
                # What is kept is still sent, and then what has come of it.
                after = events.oldest - 1
                with_snapshot = params.snapshot is not False
        if with_snapshot:
            result["snapshot"] = True
        types = tuple(params.types)
        scope, agent = self._server.scope, self._principal.agent
        sees_view = None if agent is None else partial(scope.sees_view, agent)
        shown = partial(
            snapshot.lines, self._server.snapshot_sources, events.epoch, types, sees_view
        )
        self._end_subscription()
        self._subscription = Subscription(
            events,
            wanted=EventFilter(types, None if agent is None else partial(scope.sees, agent)),
            after=after,
            limit_bytes=self._settings.slow_reader_bytes,
            write=self._writer.write_event,
            on_slow=self._cut_off,
            snapshot=shown if with_snapshot else None,
        )
        return result

    def _start_events(self) -> None:
        """After the reply, which the reader needs to make sense of them."""
        if self._subscription is not None:
            self._subscription.start(paused=not self._writer.has_room)

    def _cut_off(self, last_line: bytes) -> None:
        log.warning("control_slow_reader", peer=str(self.peer))
        self._writer.write(last_line)
        self.close()

    def _end_subscription(self) -> None:
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None


def _defect(error: Exception) -> RpcError:
    return RpcError(INTERNAL_ERROR, f"internal error: {type(error).__name__}")
