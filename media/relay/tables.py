"""The tables of the relay: which samples are loud, how they are converted, how a stream goes on."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..rtp.rtp import FRAME_SAMPLES
from ..sound.dtmf import detector
from ..sound.g711 import ALAW_TO_ULAW, SAMPLE_RATE_HZ, ULAW_TO_ALAW, decode
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

KEPT_BYTES: Final = 2 * FRAME_SAMPLES
"""What a relay that looks for keys as sound keeps of a stream: the newest two payloads."""


def _made_good(hz: float) -> float:
    """How much more, as a square, the detector may take a tone for than it finds at `hz`."""
    bins = detector.MOST_OFF * hz * detector.WINDOW / SAMPLE_RATE_HZ
    return (1 + detector.BESIDE * bins**2) ** 2


def _tone_tables() -> bytes:
    """See tone_gate.h. The limits are those of the detector, with a little to spare."""
    least_strength = (0.99 * detector.LEAST_AMPLITUDE) ** 2
    limits = (
        least_strength / 4,  # no shaped window makes more than six times its power of two tones
        least_strength,
        _made_good(max(detector.LOW_HZ)),
        _made_good(max(detector.HIGH_HZ)),
        0.95 * detector.LEAST_SHARE,
        1.05 * detector.MOST_OTHERS**2,
        1.05 * detector.MOST_HIGH_OVER_LOW**2,
        1.05 * detector.MOST_LOW_OVER_HIGH**2,
    )
    probes = np.stack((detector.PROBES.real, detector.PROBES.imag), axis=1)
    parts: tuple[NDArray[Any], ...] = (
        *(decode(bytes(range(256)), codec) for codec in CODECS),
        probes.reshape(-1, detector.WINDOW).T,
        detector.POWER_SHAPE,
        np.array(limits),
    )
    return b"".join(part.astype(np.float32).tobytes() for part in parts)


TONE_TABLES: Final = _tone_tables()
"""How a relay looks for what may be a key as sound."""
