"""The STUN and TURN servers, as the pages of browsers are told them."""

from collections.abc import Callable
from typing import NotRequired, TypedDict

from media.webrtc.messages import IceServers


class IceServer(TypedDict):
    """A server, as RTCConfiguration of a page has it."""

    urls: str
    """Its URI (RFC 7064, RFC 7065)."""
    username: NotRequired[str]
    """Who one is there; of TURN alone."""
    credential: NotRequired[str]
    """The password; of TURN alone."""


class PageIceServers:
    """Tells pages the servers, with credentials that hold from now on."""

    def __init__(self, servers: IceServers, clock: Callable[[], float]) -> None:
        self._servers = servers
        self._clock = clock

    def told(self) -> list[IceServer]:
        """The servers that there are."""
        servers = self._servers
        found: list[IceServer] = []
        if servers.stun:
            found.append({"urls": servers.stun})
        if servers.turn:
            name, password = servers.turn_credentials(self._clock())
            found.append({"urls": servers.turn, "username": name, "credential": password})
        return found
