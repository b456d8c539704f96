"""Split a byte stream into messages by Content-Length (RFC 3261 18.3, 20.14; RFC 5626 3.5.1)."""

from __future__ import annotations

from typing import Final

from ..errors import ParseError
from .parser import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES, content_length

_BLANK_LINE: Final = b"\r\n\r\n"


class StreamFramer:
    """Splits the bytes of one connection into complete messages.

    It buffers at most MAX_MESSAGE_BYTES plus one `feed`. After a fault no further message can be
    found in the stream, so the connection must close.
    """

    __slots__ = ("_buffer", "_line_ends", "_searched", "_whole_bytes", "fault")

    def __init__(self) -> None:
        self._buffer = bytearray()
        # The end of the head is not before this position.
        self._searched = 0
        # The size of the message at the start of the buffer; 0 until its head is complete.
        self._whole_bytes = 0
        self._line_ends = 0
        self.fault: ParseError | None = None
        """The fault that ended the stream; None if there was none."""

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes. Returns the messages that are now complete.

        Raises ParseError if a limit is exceeded, or if Content-Length is missing or not a number.
        If complete messages came before the fault, they are returned and `fault` is set. The next
        call raises.
        """
        if self.fault is not None:
            raise self.fault
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        try:
            while self._measure() and len(buffer) >= self._whole_bytes:
                messages.append(bytes(buffer[: self._whole_bytes]))
                del buffer[: self._whole_bytes]
                self._searched = self._whole_bytes = 0
        except ParseError as error:
            self.fault = error
            buffer.clear()
            if not messages:
                raise
        return messages

    def take_pongs(self) -> int:
        """Return how many CRLF answer the pings (CRLF CRLF) since the last call (RFC 5626)."""
        pongs, self._line_ends = divmod(self._line_ends, 2)
        return pongs

    def _measure(self) -> bool:
        """Find the size of the first message in the buffer. Returns False if not yet known."""
        if self._whole_bytes:
            return True
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            del buffer[:2]
            self._line_ends += 1
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
