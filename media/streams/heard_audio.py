"""What a bot hears: the RTP of a leg, put into order, as frames of 20 ms without a gap.

Sans-IO. A media worker fills the pauses of a party who sends nothing, with noise where that is
described, so that only what is lost or late on the way has to be made up for here. It knows no
clock: nobody listens to a bot's frames as they come, and nothing waits that comes in order.
"""

from typing import Final

from ..codec.codec import Samples
from ..codec.concealing_decoder import ConcealingDecoder
from ..codec.formats import Format, decoder_of
from ..rtp.in_order import InOrder
from .leg_codec import FRAME_MS, rate_hz
from .messages import PAYLOAD_TYPES
from .sample_rate import RateConverter

_CODECS: Final = {number: codec for codec, number in PAYLOAD_TYPES.items()}
_HEADER_BYTES: Final = 12


class HeardAudio:
    """The sound of one leg as frames of int16 little endian at `to_hz`.

    Each packet may have any of the codecs of PAYLOAD_TYPES; most have `codec`.
    """

    def __init__(self, codec: str, to_hz: int) -> None:
        self._converter = RateConverter(rate_hz(codec), to_hz)
        self._frame_bytes = 2 * to_hz * FRAME_MS // 1000
        self._ssrc: int | None = None
        self._order = InOrder[tuple[str, bytes]]()
        self._decoders: dict[str, ConcealingDecoder] = {}
        self._decoder = self._decoder_of(codec)  # of the newest packet
        self._converted = bytearray()
        self._lost_ms = 0

    @property
    def lost_ms(self) -> int:
        """How much never came, and was made up."""
        return self._lost_ms

    def receive(self, packet: bytes) -> list[bytes]:
        """One packet of the media worker: the frames that are complete now."""
        codec = _CODECS.get(packet[1] & 0x7F) if len(packet) > _HEADER_BYTES else None
        if codec is None:
            return []
        sequence = int.from_bytes(packet[2:4], "big")
        ssrc = int.from_bytes(packet[8:12], "big")
        if ssrc != self._ssrc:
            self._order.restart()
            self._ssrc = ssrc
        for missing, (its_codec, payload) in self._order.put(
            sequence, (codec, packet[_HEADER_BYTES:])
        ):
            for samples in self._decoder.made_up(missing, payload):
                self._lost_ms += len(samples) * 1000 // self._decoder.rate_hz
                self._convert(samples)
            self._decoder = self._decoder_of(its_codec)
            self._convert(self._decoder.decode(payload))
        return self._frames()

    def _decoder_of(self, codec: str) -> ConcealingDecoder:
        decoder = self._decoders.get(codec)
        if decoder is None:
            decoder = ConcealingDecoder(decoder_of(Format(codec), rate_hz(codec)))
            self._decoders[codec] = decoder
        return decoder

    def _convert(self, samples: Samples) -> None:
        if self._decoder.rate_hz != self._converter.from_hz:
            self._converter = RateConverter(self._decoder.rate_hz, self._converter.to_hz)
        self._converted += self._converter.convert(samples).tobytes()

    def _frames(self) -> list[bytes]:
        size, sound = self._frame_bytes, self._converted
        if len(sound) < size:
            return []
        if len(sound) == size:
            self._converted = bytearray()
            return [bytes(sound)]
        whole = len(sound) // size * size
        frames = [bytes(sound[at : at + size]) for at in range(0, whole, size)]
        del sound[:whole]
        return frames
