"""Who or what has answered on a leg: asked of the media worker, noted and published."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.detection_limits import DetectionLimits
from media.detection_phrases import Phrases
from media.protocol.messages import BeepHeard, Detected, MachineSuspected

from ...job import LegRecord
from .leg_listener import LegListener

if TYPE_CHECKING:
    from .leg_media import LegMedia


class DetectedAnswer:
    """The part of a leg that knows who or what has answered."""

    record: LegRecord
    _media: "LegMedia"
    _listeners: tuple[LegListener, ...]
    _publish: Callable[..., None]

    def detect(self, limits: DetectionLimits, phrases: Phrases | None = None) -> None:
        """Have the worker tell who or what speaks, from now on. Events and the record say it.

        With `phrases` a recogniser listens, too, and `hear_words` is called with what it hears.
        """
        self._tell_stopped()
        self._media.detect(limits, phrases)

    def hear_words(self, text: str | None, *, is_final: bool = True) -> None:
        """A recogniser has heard this, or seems to; None: it has gone."""
        self._media.hear_words(text, is_final=is_final)

    def stop_detecting(self) -> None:
        """It is of no interest any more."""
        self._tell_stopped()
        self._media.stop_detecting()

    def _tell_stopped(self) -> None:
        for listener in self._listeners:
            listener.detection_stopped(self)  # type: ignore[arg-type]

    def note_answer(self, found: Detected | MachineSuspected | BeepHeard) -> None:
        """The worker has found something out."""
        match found:
            case Detected():
                self.record.answered_by = found.label
                self._publish(
                    "call.detected",
                    self,
                    label=found.label,
                    after_ms=found.after_ms,
                    reason=found.reason,
                    greeting_ms=found.greeting_ms,
                    phrases=found.phrases,
                )
            case BeepHeard():
                self._publish(
                    "call.beep",
                    self,
                    after_ms=found.after_ms,
                    duration_ms=found.duration_ms,
                    hz=found.hz,
                )
        for listener in self._listeners:
            listener.answer_found(self, found)  # type: ignore[arg-type]
