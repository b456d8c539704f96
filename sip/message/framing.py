"""Messages out of a byte stream by Content-Length (RFC 3261 18.3, 20.14; RFC 5626 3.5.1)."""

from __future__ import annotations

from typing import Final

from ..errors import ParseError
from .parser import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES, content_length

_BLANK_LINE: Final = b"\r\n\r\n"


class StreamFramer:
    """Cuts one connection's bytes into whole messages, however they arrive.

    Memory is bounded by MAX_MESSAGE_BYTES plus one `feed`. After a fault the stream is out of
    step for good and the connection must close.
    """

    __slots__ = ("_buffer", "_line_ends", "_searched", "_whole_bytes", "fault")

    def __init__(self) -> None:
        self._buffer = bytearray()
        # No end of a head begins before this place.
        self._searched = 0
        # Size of the message at the start of the buffer, 0 until its head is whole.
        self._whole_bytes = 0
        self._line_ends = 0
        self.fault: ParseError | None = None
        """Why no more messages will come."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they came; returns the messages that are now whole.

        Raises ParseError when a limit is broken or Content-Length is missing or no number. When
        whole messages came before the fault they are returned, `fault` is set, and the next call
        raises.
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
        """How many CRLF to send in answer to the pings (CRLF CRLF) since the last call."""
        pongs, self._line_ends = divmod(self._line_ends, 2)
        return pongs

    def _measure(self) -> bool:
        """Find the size of the message at the start of the buffer."""
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
        # A single line end between messages is no half of a ping.
        self._line_ends -= self._line_ends % 2
        self._whole_bytes = end + len(_BLANK_LINE) + length
        if self._whole_bytes > MAX_MESSAGE_BYTES:
            raise ParseError(f"the message is longer than {MAX_MESSAGE_BYTES} bytes", 513)
        return True
