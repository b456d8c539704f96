"""How loud G.711 payloads are, many at once: what tells talking from silence.

Levels are RMS in dBFS of a sine, where 0 dBFS is a sine that touches full scale; 0 dBm0 lies
3.14 dB below. Payloads may be of different lengths and codecs.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .g711 import decode

FLOOR_DBFS: Final = -96.0  # what digital silence counts as
SILENT_DBFS: Final = -50.0  # speech lies between -40 and -10, the noise of a good line under -60

_LOUD: Final = 150  # of 32768: -47 dB of full scale
LOUD: Final[dict[str, bytes]] = {
    codec: bytes(abs(int(value)) >= _LOUD for value in decode(bytes(range(256)), codec))
    for codec in ("PCMU", "PCMA")
}
"""By codec, for each byte: whether it is a sample that can be heard."""

_FULL_SCALE_POWER = 32768.0**2 / 2


def _power_table(codec: str) -> NDArray[np.float32]:
    samples = decode(bytes(range(256)), codec).astype(np.float64)
    # A-law has no zero: its two smallest values are its silence.
    power = np.where(np.abs(samples) <= 8, 0.0, samples**2 / _FULL_SCALE_POWER)
    table: NDArray[np.float32] = power.astype(np.float32)
    return table


_POWER: Final = {codec: _power_table(codec) for codec in ("PCMU", "PCMA")}
# One table for both, so that a batch of mixed codecs is one lookup: A-law's 256 after u-law's.
_BOTH_POWERS = np.concatenate([_POWER["PCMU"], _POWER["PCMA"]])
_TABLE_START: Final = {"PCMU": 0, "PCMA": 256}


def levels_dbfs(payloads: Sequence[bytes], codecs: Sequence[str]) -> NDArray[np.float64]:
    """The level of each payload in its codec, FLOOR_DBFS at the least and for an empty one.

    KeyError for a codec that is not G.711, ValueError unless there is one codec for each payload.
    """
    if len(payloads) != len(codecs):
        raise ValueError(f"{len(payloads)} payloads but {len(codecs)} codecs")
    if not payloads:
        return np.zeros(0, np.float64)
    lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
    codes = np.frombuffer(b"".join(payloads), np.uint8)
    if len(set(codecs)) == 1:
        powers = _POWER[codecs[0]][codes]
    else:
        starts = np.array([_TABLE_START[codec] for codec in codecs], np.uint16)
        powers = _BOTH_POWERS[codes + np.repeat(starts, lengths)]
    mean = np.zeros(len(payloads), np.float64)
    sounding = lengths > 0
    if len(codes):
        ends = np.cumsum(lengths[sounding])
        sums = np.add.reduceat(powers, ends - lengths[sounding])
        mean[sounding] = sums / lengths[sounding]
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(mean, 10 ** (FLOOR_DBFS / 10)))
    return levels


def level_dbfs(payload: bytes, codec: str) -> float:
    """The level of one payload; see `levels_dbfs`."""
    return float(levels_dbfs([payload], [codec])[0])


def silent(
    payloads: Sequence[bytes], codecs: Sequence[str], threshold_dbfs: float = SILENT_DBFS
) -> NDArray[np.bool_]:
    """Which payloads lie under the threshold; see `levels_dbfs`."""
    quiet: NDArray[np.bool_] = levels_dbfs(payloads, codecs) < threshold_dbfs
    return quiet


def is_silent(payload: bytes, codec: str, threshold_dbfs: float = SILENT_DBFS) -> bool:
    """Whether one payload lies under the threshold; see `levels_dbfs`."""
    return level_dbfs(payload, codec) < threshold_dbfs
