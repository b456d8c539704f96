"""The methods of the control protocol that are about browsers: browser.*."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from ...errors import EngineError
from ...request import Identifier, JobId, Params, Priority, check_context, printable
from ...webrtc.ice_servers import IceServer, PageIceServers
from ...webrtc.page_tokens import EXPIRES_S, PageCall, PageCalls
from ..connections.peer import Peer
from ..method import Method


class PageAdmission(Params):
    """browser.admit: what the visitor of a page may do with the token, once."""

    site: Identifier
    queue: Identifier
    origin: Annotated[str, Meta(min_length=1, max_length=256)]
    name: Annotated[str, Meta(max_length=128)] = ""
    priority: Priority = 0
    max_wait_s: Annotated[float, Meta(gt=0, le=86400)] = 3600.0
    context: dict[str, Any] | None = None
    id: JobId | None = None

    def __post_init__(self) -> None:
        for field in ("site", "queue", "origin", "name"):
            printable(field, getattr(self, field))
        check_context(self.context)


class PageToken(TypedDict):
    """browser.admit."""

    token: str
    """What the page shows in its INVITE."""
    expires_s: float
    """For how long it may be used."""
    ice_servers: list[IceServer]
    """The STUN and TURN servers of the page."""


class IceServerList(TypedDict):
    """browser.ice_servers."""

    ice_servers: list[IceServer]
    """The STUN and TURN servers of a page that speaks with the engine."""


class BrowserMethods:
    """What a client may do for the pages of browsers.

    `check_queue(queue)` raises EngineError where a call would not be admitted, `check_id(id)` where
    there is a job or call of this id; `is_listening` says whether browsers can connect at all.
    """

    def __init__(
        self,
        pages: PageCalls,
        servers: PageIceServers,
        *,
        check_queue: Callable[[str], None],
        check_id: Callable[[str], Awaitable[None]],
        is_listening: bool,
    ) -> None:
        self._pages = pages
        self._servers = servers
        self._check_queue = check_queue
        self._check_id = check_id
        self._is_listening = is_listening

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "browser.admit": Method(PageAdmission, self._admit),
            "browser.ice_servers": Method(Params, self._ice_servers),
        }

    async def _admit(self, params: PageAdmission, peer: Peer) -> PageToken:
        if not self._is_listening:
            raise EngineError("refused", "sip.listen has no address for browsers (ws:, wss:)")
        self._check_queue(params.queue)
        if params.id is not None:
            await self._check_id(params.id)
        call = PageCall(
            site=params.site,
            queue=params.queue,
            origin=params.origin,
            name=params.name,
            priority=params.priority,
            max_wait_s=params.max_wait_s,
            context=params.context or {},
            call=params.id or "",
            requested_by=peer.who or None,
        )
        token = self._pages.admit(call, asyncio.get_running_loop().time())
        if token is None:
            raise EngineError("unavailable", "too many tokens of web pages wait to be used")
        return {"token": token, "expires_s": EXPIRES_S, "ice_servers": self._servers.told()}

    def _ice_servers(self, _params: Params, _peer: Peer) -> IceServerList:
        return {"ice_servers": self._servers.told()}
