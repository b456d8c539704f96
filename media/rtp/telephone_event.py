"""DTMF as telephone-event (RFC 4733): key presses read from packets, and packets made of digits."""

import struct
from collections import deque
from typing import Final

from .rtp import CLOCK_HZ, FRAME_SAMPLES

DIGITS: Final = "0123456789*#ABCD"  # by event code, RFC 4733 section 3.2
PAYLOAD: Final = struct.Struct("!BBH")  # event, end bit and volume, duration
_END_BIT: Final = 0x80
_VOLUME_MASK: Final = 0x3F
_MAX_DURATION: Final = 0xFFFF
_END_PACKETS: Final = 3  # the last packet is sent three times, section 2.5.1.4
LOST_END_S: Final = 0.2


class DigitReader:
    """Turns the packets of telephone-events into key presses, each reported once, at its end."""

    __slots__ = ("_at", "_digit", "_duration", "_segments", "_timestamp", "clock_hz")

    def __init__(self, clock_hz: int = CLOCK_HZ) -> None:
        self.clock_hz = clock_hz
        self._timestamp = -1
        self._digit = ""  # the key held down now, if any
        self._duration = 0
        self._segments = 0  # duration of the segments before this one, section 2.5.1.3
        self._at = 0.0

    @property
    def holding(self) -> bool:
        """Whether a key is held down."""
        return bool(self._digit)

    def receive(
        self, payload: bytes, timestamp: int, now: float, *, late: bool = False
    ) -> list[tuple[str, int]]:
        """Key presses that ended with this packet, as (digit, milliseconds).

        The timestamp names the event; packets that come after its end say nothing new. A new
        event while a key is held means that the end of the first was lost. `late` says that
        packets sent after this one came before it.
        """
        if len(payload) < PAYLOAD.size:
            return []
        event, flags, duration = PAYLOAD.unpack_from(payload)
        pressed = []
        if timestamp != self._timestamp:
            step = (timestamp - self._timestamp) & 0xFFFFFFFF
            if late and self._timestamp >= 0 and step >= 0x80000000:  # of a key press before
                return []
            if event < len(DIGITS) and self._digit == DIGITS[event] and step == _MAX_DURATION:
                self._segments += _MAX_DURATION
            else:
                pressed = self._release()
                if event >= len(DIGITS):
                    return pressed
                self._digit = DIGITS[event]
                self._segments = 0
            self._timestamp = timestamp
            self._duration = 0
        if self._digit:
            self._duration = max(self._duration, duration)
            self._at = now
            if flags & _END_BIT:
                pressed += self._release()
        return pressed

    def expire(self, now: float) -> list[tuple[str, int]]:
        """The key press whose end never came, once it is silent for LOST_END_S."""
        return self._release() if self._digit and now - self._at >= LOST_END_S else []

    def _release(self) -> list[tuple[str, int]]:
        if not self._digit:
            return []
        press = (self._digit, (self._segments + self._duration) * 1000 // self.clock_hz)
        self._digit = ""
        return [press]


class DigitWriter:
    """Makes the packets of digits to be sent, one for each 20 ms frame."""

    __slots__ = ("_duration", "_ends", "_pause", "_queue", "frame_ticks")

    def __init__(self, frame_ticks: int = FRAME_SAMPLES) -> None:
        self.frame_ticks = frame_ticks
        # Digit, its length and the pause after it, in frames.
        self._queue: deque[tuple[int, int, int]] = deque()
        self._duration = 0
        self._ends = 0
        self._pause = 0

    def __bool__(self) -> bool:
        return bool(self._queue) or self._pause > 0

    def queue_digits(self, digits: str, *, duration_ms: int, gap_ms: int) -> None:
        """Append digits. Raises ValueError for a character that is no DTMF digit."""
        codes = []
        for digit in digits.upper():
            code = DIGITS.find(digit)
            if code < 0:
                raise ValueError(f"{digit!r} is not a DTMF digit")
            codes.append(code)
        frames, gap = max(1, round(duration_ms / 20)), max(1, round(gap_ms / 20))
        # The repeated end packets take the first frames of the pause.
        self._queue.extend((code, frames, max(0, gap - _END_PACKETS + 1)) for code in codes)

    def clear(self) -> None:
        """Forget what was not sent yet."""
        self._queue.clear()
        self._duration = self._ends = self._pause = 0

    def next_frame(self) -> tuple[bytes, bool] | None:
        """Payload of the frame and whether it begins a new digit; None in the pause between two."""
        if self._pause:
            self._pause -= 1
            return None
        if not self._queue:
            return None
        code, frames, gap = self._queue[0]
        begins = self._duration == 0
        if self._duration < frames * self.frame_ticks:
            self._duration = min(_MAX_DURATION, self._duration + self.frame_ticks)
        flags = 10 & _VOLUME_MASK
        if self._duration >= min(_MAX_DURATION, frames * self.frame_ticks):
            flags |= _END_BIT
            self._ends += 1
        payload = PAYLOAD.pack(code, flags, self._duration)
        if self._ends == _END_PACKETS:
            self._queue.popleft()
            self._duration = self._ends = 0
            self._pause = gap
        return payload, begins


def with_clock(payload: bytes, from_hz: int, to_hz: int) -> bytes:
    """The payload of an event in another clock: its duration is in steps of that."""
    if from_hz == to_hz or len(payload) < PAYLOAD.size:
        return payload
    event, flags, duration = PAYLOAD.unpack_from(payload)
    return PAYLOAD.pack(event, flags, min(_MAX_DURATION, duration * to_hz // from_hz))
