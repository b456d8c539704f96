"""G.711 written out from ITU-T G.711 once more, so that what the engine sends is judged by others.

Decoding follows the segments of the recommendation; encoding looks for the nearest decoded value.
"""

import numpy as np
from numpy.typing import NDArray


def _ulaw_values() -> NDArray[np.int16]:
    values = []
    for code in range(256):
        inverted = ~code & 0xFF
        magnitude = (((inverted & 0x0F) << 3) + 0x84 << (inverted >> 4 & 7)) - 0x84
        values.append(-magnitude if inverted & 0x80 else magnitude)
    return np.array(values, np.int16)


def _alaw_values() -> NDArray[np.int16]:
    values = []
    for code in range(256):
        toggled = code ^ 0x55
        segment = toggled >> 4 & 7
        magnitude = ((toggled & 0x0F) << 4) + 8
        if segment:
            magnitude = magnitude + 0x100 << segment - 1
        values.append(magnitude if toggled & 0x80 else -magnitude)
    return np.array(values, np.int16)


_VALUES = {"PCMU": _ulaw_values(), "PCMA": _alaw_values()}


def decode(codec: str, payload: bytes) -> NDArray[np.int16]:
    """Samples of a payload."""
    return _VALUES[codec][np.frombuffer(payload, np.uint8)]


def encode(codec: str, samples: NDArray[np.int16]) -> bytes:
    """The payload whose decoded samples are nearest to `samples`."""
    order = np.argsort(_VALUES[codec], kind="stable")
    values = _VALUES[codec][order].astype(np.int32)
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    nearer_left = samples - values[right - 1] < values[right] - samples
    return order[right - nearer_left].astype(np.uint8).tobytes()
