"""The sound of a leg between a media worker and the stream host: G.711, or samples at 16 kHz."""

from typing import Final

from ..sound import g711, l16
from .sample_rate import Samples

FRAME_MS: Final = 20
WIDE: Final = "L16/16000"
"""Each of its samples has two bytes."""


def rate_hz(codec: str) -> int:
    """Samples a second of the sound that it carries."""
    return 16000 if codec == WIDE else 8000


def encode(samples: Samples, codec: str) -> bytes:
    """The payload of these samples."""
    if codec == WIDE:
        return l16.encode(samples)
    return g711.encode(samples, codec)


def silence(codec: str) -> bytes:
    """A payload of 20 ms in which nothing is heard."""
    return bytes(640) if codec == WIDE else g711.SILENCE[codec]
