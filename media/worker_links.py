"""Legs of different media workers that hear each other: over RTP between two legs of our own.

A link carries what one leg says into another worker. Its `far` end is beside that leg, its `near`
end in the worker of who listens; each has the other for its peer. In its worker the near end
stands for the leg, so that both ends can be bridged, mixed and recorded as any leg.
"""

import asyncio
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from .errors import NoPortLeft
from .protocol.messages import Connect
from .sources import Peer
from .worker_client import Endpoint, WorkerClient

SPARE_PORTS: Final = (49152, 65535)
"""Dynamic ports (RFC 6335 section 6). Nothing of a link leaves the machine."""


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a link: a leg that nobody has opened but us."""

    name: str
    client: WorkerClient
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Link:
    """A link that works."""

    leg: str
    near: LinkEnd
    far: LinkEnd


# The leg that is heard, the worker in which it is heard, and whether by one who asks for keys.
_Key: TypeAlias = tuple[str, WorkerClient, bool]


class WorkerLinks:
    """The links of a pool, by the leg that is heard and the worker in which that is.

    Who asks for keys has a link of their own: nobody else may hear what comes over it.
    """

    def __init__(self) -> None:
        self._made = 0
        self._links: dict[_Key, asyncio.Task[Link]] = {}
        self._described: dict[str, Connect] = {}

    def _ready(self, key: _Key) -> Link | None:
        """The link, if it works already."""
        task = self._links.get(key)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    async def get(
        self, leg: str, far: WorkerClient, near: WorkerClient, *, is_asking: bool = False
    ) -> Link:
        """The link that brings `leg`, of the worker `far`, into the worker `near`.

        `is_asking` is that of Peer. Raises NoPortLeft, WorkerGone.
        """
        key = leg, near, is_asking
        task = self._links.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._links[key] = asyncio.ensure_future(
                self._make(leg, far, near, is_asking=is_asking)
            )
        return await asyncio.shield(task)

    async def _make(
        self, leg: str, far: WorkerClient, near: WorkerClient, *, is_asking: bool
    ) -> Link:
        self._made += 1
        names = [f"link-{self._made}-{end}" for end in ("near", "far")]
        opened: list[LinkEnd] = []
        try:
            for name, client in zip(names, (near, far), strict=True):
                opened.append(LinkEnd(name, client, await _open(client, name)))
        except BaseException:
            for end in opened:
                end.client.discard(end.name)
            raise
        link = Link(leg, *opened)
        self._describe(link)
        far.hear(link.far.name, Peer(leg, is_asking=is_asking))
        return link

    def described(self, peer: Connect) -> None:
        """A leg was described, maybe again. What its links carry stays the same."""
        self._described[peer.leg] = peer
        for link in self._of(peer.leg):
            self._describe(link)

    def _describe(self, link: Link) -> None:
        known = self._described.get(link.leg)
        for end, other in ((link.near, link.far), (link.far, link.near)):
            host, port = _reachable(other.endpoint.host), other.endpoint.port
            end.client.connect(
                Connect(end.name, host, port, port + 1, "PCMU", 0, 101, "sendrecv", rtp="strict")
                if known is None
                else msgspec.structs.replace(
                    known,
                    leg=end.name,
                    host=host,
                    port=port,
                    rtcp_port=port + 1,
                    direction="sendrecv",
                    number=0,
                    sip_host="",
                    rtp="strict",
                    relearn=False,
                    must_speak=False,
                    srtp=None,
                    rtcp_mux=False,
                )
            )

    def failed(self, end: str) -> str | None:
        """One end of a link has failed: the leg that it carried; None where it is none of ours."""
        for key in tuple(self._links):
            link = self._ready(key)
            if link is not None and end in (link.near.name, link.far.name):
                self._drop(key)
                return link.leg
        return None

    def closed(self, leg: str) -> None:
        """A leg is gone, and its links with it."""
        self._described.pop(leg, None)
        for key in [key for key in self._links if key[0] == leg]:
            self._drop(key)

    def worker_gone(self, client: WorkerClient) -> None:
        """A worker is gone, and every link from it and to it."""
        for key, task in tuple(self._links.items()):
            link = self._ready(key)
            ends = () if link is None else (link.near.client, link.far.client)
            if key[1] is client or client in ends or not task.done():
                self._drop(key)

    def _drop(self, key: _Key) -> None:
        link, task = self._ready(key), self._links.pop(key)
        task.cancel()
        if link is not None:
            for end in (link.near, link.far):
                end.client.discard(end.name)

    def _of(self, leg: str) -> Iterator[Link]:
        for key in tuple(self._links):
            link = self._ready(key)
            if key[0] == leg and link is not None:
                yield link


async def _open(client: WorkerClient, name: str) -> Endpoint:
    """Open one end, on a port of calls or, where none is left, on one that no call has."""
    try:
        return await client.open(name)
    except NoPortLeft:
        return await client.open(name, ports=SPARE_PORTS)


def _reachable(host: str) -> str:
    """Where a worker is reached that is at `host`, from the same machine."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "::1" if address.version == 6 else "127.0.0.1"
