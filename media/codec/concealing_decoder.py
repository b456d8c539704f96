"""A decoder that makes up what is lost, for packets that are put into order without a clock."""

from .codec import CodecError, Decoder, Samples


class ConcealingDecoder:
    """Decodes one stream in order. What is lost counts as long as the packet before it."""

    __slots__ = ("_decoder", "packet_samples")

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.packet_samples = 0
        """How long the newest packet is."""

    @property
    def rate_hz(self) -> int:
        """Samples a second that come out."""
        return self._decoder.rate_hz

    @property
    def clock_hz(self) -> int:
        """Steps a second of the RTP timestamp."""
        return self._decoder.clock_hz

    def decode(self, payload: bytes) -> Samples:
        """The next packet. One that cannot be decoded is as good as lost."""
        try:
            samples = self._decoder.decode(payload)
        except CodecError:
            return self._concealed()
        self.packet_samples = len(samples)
        return samples

    def made_up(self, packets: int, following: bytes) -> list[Samples]:
        """What stands for so many lost packets, each by itself; `following` is the next payload."""
        size = self.packet_samples
        if not packets or not size:
            return []
        concealed = [self._concealed() for _ in range(packets - 1)]
        return [*concealed, self._decoder.recover(following, size)[:size]]

    def _concealed(self) -> Samples:
        size = self.packet_samples
        return self._decoder.conceal(size)[:size]
