"""Reads what a service sends over a WebSocket no quicker than any service needs to be read.

Each frame costs time, whatever is in it: an empty one, a ping, a piece of a message. So frames are
counted where they come from the network, before anything else looks at them. Of a service that
sends more than its budget the rest waits in the network, and other streams are not held up by it.
"""

import asyncio
from typing import Final

from aiohttp.client_proto import ResponseHandler

MOST_FRAME_BYTES: Final = 1 << 20
"""What a service may send as one message: of a longer one the connection is closed."""
# How much a service may send in a second, beyond a burst.
_BYTES_PER_S: Final = 1_000_000
_BURST_BYTES: Final = 4_000_000
# What a frame costs at least: of sound, of everything else.
_SOUND_COSTS_BYTES: Final = 500
_OTHERS_COST_BYTES: Final = 1000
_FRAMES_AT_ONCE: Final = 32
_TURNS_AT_THE_END: Final = 64
_SHORTEST_WAIT_S: Final = 0.02  # so that one frame is not read at a time
_LONGEST_WAIT_S: Final = 0.25

_CONTINUATION: Final = 0x0  # RFC 6455, section 5.2
_BINARY: Final = 0x2


class FrameMeter:
    """Says how much of what comes may be read now. Sans-IO: `now` is passed in, in seconds."""

    def __init__(self, now: float) -> None:
        self._budget = float(_BURST_BYTES)
        self._earned_at = now
        self._header = bytearray()
        self._payload_left = 0

    @property
    def wait_s(self) -> float:
        """How long to wait until more is asked for."""
        if self._budget >= 0:
            return 0.0
        return min(_SHORTEST_WAIT_S - self._budget / _BYTES_PER_S, _LONGEST_WAIT_S)

    def count(self, data: bytes | bytearray, now: float) -> int:
        """How many bytes of `data`, which follows what was taken before, may be read now."""
        earned = max(0.0, now - self._earned_at) * _BYTES_PER_S
        self._budget = min(self._budget + earned, _BURST_BYTES)
        self._earned_at = now
        at = frames = 0
        while at < len(data):
            if self._payload_left:
                step = min(self._payload_left, len(data) - at)
                self._payload_left -= step
                at += step
                continue
            if self._budget < 0 or frames == _FRAMES_AT_ONCE:
                break
            self._header.append(data[at])
            at += 1
            length = _payload_length(self._header)
            if length is not None:
                self._count(self._header[0] & 0x0F, length)
                self._header.clear()
                self._payload_left = length
                frames += 1
        return at

    def _count(self, opcode: int, length: int) -> None:
        is_sound = opcode in (_BINARY, _CONTINUATION)
        least = _SOUND_COSTS_BYTES if is_sound else _OTHERS_COST_BYTES
        self._budget -= min(max(length, least), MOST_FRAME_BYTES)


def _payload_length(header: bytearray) -> int | None:
    """How long the payload of a frame is; None while its header is not whole."""
    if len(header) < 2:
        return None
    short = header[1] & 0x7F
    extended = {126: 2, 127: 8}.get(short, 0)
    mask = 4 if header[1] & 0x80 else 0
    if len(header) < 2 + extended + mask:
        return None
    return int.from_bytes(header[2 : 2 + extended], "big") if extended else short


class MeteredProtocol(ResponseHandler):
    """aiohttp's protocol of a connection, with a meter before its reader of frames."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._meter = FrameMeter(loop.time())
        self._unread = bytearray()
        self._next_turn: asyncio.Handle | None = None

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._payload_parser is None:  # HTTP, or nobody reads frames yet
            super().data_received(data)
            return
        self._unread += data
        if self._next_turn is None:
            self._read()
        elif self.transport is not None:
            self.transport.pause_reading()

    def _read(self) -> None:
        """Hand on what may be read now, and wait with the rest."""
        self._next_turn = None
        if self._reading_paused:
            return  # `resume_reading` goes on
        self._hand_on()
        transport = self.transport
        if transport is not None and self._unread:
            transport.pause_reading()
            self._next_turn = self._loop.call_later(self._meter.wait_s, self._read)
        elif transport is not None and not self._reading_paused:
            transport.resume_reading()

    def _hand_on(self) -> None:
        count = self._meter.count(self._unread, self._loop.time())
        data = bytes(self._unread[:count])
        del self._unread[:count]
        if data:
            super().data_received(data)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """See aiohttp: what was read has been taken."""
        super().resume_reading(resume_parser)
        if self._unread and self.transport is not None:
            self.transport.pause_reading()
        if self._unread and self._next_turn is None:
            self._next_turn = self._loop.call_soon(self._read)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio.Protocol. What a service has sent last is read, within its budget."""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        for _ in range(_TURNS_AT_THE_END):
            if not self._unread or self._payload_parser is None:
                break
            self._hand_on()
        self._unread.clear()
        super().connection_lost(exc)
