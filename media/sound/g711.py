"""G.711 speech coding: PCMU (u-law) and PCMA (A-law), 8000 samples a second, one byte each.

`codec` is the encoding name of RFC 3551, "PCMU" or "PCMA", everywhere. The tables are computed
from the decision and output values of ITU-T G.711 (tables 1 and 2). G.711 defines u-law for 14-bit
and A-law for 13-bit uniform samples; int16 samples are brought to these by arithmetic shift, as is
usual. A decoded sample is the output value, shifted back to int16.
"""

from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 8000
FRAME_SAMPLES: Final = 160  # 20 ms
FULL_SCALE_DBM0: Final = 3.14  # a sine that touches full scale; 3.14 for A-law, 3.17 for u-law

_ULAW_BIAS = 33


def _ulaw_values() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Lower decision values and output values of the 128 positive intervals, in 14 bits."""
    interval = np.arange(128)
    segment, step = interval >> 4, interval & 15
    lower = ((2 * step + 32) << segment) - _ULAW_BIAS
    output = ((2 * step + 33) << segment) - _ULAW_BIAS
    return lower.astype(np.int32), output.astype(np.int32)


def _alaw_values() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Lower decision values and output values of the 128 positive intervals, in 13 bits."""
    interval = np.arange(128)
    segment, step = interval >> 4, interval & 15
    shift = np.maximum(segment - 1, 0)
    lower = np.where(segment == 0, 2 * step, (2 * step + 32) << shift)
    return lower.astype(np.int32), (lower + (1 << shift)).astype(np.int32)


def _ulaw_tables() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    lower, output = _ulaw_values()
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    interval = np.searchsorted(lower, np.abs(samples), side="right") - 1
    # All bits are inverted on the line; the sign bit is 1 for positive values (table 2a, note 2).
    encode = np.where(samples < 0, 0x7F, 0xFF) ^ interval
    decode = np.empty(256, np.int16)
    decode[0xFF ^ np.arange(128)] = output << 2
    decode[0x7F ^ np.arange(128)] = -(output << 2)
    return encode.astype(np.uint8), decode


def _alaw_tables() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    lower, output = _alaw_values()
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    # A-law has no zero output: negative 13-bit values begin at -1, hence the one's complement.
    magnitude = np.where(samples < 0, ~samples, samples)
    interval = np.searchsorted(lower, magnitude, side="right") - 1
    # Even bits are inverted on the line; the sign bit is 1 for positive values (table 1a, note 2).
    encode = np.where(samples < 0, 0x55, 0xD5) ^ interval
    decode = np.empty(256, np.int16)
    decode[0xD5 ^ np.arange(128)] = output << 3
    decode[0x55 ^ np.arange(128)] = -(output << 3)
    return encode.astype(np.uint8), decode


_ENCODE_ULAW, _DECODE_ULAW = _ulaw_tables()
_ENCODE_ALAW, _DECODE_ALAW = _alaw_tables()
_ENCODE: Final = {"PCMU": _ENCODE_ULAW, "PCMA": _ENCODE_ALAW}
_DECODE: Final = {"PCMU": _DECODE_ULAW, "PCMA": _DECODE_ALAW}


def encode(samples: NDArray[np.int16], codec: str) -> bytes:
    """G.711 bytes of int16 samples; KeyError for a codec that is not G.711."""
    return _ENCODE[codec][np.ascontiguousarray(samples).view(np.uint16)].tobytes()


def decode(payload: bytes | bytearray | memoryview, codec: str) -> NDArray[np.int16]:
    """int16 samples of G.711 bytes; KeyError for a codec that is not G.711."""
    return _DECODE[codec][np.frombuffer(payload, np.uint8)]


def _translations() -> tuple[bytes, bytes]:
    """Direct conversion by interval number, ITU-T G.711 tables 3 and 4.

    Not the same as decoding and encoding again: the tables are chosen so that u-A-u and A-u-A give
    back what went in wherever the coarser law can carry it. Entries 80 (u to A) and 79 (A to u)
    are as corrected in 1994, without which interval 79 of A-law was lost.
    """
    to_alaw = [
        *chain.from_iterable((n, n) for n in range(8)),
        *range(8, 25),
        *(26, 28, 30),
        *range(32, 44),
        45,
        *range(47, 62),
        *range(63, 80),
        *range(81, 128),
    ]
    to_ulaw = [
        *range(1, 16, 2),
        *range(16, 32),
        *chain.from_iterable((n, n) for n in range(32, 36)),
        *range(36, 48),
        *(48, 48, 49, 49),
        *range(50, 64),
        *(64, 64),
        *range(65, 80),
        *(80, 80),
        *range(81, 128),
    ]
    ulaw_to_alaw, alaw_to_ulaw = bytearray(256), bytearray(256)
    for interval in range(128):
        ulaw_to_alaw[0xFF ^ interval] = 0xD5 ^ to_alaw[interval]
        ulaw_to_alaw[0x7F ^ interval] = 0x55 ^ to_alaw[interval]
        alaw_to_ulaw[0xD5 ^ interval] = 0xFF ^ to_ulaw[interval]
        alaw_to_ulaw[0x55 ^ interval] = 0x7F ^ to_ulaw[interval]
    return bytes(ulaw_to_alaw), bytes(alaw_to_ulaw)


ULAW_TO_ALAW, ALAW_TO_ULAW = _translations()
"""Tables for bytes.translate."""

TRANSLATION: Final[dict[tuple[str, str], bytes | None]] = {
    ("PCMU", "PCMU"): None,
    ("PCMA", "PCMA"): None,
    ("PCMU", "PCMA"): ULAW_TO_ALAW,
    ("PCMA", "PCMU"): ALAW_TO_ULAW,
}
"""From the codec received to the codec sent, a table for bytes.translate where they differ."""

SILENCE: Final = {
    codec: encode(np.zeros(FRAME_SAMPLES, np.int16), codec) for codec in ("PCMU", "PCMA")
}
"""One frame of silence by codec."""
