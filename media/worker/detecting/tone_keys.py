"""The keys that one leg presses as sound."""

from collections.abc import Callable
from typing import Final, Protocol

from ...relay.tables import CODECS, KEPT_BYTES
from ...rtp.rtp import FRAME_SAMPLES
from ...sound.dtmf.detector import DtmfDetector
from .ordered_sound import OrderedSound, SoundPacket

_KEPT_PACKETS: Final = KEPT_BYTES // FRAME_SAMPLES


class WatchedFlow(Protocol):
    """The part of a relay's row that looks for keys as sound."""

    def watch_tones(self, kept: bytes) -> None:
        """Have what may be a key handed over, after these newest payloads; with none no more."""

    def kept(self) -> bytes:
        """The newest payloads."""


class ToneKeys:
    """Listens to one stream. `on_key` gets each key at its end, and its length in ms.

    A relay that looks for keys may have the stream while none is heard: it hands over what may be
    one, and keeps what came just before that.
    """

    __slots__ = ("_detector", "_flow", "_newest", "_on_key", "_recent", "_sound")

    def __init__(self, on_key: Callable[[str, int], None]) -> None:
        self._sound = OrderedSound()
        self._detector = DtmfDetector()
        self._on_key = on_key
        self._flow: WatchedFlow | None = None
        self._newest = (-1, 0, "")  # epoch, sequence and codec
        self._recent = b""  # the payloads of the newest packets, which follow each other

    def use_relay(self, flow: WatchedFlow | None) -> None:
        """By which row the relay may have the stream; None: it may not. It has not meanwhile."""
        if self._flow is not None:
            self._flow.watch_tones(b"")
        self._flow = flow

    @property
    def may_be_relayed(self) -> bool:
        """Whether no key is heard, and it is known what the relay would go on with."""
        is_whole = len(self._recent) == KEPT_BYTES and self._newest[2] in CODECS
        is_quiet = self._detector.is_idle and self._sound.is_complete
        return self._flow is not None and is_whole and is_quiet

    def relay_goes_on(self) -> None:
        """The relay has the stream from the next packet on."""
        assert self._flow is not None
        self._flow.watch_tones(self._recent)

    def relayed(self, packets: int, newest: SoundPacket, now: float) -> None:
        """The relay has forwarded so many packets, in which no key was, the last as `newest` says.

        A key may begin in what it has kept of them.
        """
        assert self._flow is not None
        kept, count = self._flow.kept(), min(packets, _KEPT_PACKETS)
        if packets > count:
            self._sound.restart()
            self._detector.restart()
        for before in range(count - 1, -1, -1):
            end = KEPT_BYTES - before * FRAME_SAMPLES
            payload = kept[end - FRAME_SAMPLES : end]
            self.hear(newest._replace(sequence=newest.sequence - before, payload=payload), now)

    def hear(self, packet: SoundPacket, now: float) -> None:
        """A packet has come."""
        follows = self._newest == (packet.epoch, packet.sequence - 1, packet.codec)
        recent = self._recent if follows and len(packet.payload) == FRAME_SAMPLES else b""
        self._recent = (recent + packet.payload)[-KEPT_BYTES:]
        self._newest = packet.epoch, packet.sequence, packet.codec
        for samples in self._sound.receive(packet):
            for digit, duration_ms in self._detector.feed(samples):
                self._on_key(digit, duration_ms)
