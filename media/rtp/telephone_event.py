"""DTMF as telephone-event (RFC 4733): key presses read from packets, and packets made of digits."""

import struct
from collections import deque
from typing import Final, NamedTuple

from .outgoing_stream import OutgoingStream
from .rtp import CLOCK_HZ, FRAME_SAMPLES

DIGITS: Final = "0123456789*#ABCD"  # by event code, RFC 4733 section 3.2
PAYLOAD: Final = struct.Struct("!BBH")  # event, end bit and volume, duration
_END_BIT: Final = 0x80
_VOLUME_MASK: Final = 0x3F
_MAX_DURATION: Final = 0xFFFF
_END_PACKETS: Final = 3  # the last packet is sent three times, section 2.5.1.4
LOST_END_S: Final = 0.2


def _goes_on(step: int, duration: int) -> bool:
    """Whether an event whose timestamp is so much further is the next segment of a long one.

    Its duration has reached its most (section 2.5.1.3), or, of others, what was reported last.
    """
    return step == _MAX_DURATION or step == duration > 0


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
            is_same = event < len(DIGITS) and self._digit == DIGITS[event]
            if is_same and _goes_on(step, self._duration):
                self._segments += step
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


class EventFrame(NamedTuple):
    """A packet of an event: whether it begins one, and how far after that its segment begins."""

    payload: bytes
    begins: bool
    passed: int


def _segmented(code: int, flags: int, duration: int, *, begins: bool) -> EventFrame:
    """The packet of an event that has lasted for so long. Longer ones have several segments."""
    passed = max(0, duration - 1) // _MAX_DURATION * _MAX_DURATION
    return EventFrame(PAYLOAD.pack(code, flags, duration - passed), begins, passed)


class EventSource:
    """What makes packets of events, which have their place in one stream."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = 0  # the timestamp of the newest event in that stream

    def place(self, frame: EventFrame, stream: OutgoingStream, clock_hz: int, now: float) -> int:
        """Step to the packet in `stream`; its timestamp. `clock_hz` is the clock of the event."""
        if frame.begins:
            stream.next_frame(len(frame.payload), now)
            self._began = stream.timestamp
            return stream.timestamp
        segment = self._began + frame.passed * stream.clock_hz // clock_hz
        stream.repeat_timestamp(len(frame.payload), max(0, segment - stream.timestamp))
        return segment


class DigitWriter(EventSource):
    """Makes the packets of digits to be sent, one for each 20 ms frame."""

    __slots__ = ("_duration", "_ends", "_pause", "_queue", "frame_ticks")

    def __init__(self, frame_ticks: int = FRAME_SAMPLES) -> None:
        super().__init__()
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

    def next_frame(self) -> EventFrame | None:
        """The packet of the next frame; None in the pause between two digits."""
        if self._pause:
            self._pause -= 1
            return None
        if not self._queue:
            return None
        code, frames, gap = self._queue[0]
        begins = self._duration == 0
        if self._duration < frames * self.frame_ticks:
            self._duration += self.frame_ticks
        flags = 10 & _VOLUME_MASK
        if self._duration >= frames * self.frame_ticks:
            flags |= _END_BIT
            self._ends += 1
        frame = _segmented(code, flags, self._duration, begins=begins)
        if self._ends == _END_PACKETS:
            self._queue.popleft()
            self._duration = self._ends = 0
            self._pause = gap
        return frame


class EventTranslator(EventSource):
    """Brings the events of one stream to another clock, and into its segments.

    Give it no packet that others have overtaken.
    """

    __slots__ = ("_before", "_code", "_duration", "_has_ended", "_timestamp")

    def __init__(self) -> None:
        super().__init__()
        self._timestamp = -1
        self._code = -1
        self._duration = 0
        self._before = 0  # the duration of the segments before this one
        self._has_ended = False  # what has another timestamp is another event

    def translate(self, payload: bytes, timestamp: int, from_hz: int, to_hz: int) -> EventFrame:
        """The packet in the other clock. `timestamp` names the event, or its segment."""
        code, flags, duration = -1, 0, 0
        if len(payload) >= PAYLOAD.size:
            code, flags, duration = PAYLOAD.unpack_from(payload)
        begins = False
        if timestamp != self._timestamp:
            step = (timestamp - self._timestamp) & 0xFFFFFFFF
            is_same = code == self._code and not self._has_ended
            if is_same and _goes_on(step, self._duration):
                self._before += step
            else:
                begins, self._before, self._has_ended = True, 0, False
            self._timestamp, self._code, self._duration = timestamp, code, 0
        self._duration = max(self._duration, duration)
        self._has_ended = self._has_ended or bool(flags & _END_BIT)
        if code < 0:
            return EventFrame(payload, begins, 0)
        return _segmented(code, flags, (self._before + duration) * to_hz // from_hz, begins=begins)
