"""How loud a G.711 payload is: what distinguishes talking from silence.

Levels are RMS in dBFS of a sine, where 0 dBFS is a sine that touches full scale; 0 dBm0 lies
3.14 dB below.
"""

import math
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


def level_dbfs(payload: bytes, codec: str) -> float:
    """The level of a payload, FLOOR_DBFS at the least and for an empty one.

    KeyError for a codec that is not G.711.
    """
    powers = _POWER[codec][np.frombuffer(payload, np.uint8)]
    mean = float(powers.mean(dtype=np.float64)) if len(powers) else 0.0
    return 10 * math.log10(max(mean, 10 ** (FLOOR_DBFS / 10)))


def step_levels_dbfs(payload: bytes, codec: str, samples: int) -> NDArray[np.float32]:
    """The level of each window of this length. An incomplete window at the end is left out."""
    powers = _POWER[codec][
        np.frombuffer(payload[: len(payload) - len(payload) % samples], np.uint8)
    ]
    means = powers.reshape(-1, samples).mean(axis=1)
    levels: NDArray[np.float32] = 10 * np.log10(np.maximum(means, 10 ** (FLOOR_DBFS / 10)))
    return levels
