"""`/phone`: the page that is an agent's phone, and its line to the engine.

The page shows the agent's token. The gateway opens a connection of its own to the engine with that
token for it, so that the page may do what the agent may, and the gateway lends it nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web

from config.web_settings import WebSettings
from ringback_client import Client, ClientError, EngineError, EventStream, RequestRejected

from .client_address import ClientAddresses, one_visitor
from .connections import streaming
from .limits import HourlyLimits
from .texts import DEFAULT, chosen_language, sentence

log = structlog.get_logger()

METHODS: Final = frozenset(
    {
        "agent.get", "agent.login", "agent.logout", "agent.pause", "agent.ready",
        "call.get", "call.hangup", "call.list", "call.transfer",
        "callback.annotate", "callback.get", "queue.list",
    }
)  # fmt: skip
"""What the page may ask for; the engine decides of what."""
WRONG_AN_HOUR: Final = 30
MOST_COUNTED: Final = 10_000
FIRST_S: Final = 10.0
MOST_MESSAGE_BYTES: Final = 64 * 1024
MOST_LINES: Final = 500
MOST_UNKNOWN: Final = 500
"""Pages that have shown no token yet. The one that has waited longest gives way to the next."""
MOST_WAITING: Final = 16
"""Requests of one page that wait for their answers."""
_HEARTBEAT_S: Final = 25.0
_CLOSE_S: Final = 2.0
"""How long a page may take to say that it has heard the end."""

_BY_DATA: Final = {
    "role": "no_right",
    "outcome_due": "outcome_due",
    "outcomes": "outcome",
    "reasons": "pause_reason",
    "seats": "seats",
}
_BY_REASON: Final = {
    "full": "full",
    "closed": "closed",
    "overload": "busy",
    "trunk_full": "busy",
    "max_calls": "busy",
}
_BY_POLICY: Final = {
    "do_not_call": "not_called",
    "line_type": "not_called",
    "destination": "not_called",
    "velocity": "too_often",
    "cost": "too_often",
    "hours": "hours",
}
_BY_FIELD: Final = {"agent": "unknown_agent", "queue": "unknown_queue", "to": "number"}
"""Of what there is not, or is refused, for no reason of its own."""
_AS_IT_IS: Final = ""
"""The code without a sentence: the page says what the engine says."""

Connect = Callable[[str], Awaitable[Client]]
"""A client of the engine that shows this token."""


class AgentDesk:
    """The lines of agents' pages. `connect(token)` opens a connection to the engine.

    An address that has shown WRONG_AN_HOUR wrong tokens may show few more.
    """

    def __init__(
        self,
        settings: Callable[[], WebSettings],
        connect: Connect,
        addresses: ClientAddresses,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._addresses = addresses
        self._wrong = HourlyLimits(MOST_COUNTED)
        self._paused: dict[str, float] = {}
        self._unknown: dict[web.RequestHandler, None] = {}
        self._lines = 0

    def routes(self) -> list[web.RouteDef]:
        """Where the line is."""
        return [web.get("/phone/line", self._line)]

    async def _line(self, request: web.Request) -> web.StreamResponse:
        server = self._settings().web.phone_server
        if not server:
            raise web.HTTPNotFound(text="there is no phone here: web.phone_server is not set\n")
        if not self._is_own_page(request):
            raise web.HTTPForbidden(text="this page is not ours\n")
        visitor = one_visitor(
            self._addresses.of(request.remote or "", request.headers.getall("X-Forwarded-For", []))
        )
        if self._paused.get(visitor, 0.0) > asyncio.get_running_loop().time():
            raise web.HTTPTooManyRequests(text="too many tokens were wrong\n")
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, max_msg_size=MOST_MESSAGE_BYTES, timeout=_CLOSE_S
        )
        with contextlib.suppress(ConnectionResetError):  # it has gone again
            await socket.prepare(request)
            try:
                token, language = await self._token(socket, request)
                await self._serve(_Page(socket, language, visitor), token, server)
            except (TimeoutError, ValueError) as error:
                await _Page(socket, DEFAULT, visitor).refuse(error, "refused", "refused")
            finally:
                await socket.close()
        return socket

    def _is_own_page(self, request: web.Request) -> bool:
        """Whether the page that connects is one of this gateway's."""
        origin = request.headers.get("Origin", "")
        public = self._settings().web.public_url
        own = {request.host, urlsplit(public).netloc if public else request.host}
        return urlsplit(origin).netloc in own

    def _note_wrong(self, visitor: str) -> None:
        """A wrong token has come from there."""
        now = asyncio.get_running_loop().time()
        wait_s = self._wrong.admit([(visitor, WRONG_AN_HOUR)], now)
        if wait_s is not None:
            self._paused = {one: until for one, until in self._paused.items() if until > now}
            self._paused[visitor] = now + wait_s

    async def _token(self, socket: web.WebSocketResponse, request: web.Request) -> tuple[str, str]:
        """What the page shows, and its language. Until then it gives way to others.

        Raises TimeoutError, ValueError.
        """
        page = request.protocol
        self._unknown[page] = None
        if len(self._unknown) > MOST_UNKNOWN:
            longest = next(iter(self._unknown))
            del self._unknown[longest]
            longest.force_close()
        try:
            async with asyncio.timeout(FIRST_S):
                with streaming(request, asyncio.Event()):
                    first = await socket.receive()
        finally:
            self._unknown.pop(page, None)
        read = first.json() if first.type is WSMsgType.TEXT else None
        said = read if isinstance(read, dict) else {}
        token = said.get("token")
        if not isinstance(token, str) or not token:
            raise ValueError("no token")
        return token, chosen_language(str(said.get("language")), "", DEFAULT)

    async def _serve(self, page: "_Page", token: str, server: str) -> None:
        if self._lines >= MOST_LINES:
            await page.tell("waits", "full")
            return
        self._lines += 1
        try:
            await self._sign_in(page, token, server)
        finally:
            self._lines -= 1

    async def _sign_in(self, page: "_Page", token: str, server: str) -> None:
        try:
            client = await self._connect(token)
        except EngineError as error:
            if error.kind == "unavailable":  # it has no room for a connection more
                await page.refuse(error, "waits", "full")
                return
            self._note_wrong(page.visitor)
            await page.refuse(error, "refused", "refused")
            return
        except ClientError as error:
            await page.refuse(error, "waits", "engine")
            return
        async with client:
            try:
                found = await client.call("agent.list")
                (agent,) = found["agents"]
                ice = (await client.call("browser.ice_servers"))["ice_servers"]
                stream = client.events()
                await stream.start()
            except (EngineError, ValueError) as error:
                is_full = isinstance(error, EngineError) and error.kind == "unavailable"
                why = ("waits", "full") if is_full else ("refused", "no_agent")
                await page.refuse(error, *why)
                return
            except ClientError as error:
                await page.refuse(error, "waits", "engine")
                return
        # From now on the page has one connection: the engine's places are for agents, too.
        async with stream:
            choices = {name: found.get(name, []) for name in ("pause_reasons", "outcomes")}
            await page.socket.send_json(
                {"agent": agent, "server": server, "ice_servers": ice, **choices}
            )
            await _Line(page.socket, stream).run()


def _is_about_target(error: EngineError) -> bool:
    """Whether there is such a target, and something else is wrong with it."""
    is_no_number = error.data.get("reason") == "no_number" or "line_type" in error.data
    return (error.kind, error.field) == ("refused", "to") and not is_no_number


def code_of(error: EngineError) -> str:
    """The sentence of the page for an error: its name in the section `problem` of the texts."""
    data = error.data
    by_data = (code for name, code in _BY_DATA.items() if name in data)
    codes = (
        *by_data,
        _BY_REASON.get(str(data.get("reason"))),
        _BY_POLICY.get(str(data.get("policy"))),
        _AS_IT_IS if _is_about_target(error) else None,
        _BY_FIELD.get(error.field or "") if error.kind in ("refused", "not_found") else None,
    )
    return next((code for code in codes if code is not None), error.kind)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that signs in: its language, and whose it is."""

    socket: web.WebSocketResponse
    language: str
    visitor: str

    async def refuse(self, error: Exception, how: str, why: str) -> None:
        """`refused`: the page forgets its token. `waits`: it comes again with it."""
        log.info("agent_not_signed_in", reason=type(error).__name__)
        with contextlib.suppress(ConnectionError):
            await self.tell(how, why)

    async def tell(self, how: str, why: str) -> None:
        """The sentence of this name, in the language of the page."""
        await self.socket.send_json({how: sentence(self.language, "phone", why)})


class _Line:
    """One page and its connection to the engine."""

    def __init__(self, socket: web.WebSocketResponse, stream: EventStream) -> None:
        self._socket = socket
        self._stream = stream
        self._asked: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Pass requests and events on until one of both has gone."""
        events = asyncio.create_task(self._events())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or events.done():
                    break
                self._take(message.json())
        except (ValueError, AttributeError):  # it is no request at all
            pass
        finally:
            for task in (events, *self._asked):
                task.cancel()
            await asyncio.gather(events, *self._asked, return_exceptions=True)

    def _take(self, request: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer(request))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, request: dict[str, Any]) -> None:
        number, method = request.get("id"), request.get("method")
        params = request.get("params", {})
        if not isinstance(method, str) or method not in METHODS or not isinstance(params, dict):
            answer: dict[str, Any] = {"error": "there is no such request", "code": "bad_request"}
        elif len(self._asked) > MOST_WAITING:
            answer = {"error": "too many requests at once", "code": "too_many"}
        else:
            try:
                answer = {"result": await self._stream.call(method, **params)}
            except EngineError as error:
                answer = {"error": error.message, "kind": error.kind, "code": code_of(error)}
            except RequestRejected as error:
                answer = {"error": str(error), "code": "bad_request"}
            except ClientError as error:
                answer = {"error": str(error), "code": "lost"}
        await self._send({"id": number} | answer)

    async def _events(self) -> None:
        """Pass events on. The page is cut off where there can be no more, and comes again."""
        try:
            async for event in self._stream:
                await self._send({"event": event})
        except (ClientError, EngineError) as error:
            log.info("agent_cut_off", reason=str(error))
        await self._socket.close()

    async def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.send_json(message)
