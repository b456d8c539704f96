"""A SIP flow: the messages of one Call-ID, the first and the latest of them."""

from typing import Final

import msgspec

from sip.hop import Hop

from .compression import compressed, decompressed

# What a message takes besides its bytes: the objects around it, and the copies of its addresses.
MESSAGE_BYTES: Final = 400


class TracedMessage(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One message, as it was on the wire but for what is masked. `at` is in Unix seconds.

    `number` counts the messages of all flows.
    """

    number: int
    at: float
    is_sent: bool
    local: Hop
    peer: Hop
    data: bytes

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory."""
        return MESSAGE_BYTES + len(self.data)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[TracedMessage]).decode


class FlowLimits(msgspec.Struct, frozen=True):
    """What one flow may hold: how many first and latest messages, how many bytes."""

    first: int
    latest: int
    size_bytes: int


class SipFlow:
    """The messages of one Call-ID. What is dropped is dropped from the middle."""

    __slots__ = (
        "_first", "_folded", "_folded_count", "_latest", "_limits", "call_id", "dropped",
        "last_number", "size_bytes",
    )  # fmt: skip

    def __init__(self, call_id: bytes, limits: FlowLimits) -> None:
        self.call_id = call_id
        self.size_bytes = 0
        self.dropped = 0
        """How many messages are no longer there."""
        self.last_number = 0
        self._limits = limits
        self._folded = b""  # the very first, compressed
        self._folded_count = 0
        self._first: tuple[TracedMessage, ...] = ()
        self._latest: list[TracedMessage] = []  # a deque takes a block of 600 bytes at once

    def add_message(self, message: TracedMessage) -> int:
        """Keep a message. Returns by how many bytes the flow has grown, below 0: shrunk."""
        before = self.size_bytes
        limits, size = self._limits, message.size_bytes
        self.last_number = message.number
        # Beside its first messages, half of the flow is for the latest.
        room = limits.size_bytes // 2 if not self._latest else 0
        if self._folded_count + len(self._first) < limits.first and before + size <= room:
            self._first = (*self._first, message)
            self.size_bytes = before + size
            return size
        latest = self._latest
        latest.append(message)
        self.size_bytes += size
        while len(latest) > 1 and (
            len(latest) > limits.latest or self.size_bytes > limits.size_bytes
        ):
            self.size_bytes -= latest.pop(0).size_bytes
            self.dropped += 1
        return self.size_bytes - before

    def widen(self, limits: FlowLimits) -> None:
        """Go by other limits, which are no narrower."""
        self._limits = limits

    def fold(self) -> int:
        """Compress the first messages, unless later ones came after some were dropped.

        Returns by how many bytes the flow has grown, below 0: shrunk.
        """
        if not self._first or self._latest:
            return 0
        before, first = self.size_bytes, self.messages()
        self._folded, self._folded_count = compressed(_encode(first)), len(first)
        self._first = ()
        self.size_bytes = len(self._folded)
        return self.size_bytes - before

    def messages(self) -> list[TracedMessage]:
        """What is kept, in order."""
        folded = _decode(decompressed(self._folded)) if self._folded else []
        return [*folded, *self._first, *self._latest]

    def after(self, number: int) -> list[TracedMessage]:
        """What is kept of the messages after this number."""
        if self.last_number <= number:
            return []
        return [message for message in self.messages() if message.number > number]
