"""The sum of what others say, as a source of a leg: how it is come to, and left."""

from collections.abc import Callable
from typing import Any, Final

from ..rtp.outgoing_stream import OutgoingStream
from ..sound.fade import FADE_SAMPLES, crossfade, going_on
from ..sound.form import SILENCE, WIDE, form_of, tick_bytes
from ..sound.frames import SpeakingSources
from .clip_playout import ClipPlayout

# What was relayed is faded out where it was sent until just now: receivers conceal older gaps.
TAIL_S: Final = 0.05


class SumPlayout(ClipPlayout):
    """Passes from clips and relayed packets into a sum, and out of it. The mixer makes the sum."""

    __slots__ = ("_before", "_goes_on", "_is_in_sum", "_is_new", "_last_mixed")

    def __init__(
        self, stream: OutgoingStream, speaking: SpeakingSources[Any], ended: Callable[[int], None]
    ) -> None:
        super().__init__(stream, speaking, ended)
        self._before: bytes | None = None  # what the next frame, or the first packet, rises out of
        self._is_in_sum = False  # the peer hears the sum of what others say
        self._last_mixed = b""  # the last 10 ms of a sum
        self._is_new = False  # the peer that is heard has not been relayed yet
        # The next peer that is heard is the one who was in the sum, and rises out of this, if any.
        self._goes_on: bytes | None = None

    def _enter_sum(self, *, goes_on: bool) -> None:
        """Hear no clip any more; the first frame of the sum rises, unless it `goes_on`."""
        self._remember_loop()
        self._before = None if goes_on else self._falling() or self._speaking.ahead(self)
        self._speaking.remove_source(self)
        self._clip, self._loop, self._play = None, False, 0
        self._is_in_sum = True

    def let_fall(self) -> None:
        """What was relayed until now does not go on: it falls in the first frame of the sum."""
        self._before = self._falling()

    def let_sum_fall(self) -> None:
        """The sum that was sent falls in its next frame, which has one voice alone."""
        if self._last_mixed:
            self._before = going_on(self._last_mixed, self._mixed_form)

    @property
    def _mixed_form(self) -> str:
        return form_of(self._last_mixed, self.codec, FADE_SAMPLES)

    def pause_mixed(self, now: float) -> None:
        """What was heard falls into a frame of silence, out of which the sum rises."""
        frame = silence = SILENCE[self.form]
        before = self._falling()
        if before is not None and 2 * len(before) == len(silence):
            frame = crossfade(before, silence, self.form)
        if self._may_send:
            self._send_frame(frame, now)
        self._before = silence[: len(silence) // 2]

    def _risen(self, payload: bytes) -> bytes:
        """A frame of the sum as it is to be sent."""
        form = form_of(payload, self.codec)
        if self._before is not None and 2 * len(self._before) == len(payload):
            payload = crossfade(self._before, payload, form)
            self._before = None
        self._last_mixed = payload[-FADE_SAMPLES * tick_bytes(form) :]
        return payload

    def end_mix(self, now: float, *, falls: bool, rest: bytes = b"") -> None:
        """The peer hears no sum any more, and another source at once.

        Without `falls` that is the peer who was alone in the sum. Their next packet goes on: out of
        `rest`, the last of them, which made no frame.
        """
        self._goes_on = None if falls else _filled(rest, self.form)
        self._is_in_sum = False
        self._before = None
        if self._last_mixed and now - self.stream.sent_at <= TAIL_S:
            self._let_fall(going_on(self._last_mixed, self._mixed_form))
        self._last_mixed = b""

    def _break_off(self) -> None:
        """Silence comes before what was to go on where a sum ended: it rises out of that."""
        if self._goes_on is not None:
            self._goes_on, self._is_new = None, True


def _filled(rest: bytes, form: str) -> bytes:
    """What sounds are faded with, of less: its last sample is held. Empty where there is none."""
    sample = rest[-2:] if form == WIDE else rest[-1:]
    size = FADE_SAMPLES * tick_bytes(form)
    return (rest + sample * size)[:size]
