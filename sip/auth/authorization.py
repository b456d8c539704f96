"""Credentials of one session or registration, ready for each request (RFC 3261 section 22)."""

import random
from typing import Final

from ..errors import ChallengeRefused
from ..message.message import Fields, Request, Response
from .digest import Credentials, DigestClient

_HEADERS = ("Authorization", "Proxy-Authorization")
# Several proxies and the called side may each ask, and each once more for a nonce that expired.
_MAX_CHALLENGES_IN_A_ROW: Final = 8


class Authorization:
    """Answers challenges; signs later requests with the nonces it holds. Without credentials: no.

    After `accept` the next `headers` call is for the same request sent again. One request answers
    a bounded number of challenges: two servers that refuse by turns, each with a nonce that served
    once and then not again, would otherwise be asked for ever.
    """

    __slots__ = ("_challenges", "_client", "_retry")

    def __init__(self, credentials: Credentials | None, rng: random.Random) -> None:
        self._client = DigestClient(credentials, rng) if credentials is not None else None
        self._retry: Fields | None = None
        self._challenges = 0

    def accept_challenge(self, request: Request, response: Response) -> bool:
        """Take the challenge of a 401 or 407; False when sending again would not help."""
        if self._client is None or self._challenges >= _MAX_CHALLENGES_IN_A_ROW:
            return False
        self._challenges += 1
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
        if retry is not None:
            return retry
        self._challenges = 0
        return self._client.authorize(method, uri, body)


def credentials_of(invite: Request) -> Fields:
    """What the ACK for a 2xx repeats of its INVITE (13.2.2.4)."""
    return [(name, value) for name in _HEADERS for value in invite.get_all(name)]
