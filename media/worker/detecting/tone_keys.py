"""The keys that one leg presses as sound."""

from collections.abc import Callable

from ...sound.dtmf.detector import DtmfDetector
from .ordered_sound import OrderedSound, SoundPacket


class ToneKeys:
    """Listens to one stream. `on_key` gets each key at its end, and its length in ms."""

    __slots__ = ("_detector", "_on_key", "_sound")

    def __init__(self, on_key: Callable[[str, int], None]) -> None:
        self._sound = OrderedSound()
        self._detector = DtmfDetector()
        self._on_key = on_key

    def hear(self, packet: SoundPacket, now: float) -> None:
        """A packet has come."""
        for samples in self._sound.receive(packet):
            for digit, duration_ms in self._detector.feed(samples):
                self._on_key(digit, duration_ms)
