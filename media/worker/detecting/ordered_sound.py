"""A stream as sound for who looks at it: its packets in order, and what is lost concealed.

Nobody listens, so nothing waits for a clock: what comes in order is there at once, and a packet
that is missing is waited for until two later ones have come.
"""

from typing import NamedTuple

from ...codec.codec import CodecError, Samples
from ...codec.concealing_decoder import ConcealingDecoder
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

    __slots__ = ("_codec", "_decoder", "_epoch", "_order")

    def __init__(self) -> None:
        self._order = InOrder[SoundPacket]()
        self._epoch = -1
        self._codec = ""
        self._decoder: ConcealingDecoder | None = None

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
        heard: list[Samples] = []
        for missing, one in self._order.put(packet.sequence & 0xFFFF, packet):
            decoder = self._decoder_of(one.codec) if one.codec else None
            if decoder is not None:
                heard += decoder.made_up(missing, one.payload)
                heard.append(decoder.decode(one.payload))
        return heard

    def _decoder_of(self, codec: str) -> ConcealingDecoder | None:
        if codec != self._codec:
            self._codec = codec
            try:
                self._decoder = ConcealingDecoder(decoder_of(Format(codec), CLOCK_HZ))
            except CodecError:  # it was never agreed on
                self._decoder = None
        return self._decoder
