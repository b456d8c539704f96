"""The requests of one connection that are being handled: each is found, run, and replied to."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec
import structlog

from ...errors import BadParams, EngineError
from ..capacity.turns import Reader, Turns
from ..connections import jsonrpc
from ..connections.jsonrpc import INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError
from ..connections.jsonrpc import RpcRequest as Request
from ..connections.line_writer import LineWriter
from ..connections.session import Authority, Session
from ..method import Method
from ..method_roles import changes
from ..rights import Principal

log = structlog.get_logger()

COSTLY_WEIGHT: Final = 8
"""Of what may be in flight, a request takes as much that waits for turns of its own."""
MOST_REPLY_BYTES: Final = 1 << 20
"""The protocol's limit for a line, which holds for replies too."""
MOST_REQUEST_BYTES: Final = 1 << 20
"""How long the requests in flight may be together; one more may begin while they are shorter."""

_COSTLY_TOGETHER: Final = 4
_NO_ROOM: Final = object()


class Handling(Authority, Protocol):
    """What handling a request uses of the server."""

    @property
    def max_in_flight(self) -> int:
        """How many requests of one connection may wait for their replies."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by name."""

    @property
    def turns(self) -> Turns:
        """Who is read from next."""

    def run_handler(self, handler: Coroutine[Any, Any, None]) -> None:
        """Run a handler that has to wait, in a task of its own."""


class InFlight:
    """Handles the requests of `session`, and writes their replies to `writer`.

    `reader` is the connection, which pays for them; `on_done` is called when there is room again.
    """

    def __init__(
        self,
        server: Handling,
        session: Session,
        writer: LineWriter,
        reader: Reader,
        on_done: Callable[[], None],
    ) -> None:
        self._server = server
        self._session = session
        self._writer = writer
        self._reader = reader
        self._on_done = on_done
        self._own = session.table()
        self._large = asyncio.Lock()
        self._costly = asyncio.Semaphore(_COSTLY_TOGETHER)
        self._waits: set[asyncio.Task[Any]] = set()  # for what may never come
        self._may_wait = True
        self._request_bytes = 0
        self._is_over = False
        self.weight = 0
        """What is in flight; a costly request counts as COSTLY_WEIGHT."""
        self.asked_at: float | None = None
        """When it was asked last for what may be asked for, by the loop's clock; None: never."""

    @property
    def has_room(self) -> bool:
        """Whether one request more may be read: there is room for it, and for its reply."""
        return (
            self.weight < self._server.max_in_flight
            and self._request_bytes < MOST_REQUEST_BYTES
            and self._writer.has_room
        )

    def end(self) -> None:
        """The client is gone, or will be: begin nothing more that is for it alone."""
        self._is_over = True
        self.end_waits()

    def end_waits(self) -> None:
        """Nobody is left who may wait for a request."""
        self._may_wait = False
        for task in self._waits:
            task.cancel()

    def read(self, line: bytes) -> None:
        """Handle a line; at once, where nothing has to be waited for."""
        try:
            request = jsonrpc.read_request(line)
        except RpcError as error:
            self._writer.write(jsonrpc.error_line(error))
            return
        principal = self._session.principal
        try:
            method = self._find(request.method)
            principal.check(request.method)
            params = jsonrpc.read_params(method.decoder, request.params)
            if (scope := self._session.scope) is not None:
                params = scope.amend(request.method, params)
                scope.check(request.method, params)
            self.asked_at = asyncio.get_running_loop().time()
            result = self._run(method, params)
            if isinstance(result, Awaitable):
                weight = COSTLY_WEIGHT if method.is_costly or method.is_large else 1
                self.weight += weight
                self._request_bytes += len(line)
                handler = self._finish(request, principal, result, weight, len(line))
                self._server.run_handler(handler)
                return
            self._reply(request, principal, result)
            if method is self._own["events.subscribe"]:
                self._session.start_events()
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception("control_handler_died", peer=str(self._session.peer))
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
        if method.is_large:
            return self._run_large(method, params)
        work = partial(method.run, params, self._session.peer)
        if method.is_costly:
            return self._run_costly(work)
        result = work()
        turns = self._server.turns
        return turns.charged(self._reader, result) if isinstance(result, Awaitable) else result

    async def _run_large(self, method: Method, params: msgspec.Struct) -> object:
        if method.until is not None:
            params = await self._waited(partial(method.until, params, self._session.peer))
        async with self._large:
            return await self._run_costly(partial(method.run, params, self._session.peer))

    async def _waited(self, work: Callable[[], Awaitable[msgspec.Struct]]) -> msgspec.Struct:
        """What `work` gives; it is cancelled when the client is gone."""
        task = asyncio.current_task()
        assert task is not None
        self._waits.add(task)
        try:
            if not self._may_wait:
                raise _closing()
            return await self._server.turns.costly(self._reader, work)
        finally:
            self._waits.discard(task)
            # A cancelled task keeps its error, whose traceback keeps this frame: no circle with it.
            del task

    async def _run_costly(self, work: Callable[[], object]) -> object:
        """Do the work in its turn, once the client has taken what was written before."""
        turns, found = self._server.turns, _NO_ROOM
        async with self._costly:
            while found is _NO_ROOM:
                await self._writer.room()
                found = await turns.costly(self._reader, partial(self._begun, work))
        return found

    def _begun(self, work: Callable[[], object]) -> object:
        """What `work` gives, where the client is there and takes it."""
        if self._is_over:
            raise _closing()
        return work() if self._writer.has_room else _NO_ROOM

    async def _finish(
        self,
        request: Request,
        principal: Principal,
        result: Awaitable[object],
        weight: int,
        request_bytes: int,
    ) -> None:
        try:
            found = await result
            if not changes(request.method):  # what is changed is told of at once
                await self._writer.room()
            self._reply(request, principal, found)
        except (RpcError, EngineError, BadParams) as error:
            self._refuse(request, principal, error)
        except Exception as error:
            log.exception(
                "control_handler_died", method=request.method, peer=str(self._session.peer)
            )
            self._refuse(request, principal, _defect(error))
        finally:
            self.weight -= weight
            self._request_bytes -= request_bytes
            self.asked_at = asyncio.get_running_loop().time()
            self._on_done()

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
        self._server.audit.answered(principal, self._session.peer, method, request.params)
        if line:
            self._writer.write(line)

    def _refuse(
        self,
        request: Request,
        principal: Principal,
        error: RpcError | EngineError | BadParams,
    ) -> None:
        method, params = request.method, request.params
        self._server.audit.answered(principal, self._session.peer, method, params, error)
        if request.id is None:
            return  # JSON-RPC 2.0 section 4.1: a notification is not answered
        if isinstance(error, BadParams):
            error = jsonrpc.bad_params(error.field, error.reason)
        elif isinstance(error, EngineError):
            error = jsonrpc.engine_error(error)
        error.id = request.id
        self._writer.write(jsonrpc.error_line(error))


def _closing() -> EngineError:
    return EngineError("unavailable", "the connection is being closed")


def _defect(error: Exception) -> RpcError:
    return RpcError(INTERNAL_ERROR, f"internal error: {type(error).__name__}")
