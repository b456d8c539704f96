"""Some answers as `python -m scripts.detection --half tuning --save DIRECTORY` makes them.

They are in answers.npz as PCMA, and named after their label, so that no test needs espeak-ng.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.sound.g711 import decode

_FILE = Path(__file__).parent / "answers.npz"


def answers() -> dict[str, NDArray[np.int16]]:
    """The sounds by name: "human-002"."""
    with np.load(_FILE) as kept:
        return {name: decode(kept[name].tobytes(), "PCMA") for name in kept.files}
