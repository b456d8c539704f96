"""What one leg hears of another where its packets cannot be passed on as they are.

The stream is decoded through a playout buffer, by the clock, and encoded for the peer that hears
it. Keys that are pressed go with it, as telephone-events of the peer's own clock.
"""

from typing import Final

from ...codec.codec import Decoder, Samples
from ...codec.formats import Format, decoder_of
from ...rtp.outgoing_stream import OutgoingStream
from ...rtp.telephone_event import EventTranslator
from .playout_buffer import PlayoutBuffer

_FITTING: Final = 50  # packets that need not be coded anew, before they are passed on again
_KEY_S: Final = 0.1  # no sound is sent beside a key, nor for so long after a packet of it
_KEY_END_S: Final = 0.02  # the same, after one that says that it has ended
_END_BIT: Final = 0x80


class Transcoder:
    """One stream that is heard at `rate_hz`."""

    __slots__ = (
        "_buffer",
        "_events",
        "_fitting",
        "_key_until",
        "is_heard",
    )

    def __init__(self, rate_hz: int) -> None:
        def make(codec: str) -> Decoder:
            return decoder_of(Format(codec), rate_hz)

        self._buffer = PlayoutBuffer(rate_hz, make)
        self._fitting = 0
        self._events = EventTranslator()
        self._key_until = 0.0
        self.is_heard = False
        """Whether a frame of it has been sent."""

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to be heard yet."""
        return self._buffer.has_begun

    @property
    def buffer(self) -> PlayoutBuffer:
        """Where packets wait."""
        return self._buffer

    def note(self, *, fits: bool) -> bool:
        """A packet has come that could be passed on as it is, or not; whether all do by now."""
        self._fitting = self._fitting + 1 if fits else 0
        return self._fitting >= _FITTING

    def next_frame(self, now: float) -> Samples | None:
        """The next 20 ms; None while a key is pressed."""
        samples = self._buffer.next_frame(now)
        return None if now < self._key_until else samples

    def event(
        self,
        stream: OutgoingStream,
        payload: bytes,
        timestamp: int,
        clocks_hz: tuple[int, int],
        now: float,
    ) -> tuple[int, bool, bytes]:
        """Give a packet of a key its place in `stream`: timestamp, marker and payload.

        `clocks_hz` is the clock of the event, and that of the peer's own events. The end of a key
        is sent three times; what is said again meanwhile makes no other key of it.
        """
        has_ended = len(payload) > 1 and payload[1] & _END_BIT
        self._key_until = now + (_KEY_END_S if has_ended else _KEY_S)
        frame = self._events.translate(payload, timestamp, *clocks_hz)
        placed = self._events.place(frame, stream, clocks_hz[1], now)
        return placed, frame.begins, frame.payload
