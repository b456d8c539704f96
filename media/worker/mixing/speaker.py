"""One leg whose speech is mixed: a listener of its stream that keeps frames for the clock."""

from collections.abc import Callable

from ...sound import g711
from ..peer_stream import PeerStream
from .speech_queue import Samples, SpeechQueue


class Speaker:
    """Takes what the peer of one leg says from now on. `on_gone` is told that the leg is closed."""

    __slots__ = ("_on_gone", "_source", "queue")

    relayed = None
    """It is never sent on packet by packet (see StreamListener)."""

    takes_any_codec = False
    """What it mixes is decoded."""

    takes_wide = False
    """What it mixes has 8 kHz."""

    def __init__(self, source: PeerStream, on_gone: "Callable[[Speaker], None]") -> None:
        self._source: PeerStream | None = source
        self._on_gone = on_gone
        self.queue = SpeechQueue()
        source.settle()
        source.listeners.append(self)

    @property
    def source(self) -> PeerStream | None:
        """Whose speech it is; None once that leg is closed, or nobody hears it."""
        return self._source

    def take(self) -> Samples:
        """The next 20 ms."""
        return self.queue.take()

    def leave(self) -> None:
        """Take no more of the stream. Idempotent."""
        source, self._source = self._source, None
        if source is not None:
            source.settle()
            source.listeners.remove(self)

    # -- what comes of the stream -----------------------------------------------------------------

    def relay_audio(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        codec: str,
        now: float,
    ) -> None:
        """See StreamListener."""
        if payload:
            self.queue.put(timestamp, g711.decode(payload, codec))

    def relay_event(
        self,
        source: PeerStream,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload: bytes,
        now: float,
    ) -> None:
        """See StreamListener. Keys are no speech: the engine sends them on where they belong."""

    def relay_nothing(self, source: PeerStream, sequence: int) -> None:
        """See StreamListener."""

    def relay_noise(
        self, source: PeerStream, sequence: int, timestamp: int, payload: bytes, now: float
    ) -> None:
        """See StreamListener. Who pauses is silent in the sum."""

    def fill_gap(self, now: float) -> None:
        """See StreamListener. Who says nothing is silent in the sum."""

    def hear_silence(self, now: float) -> None:
        """The leg is closed: what it has said already is said to its end."""
        self.leave()
        self._on_gone(self)
