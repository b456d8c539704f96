"""Speech without the process that speaks, for tests that are about anything but its sound."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from media.speech.speech_pool import Sound
from media.speech.synthesizer import Synthesizer

RATE_HZ = 8000
SPOKEN_S = 0.5


class QuietSynthesizer(Synthesizer):
    """A Synthesizer that says every text as half a second of silence, in any voice."""

    def prepare(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """There is nothing to end."""

    def _speak(self, words: str, voice: str, rate_wpm: int) -> Sound:
        return Sound(bytes(2 * int(SPOKEN_S * RATE_HZ)), RATE_HZ)


@contextmanager
def quiet_speech() -> Iterator[None]:
    """Engines made and started meanwhile speak quietly."""
    with (
        patch("engine.call_parts.Synthesizer", QuietSynthesizer),
        patch("engine.preflight.Synthesizer", QuietSynthesizer),
    ):
        yield
