"""How messages travel between the engine and a media worker.

Each frame on the Unix socket is a 32-bit big-endian length and a msgpack array of messages, so
that everything said in one turn of the event loop costs one write.
"""

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
_LENGTH: Final = struct.Struct("!I")
_encoder = msgspec.msgpack.Encoder()


class FramingError(Exception):
    """The other end of the worker's socket sent something that is no frame of messages."""


def encode_frame(messages: Sequence[object]) -> bytes:
    """One frame that carries `messages` in order."""
    body = _encoder.encode(messages)
    return _LENGTH.pack(len(body)) + body


class FrameSplitter:
    """Cuts a byte stream into the bodies of frames."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Bodies completed by `data`. Raises FramingError when a length is beyond the limit."""
        pending = self._pending + data if self._pending else data
        bodies = []
        position, end = 0, len(pending)
        while end - position >= 4:
            (length,) = _LENGTH.unpack_from(pending, position)
            if length > MAX_FRAME_BYTES:
                raise FramingError(f"frame of {length} bytes")
            if end - position - 4 < length:
                break
            bodies.append(pending[position + 4 : position + 4 + length])
            position += 4 + length
        self._pending = pending[position:]
        return bodies
