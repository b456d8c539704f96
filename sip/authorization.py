"""Credentials of one session or registration, ready for each request (RFC 3261 section 22)."""

import random

from .dialog import Fields
from .digest import Credentials, DigestClient
from .errors import ChallengeRefused
from .message import Request, Response

_HEADERS = ("Authorization", "Proxy-Authorization")


class Authorization:
    """Answers challenges; signs later requests with the nonces it holds. Without credentials: no.

    After `accept` the next `headers` call is for the same request sent again.
    """

    __slots__ = ("_client", "_retry")

    def __init__(self, credentials: Credentials | None, rng: random.Random) -> None:
        self._client = DigestClient(credentials, rng) if credentials is not None else None
        self._retry: Fields | None = None

    def accept(self, request: Request, response: Response) -> bool:
        """Take the challenge of a 401 or 407; False when sending again would not help."""
        if self._client is None:
            return False
        try:
            uri = request.uri.encode()
            self._retry = self._client.answer(response, request.method, uri, request.body)
        except ChallengeRefused:
            return False
        return True

    def headers(self, method: str, uri: str, body: bytes = b"") -> Fields:
        """What to add to a request; `uri` as it stands in the request line."""
        if self._client is None:
            return []
        retry, self._retry = self._retry, None
        return retry if retry is not None else self._client.authorize(method, uri, body)


def credentials_of(invite: Request) -> Fields:
    """What the ACK for a 2xx repeats of its INVITE (13.2.2.4)."""
    return [(name, value) for name in _HEADERS for value in invite.get_all(name)]
