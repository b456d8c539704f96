"""The Authorization headers of one session or registration (RFC 3261 section 22)."""

import random
from typing import Final

from ..errors import ChallengeRefused
from ..message.message import Fields, Request, Response
from .digest import Credentials, DigestClient

_HEADERS = ("Authorization", "Proxy-Authorization")
# Several proxies and the called side may each challenge, and again for an expired nonce.
_MAX_CHALLENGES_IN_A_ROW: Final = 8


class Authorization:
    """Answers challenges and signs later requests with the nonces received.

    After `accept_challenge`, the next call of `headers` must be for the same request. The number
    of challenges for one request is limited. Otherwise two servers that reject each other's
    retries would cause an endless loop. Without credentials it does nothing.
    """

    __slots__ = ("_challenges", "_client", "_retry")

    def __init__(self, credentials: Credentials | None, rng: random.Random) -> None:
        self._client = DigestClient(credentials, rng) if credentials is not None else None
        self._retry: Fields | None = None
        self._challenges = 0

    def accept_challenge(self, request: Request, response: Response) -> bool:
        """Store the challenge of a 401 or 407, after which the request is sent again.

        Returns False for any other response, and if a retry would not help.
        """
        if response.status not in (401, 407):
            return False
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
        """Return the header fields for a request. `uri` is the request URI as sent."""
        if self._client is None:
            return []
        retry, self._retry = self._retry, None
        if retry is not None:
            return retry
        self._challenges = 0
        return self._client.authorize(method, uri, body)


def credentials_of(invite: Request) -> Fields:
    """Return the credentials that an ACK repeats from its INVITE (RFC 3261 13.2.2.4)."""
    return [(name, value) for name in _HEADERS for value in invite.get_all(name)]
