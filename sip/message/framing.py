"""Split a byte stream into messages by Content-Length (RFC 3261 18.3, 20.14; RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from typing import Final, Protocol

from ..errors import ParseError
from .parser import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES, content_length

_BLANK_LINE: Final = b"\r\n\r\n"
_line_ends = re.compile(rb"(?:\r\n)*+").match


class MessageFramer(Protocol):
    """Finds the messages in the bytes of one connection, and makes bytes of messages.

    See StreamFramer for those of plain TCP, and WebSocketFramer.
    """

    @property
    def is_over(self) -> bool:
        """Whether the peer has closed the stream as it should."""

    @property
    def pings_accepted(self) -> bool:
        """Whether we ping those who connected to us."""

    def __len__(self) -> int:
        """The bytes that it holds."""

    def push(self, data: bytes | memoryview) -> None:
        """Add received bytes."""

    @property
    def is_ready(self) -> bool:
        """Whether `pop` has anything to do."""

    def pop(self) -> bytes | None:
        """Take the first message out; None if it is not complete. Raises ParseError."""

    def take_pongs(self) -> int:
        """How many answers to pings are due since the last call."""

    def take_pong(self) -> bool:
        """Whether the peer has answered a ping since the last call."""

    def frame(self, data: bytes) -> bytes:
        """The bytes that carry a message."""

    def ping(self) -> bytes:
        """The bytes that ask the peer for a sign of life."""

    def say_goodbye(self) -> bytes:
        """The bytes that end the stream."""

    def take_output(self) -> bytes:
        """What has to be sent to the peer by itself."""

    def release(self) -> None:
        """The connection is gone: nothing is read or written any more."""


class StreamFramer:
    """Splits the bytes of one connection into complete messages.

    `push` adds bytes, and `pop` takes the messages out one by one, when there is time for each. It
    holds what was pushed; the reader of the connection pushes no more while `is_ready`. After a
    fault no further message can be found in the stream, so the connection must close.
    """

    __slots__ = ("_buffer", "_fault", "_line_ends", "_searched", "_whole_bytes")

    is_over: Final = False
    pings_accepted: Final = False

    def __init__(self) -> None:
        self._buffer = bytearray()
        # The end of the head is not before this position.
        self._searched = 0
        # The size of the message at the start of the buffer; 0 until its head is complete.
        self._whole_bytes = 0
        self._line_ends = 0
        self._fault: ParseError | None = None

    def __len__(self) -> int:
        """The bytes that it holds."""
        return len(self._buffer)

    def push(self, data: bytes | memoryview) -> None:
        """Add received bytes. After a fault they are dropped."""
        if self._fault is None:
            self._buffer += data

    @property
    def is_ready(self) -> bool:
        """Whether `pop` would return a message, or raise."""
        if self._fault is None:
            try:
                return self._measure() and len(self._buffer) >= self._whole_bytes
            except ParseError as error:
                self._fault = error
                self._buffer.clear()
        return True

    def pop(self) -> bytes | None:
        """Take the first message out. None if it is not complete.

        Raises ParseError if a limit is exceeded, or if Content-Length is missing or not a number.
        """
        if not self.is_ready:
            return None
        if self._fault is not None:
            raise self._fault
        message = bytes(self._buffer[: self._whole_bytes])
        del self._buffer[: self._whole_bytes]
        self._searched = self._whole_bytes = 0
        return message

    def take_pongs(self) -> int:
        """Return how many CRLF answer the pings (CRLF CRLF) since the last call (RFC 5626)."""
        pongs, self._line_ends = divmod(self._line_ends, 2)
        return pongs

    def take_pong(self) -> bool:
        """Whether a single CRLF has come, as it answers a ping of ours. Call after `take_pongs`."""
        has_come, self._line_ends = self._line_ends > 0, 0
        return has_come

    def frame(self, data: bytes) -> bytes:
        """The bytes that carry a message: itself."""
        return data

    def ping(self) -> bytes:
        """The bytes that ask the peer for a sign of life (RFC 5626 section 4.4.1)."""
        return _BLANK_LINE

    def say_goodbye(self) -> bytes:
        """The bytes that end the stream: none."""
        return b""

    def take_output(self) -> bytes:
        """What has to be sent to the peer by itself: nothing."""
        return b""

    def release(self) -> None:
        """Nothing holds it."""

    def _measure(self) -> bool:
        """Find the size of the first message in the buffer. Returns False if not yet known."""
        if self._whole_bytes:
            return True
        buffer = self._buffer
        size = _leading_line_ends(buffer)
        if size:
            self._line_ends += size // 2
            del buffer[:size]
        if not buffer or buffer == b"\r":
            return False
        end = buffer.find(_BLANK_LINE, self._searched)
        if end > MAX_HEAD_BYTES or (end < 0 and len(buffer) > MAX_HEAD_BYTES + len(_BLANK_LINE)):
            raise ParseError(f"the head of the message is longer than {MAX_HEAD_BYTES} bytes", 513)
        if end < 0:
            self._searched = max(0, len(buffer) - len(_BLANK_LINE) + 1)
            return False
        length = content_length(bytes(buffer[:end]))
        if length is None:
            raise ParseError("Content-Length is missing, which a stream must have")
        # A single CRLF between messages is not half of a ping.
        self._line_ends -= self._line_ends % 2
        self._whole_bytes = end + len(_BLANK_LINE) + length
        if self._whole_bytes > MAX_MESSAGE_BYTES:
            raise ParseError(f"the message is longer than {MAX_MESSAGE_BYTES} bytes", 513)
        return True


def _leading_line_ends(buffer: bytearray) -> int:
    found = _line_ends(buffer)
    return 0 if found is None else found.end()
