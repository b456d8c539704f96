"""Answers to requests that leave no state (RFC 3261 section 8.2.7).

A response to an unknown source over UDP is never larger than its request: the source address may be
forged, and its owner must not get more from us than from the forger.
"""

import hashlib
import sys
from collections.abc import Sequence

from ..hop import Hop
from ..message.message import Fields, Message, Request, Response, response_to
from .context import UserAgentContext

_COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i"}


class StatelessAnswers:
    """Answers the message that `received` was given."""

    def __init__(self, context: UserAgentContext) -> None:
        self._context = context
        self._secret = context.rng.randbytes(16)
        self._room = sys.maxsize

    def received(self, source: Hop, size_bytes: int) -> None:
        """A message of this size came from `source`: what it is answered depends on both."""
        is_free = source.transport != "udp" or self._context.policy.is_known(source.host)
        self._room = sys.maxsize if is_free else size_bytes

    def send(self, request: Request, status: int, hop: Hop, headers: Fields | None = None) -> None:
        """Answer a request, once, and keep nothing."""
        self._send(request, status, hop, headers or [], shorter=([],))

    def challenge(self, request: Request, hop: Hop, challenges: Fields) -> None:
        """Answer 401, once, and keep nothing. Where not all challenges fit, the last one does."""
        self._send(request, 401, hop, challenges, shorter=(challenges, challenges[-1:]))

    def _send(
        self, request: Request, status: int, hop: Hop, headers: Fields, shorter: Sequence[Fields]
    ) -> None:
        """Where the answer is too large, it has the first fields of `shorter` that fit, alone."""
        context, tag = self._context, self.tag(request)
        fields = [("Server", context.product), *headers]
        data = response_to(request, status, to_tag=tag, headers=fields).encode()
        for kept in shorter:
            if len(data) > self._room:
                data = _compact(response_to(request, status, to_tag=tag, headers=kept))
        if len(data) <= self._room:
            context.transactions.send(hop, data)
        else:
            context.counters.too_small += 1

    def tag(self, request: Message) -> str:
        """The To tag: the same for each copy of a request, and not to be guessed."""
        seed = "\n".join(request.get(name) or "" for name in ("Call-ID", "From", "CSeq"))
        data = seed.encode("utf-8", "surrogateescape")
        return hashlib.blake2s(data, key=self._secret, digest_size=8).hexdigest()


def _compact(response: Response) -> bytes:
    """A response without a body, with the compact forms of its header names."""
    lines = [f"{_COMPACT.get(name, name)}: {value}" for name, value in response.headers()]
    head = "\r\n".join([response.start_line(), *lines, "l: 0", "", ""])
    return head.encode("utf-8", "surrogateescape")
