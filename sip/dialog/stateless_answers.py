"""Answers to requests that leave no state (RFC 3261 section 8.2.7).

A response to an unknown source over UDP is never larger than its request: the source address may be
forged, and its owner must not get more from us than from the forger.
"""

import hashlib

from ..hop import Hop
from ..message.message import Fields, Message, Request, response_to
from .context import UserAgentContext

_COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i"}


class StatelessAnswers:
    """Answers the message that `received` was given."""

    def __init__(self, context: UserAgentContext) -> None:
        self._context = context
        self._secret = context.rng.randbytes(16)
        self._room: int | None = None

    def received(self, source: Hop, size_bytes: int) -> None:
        """A message of this size came from `source`: what it is answered depends on both."""
        is_free = source.transport != "udp" or self._context.policy.is_known(source.host)
        self._room = None if is_free else size_bytes

    def send(self, request: Request, status: int, hop: Hop, headers: Fields | None = None) -> None:
        """Answer a request, once, and keep nothing."""
        context, tag = self._context, self.tag(request)
        fields = [("Server", context.product), *(headers or ())]
        data = response_to(request, status, to_tag=tag, headers=fields).encode()
        if self._room is not None and len(data) > self._room:
            response = response_to(request, status, to_tag=tag)
            lines = [f"{_COMPACT.get(name, name)}: {value}" for name, value in response.headers()]
            head = "\r\n".join([response.start_line(), *lines, "l: 0", "", ""])
            data = head.encode("utf-8", "surrogateescape")
            if len(data) > self._room:
                context.counters.too_small += 1
                return
        context.transactions.send(hop, data)

    def tag(self, request: Message) -> str:
        """The To tag: the same for each copy of a request, and not to be guessed."""
        seed = "\n".join(request.get(name) or "" for name in ("Call-ID", "From", "CSeq"))
        data = seed.encode("utf-8", "surrogateescape")
        return hashlib.blake2s(data, key=self._secret, digest_size=8).hexdigest()
