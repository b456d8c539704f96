"""What every codec can do. Samples are int16, one channel."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]


class CodecError(Exception):
    """A payload that cannot be decoded, or a codec that does not work here; says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoder(Protocol):
    """Decodes the payloads of one stream, in order.

    `rate_hz` is that of the samples it gives, `clock_hz` that of the RTP timestamps, which differ
    for G.722 (RFC 3551 section 4.5.2) and Opus (RFC 7587 section 4.1). `channels` is what is heard:
    always one.
    """

    @property
    def name(self) -> str:
        """The encoding name of RFC 3551, in capitals."""

    @property
    def rate_hz(self) -> int:
        """Samples a second that come out."""

    @property
    def clock_hz(self) -> int:
        """Steps a second of the RTP timestamp."""

    @property
    def channels(self) -> int:
        """How many channels come out."""

    def decode(self, payload: bytes) -> Samples:
        """The samples of the next payload, which may be of any length. Raises CodecError."""

    def conceal(self, samples: int) -> Samples:
        """At least so many samples in the place of what was lost, made of what was heard."""

    def recover(self, payload: bytes, samples: int) -> Samples:
        """The same, where `payload` is the one after what was lost, and may say something of it."""


class Encoder(Protocol):
    """Encodes one stream. The members are those of a decoder; `rate_hz` is what it takes."""

    @property
    def name(self) -> str:
        """The encoding name of RFC 3551, in capitals."""

    @property
    def rate_hz(self) -> int:
        """Samples a second that it takes."""

    @property
    def clock_hz(self) -> int:
        """Steps a second of the RTP timestamp."""

    @property
    def channels(self) -> int:
        """How many channels go in."""

    def encode(self, samples: Samples) -> bytes:
        """The payload of one packet, 10 to 60 ms of samples. Raises CodecError."""

    def expect_loss(self, share: float) -> None:
        """Of what is sent, this share is lost on the way, from 0 to 1; at first it is none."""
