"""What one speaker says, packet by packet as it comes, and frame by frame as the clock needs it."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...sound.fade import FADE_SAMPLES, rising
from ...sound.g711 import FRAME_SAMPLES

Samples = NDArray[np.int16]

_MOST_FRAMES: Final = 10  # in wait; more of them are too late to be part of a talk
_WATCHED_FRAMES: Final = 100  # a delay that was not needed for so long is taken back


def _fall(samples: int) -> NDArray[np.float32]:
    return rising(samples)[::-1]


_FALLS: Final = {1: _fall(FADE_SAMPLES), 2: _fall(2 * FADE_SAMPLES)}
_LONG_FALLS: Final = {1: _fall(FRAME_SAMPLES), 2: _fall(2 * FRAME_SAMPLES)}


class SpeechQueue:
    """The speech of one leg, of 8 kHz, or of 16 kHz with `per_tick` 2. It knows no clock: each
    `take` is 20 ms. Time stamps are ticks of 1/8000 s.

    The first frame can be taken as soon as it is there. A frame that is not there in time is
    silence, into which what was said falls, and out of which what comes next rises; what comes late
    is said late from then on. Where the delay was not needed for two seconds, 20 ms of it are taken
    back.
    """

    __slots__ = (
        "_is_starved",
        "_last",
        "_least",
        "_next",
        "_packets",
        "_per_tick",
        "_watched",
        "has_begun",
    )

    def __init__(self, per_tick: int = 1) -> None:
        self._per_tick = per_tick
        self._packets: deque[tuple[int, Samples]] = deque()
        self._next = 0  # the time stamp of the next sample to be taken
        self.has_begun = False
        self._is_starved = True  # the newest frame was silence for want of speech
        self._last = 0.0
        self._least = _MOST_FRAMES
        self._watched = 0

    @property
    def waiting(self) -> int:
        """How many whole frames have come and are not taken yet."""
        return 0 if not self._packets else max(0, self._end - self._next) // FRAME_SAMPLES

    @property
    def _end(self) -> int:
        timestamp, samples = self._packets[-1]
        return timestamp + self._ticks(samples)

    def _ticks(self, samples: Samples) -> int:
        return len(samples) // self._per_tick

    def put(self, timestamp: int, samples: Samples) -> None:
        """A packet has come. `timestamp` is that of its first sample, in 32 bits."""
        stamped = self._unwrapped(timestamp)
        if not self._packets and (self._is_starved or not self.has_begun):
            self._next = stamped
        if stamped + self._ticks(samples) <= self._next:
            return  # too late
        if abs(stamped - self._next) > 2 * _MOST_FRAMES * FRAME_SAMPLES:  # a clock of its own
            self._packets.clear()
            self._next = stamped
        packets = self._packets
        place = len(packets)
        while place and packets[place - 1][0] > stamped:
            place -= 1
        if place and packets[place - 1][0] == stamped:
            return
        packets.insert(place, (stamped, samples))
        if self.waiting > _MOST_FRAMES:
            self._next = self._end - _MOST_FRAMES * FRAME_SAMPLES // 2
            self._drop_past()

    def _unwrapped(self, timestamp: int) -> int:
        ticks = ((timestamp - self._next + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        return self._next + ticks

    def take(self) -> Samples:
        """The next 20 ms."""
        if not self.waiting:
            return self._silence()
        frame = self._frame(self._next)
        self._next += FRAME_SAMPLES
        if self._takes_delay_back():
            # What is left out passes into what follows it, so that nothing clicks.
            following = self._frame(self._next)
            self._next += FRAME_SAMPLES
            fall = _LONG_FALLS[self._per_tick]
            mixed = frame * fall + following * (1 - fall)
            frame = np.rint(mixed).astype(np.int16)
        self._drop_past()
        if self._is_starved and self.has_begun:
            fall = _FALLS[self._per_tick]
            rising = frame[: len(fall)] * (1 - fall)
            frame[: len(fall)] = np.rint(rising).astype(np.int16)
        self.has_begun = True
        self._is_starved = False
        self._last = float(frame[-1])
        return frame

    def peek(self) -> list[Samples]:
        """The whole frames that wait, without taking them."""
        return [self._frame(self._next + FRAME_SAMPLES * nth) for nth in range(self.waiting)]

    def _silence(self) -> Samples:
        frame = np.zeros(FRAME_SAMPLES * self._per_tick, np.int16)
        if not self._is_starved:
            fall = _FALLS[self._per_tick]
            frame[: len(fall)] = np.rint(self._last * fall).astype(np.int16)
        self._is_starved = True
        self._last = 0.0
        self._least, self._watched = _MOST_FRAMES, 0
        return frame

    def _takes_delay_back(self) -> bool:
        waiting = self.waiting
        self._least = min(self._least, waiting)
        self._watched += 1
        if self._watched < _WATCHED_FRAMES:
            return False
        is_too_much = self._least >= 2
        self._least, self._watched = _MOST_FRAMES, 0
        return is_too_much

    def _frame(self, start: int) -> Samples:
        """The 20 ms from `start` on; silence where a packet is missing."""
        size = FRAME_SAMPLES * self._per_tick
        frame = np.zeros(size, np.int16)
        for timestamp, samples in self._packets:
            at = (timestamp - start) * self._per_tick
            if at >= size:
                break
            if at + len(samples) > 0:
                begin, end = max(0, at), min(size, at + len(samples))
                frame[begin:end] = samples[begin - at : end - at]
        return frame

    def _drop_past(self) -> None:
        packets = self._packets
        while packets and packets[0][0] + self._ticks(packets[0][1]) <= self._next:
            packets.popleft()
