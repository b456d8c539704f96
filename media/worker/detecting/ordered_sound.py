"""A stream as sound for who looks at it: its packets in order, and what is lost concealed.

Nobody listens, so nothing waits for a clock: what comes in order is there at once, and a packet
that is missing is waited for until two later ones have come.
"""

from typing import NamedTuple

from ...codec.codec import CodecError, Decoder, Samples
from ...codec.formats import Format, decoder_of
from ...rtp.in_order import InOrder
from ...rtp.rtp import CLOCK_HZ


class SoundPacket(NamedTuple):
    """A packet of any codec (codec/formats.py), or with an empty name one that is no sound.

    Sequence numbers of one `epoch` are of one stream.
    """

    epoch: int
    sequence: int
    codec: str
    payload: bytes


class OrderedSound:
    """int16 samples, 8,000 a second, of one stream."""

    __slots__ = ("_codec", "_decoder", "_epoch", "_newest_samples", "_order")

    def __init__(self) -> None:
        self._order = InOrder[SoundPacket]()
        self._epoch = -1
        self._codec = ""
        self._decoder: Decoder | None = None
        self._newest_samples = 0  # of the newest packet

    @property
    def is_complete(self) -> bool:
        """Whether no packet waits for one before it."""
        return self._order.is_complete

    def restart(self) -> None:
        """What comes does not follow what came."""
        self._order.restart()

    def receive(self, packet: SoundPacket) -> list[Samples]:
        """A packet has come: what is heard by that, piece by piece."""
        if packet.epoch != self._epoch:
            self._order.restart()
            self._epoch = packet.epoch
        heard = []
        for missing, one in self._order.put(packet.sequence & 0xFFFF, packet):
            decoder = self._decoder_of(one.codec) if one.codec else None
            if decoder is None:
                continue
            if missing and self._newest_samples:
                heard.append(self._concealed(decoder, one.payload, missing))
            try:
                samples = decoder.decode(one.payload)
            except CodecError:  # as good as lost
                samples = decoder.conceal(self._newest_samples)
            self._newest_samples = len(samples)
            heard.append(samples)
        return heard

    def _concealed(self, decoder: Decoder, following: bytes, missing: int) -> Samples:
        """So many packets, as long as the one before them."""
        samples = missing * self._newest_samples
        if missing == 1:
            return decoder.recover(following, samples)[:samples]
        return decoder.conceal(samples)[:samples]

    def _decoder_of(self, codec: str) -> Decoder | None:
        if codec != self._codec:
            self._codec, self._newest_samples = codec, 0
            try:
                self._decoder = decoder_of(Format(codec), CLOCK_HZ)
            except CodecError:  # it was never agreed on
                self._decoder = None
        return self._decoder
