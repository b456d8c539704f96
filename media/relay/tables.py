"""The tables of the relay: which samples are loud, how they are converted, how a stream goes on."""

from typing import Final

from ..rtp.rtp import FRAME_SAMPLES
from ..sound.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from ..sound.level import LOUD

MAX_DATAGRAM_BYTES: Final = 2048

STEP: Final = (1 << 32) + FRAME_SAMPLES
"""From one 20 ms packet to the next, in the first eight bytes as one number."""

CODECS: Final[dict[str, int]] = {"PCMU": 0, "PCMA": 1}
"""By name, the row of LOUD_SAMPLES, for `Flow.codec`."""

TRANSLATIONS: Final[dict[tuple[str, str], int]] = {
    ("PCMU", "PCMU"): 0,
    ("PCMA", "PCMA"): 0,
    ("PCMU", "PCMA"): 1,
    ("PCMA", "PCMU"): 2,
}
"""From the codec received to the codec sent, the row of TRANSLATED_SAMPLES, for
`Flow.translation`; 0 leaves the payload alone."""

LOUD_SAMPLES: Final = b"".join(LOUD[codec] for codec in CODECS)
"""By codec, 256 bytes each: whether a sample can be heard."""

TRANSLATED_SAMPLES: Final = bytes(range(256)) + ULAW_TO_ALAW + ALAW_TO_ULAW
"""By translation, 256 bytes each: what a sample becomes."""
