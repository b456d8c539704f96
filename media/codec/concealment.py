"""Concealment of lost packets for codecs that have none of their own: PCMU, PCMA, G.722, L16.

The last period of the voice is repeated, and falls to silence within 60 ms, as in ITU-T G.711
Appendix I. Where the sound goes on it rises out of the repetition.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..sound.fade import risen, rising
from .codec import Samples
from .pitch import LONGEST_S, best_lag

_TEMPLATE_S: Final = 0.02
_HISTORY_S: Final = _TEMPLATE_S + LONGEST_S + 0.005
_FULL_S: Final = 0.01  # so long it is repeated as loud as it was
SILENT_AFTER_S: Final = 0.06
_MERGE_S: Final = 0.005
_LONGEST_MERGE_S: Final = 0.01


class Concealer:
    """What was heard of one stream lately, and what would come next."""

    __slots__ = ("_history", "_kept", "_needed", "_period", "_position", "_rate_hz")

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._history: deque[Samples] = deque()
        self._kept = 0
        self._needed = int(_HISTORY_S * rate_hz)
        self._period: NDArray[np.float32] | None = None  # what is repeated while something is lost
        self._position = 0  # samples concealed so far

    def heard(self, samples: Samples) -> Samples:
        """Note samples that were decoded; they come back, joined to what was concealed before."""
        if self._period is not None and len(samples):
            samples = self._merged(samples)
        history = self._history
        history.append(samples)
        self._kept += len(samples)
        while self._kept - len(history[0]) >= self._needed:
            self._kept -= len(history.popleft())
        return samples

    def conceal(self, samples: int) -> Samples:
        """So many samples that go on from what was heard."""
        if self._period is None:
            self._period, self._position = self._last_period(), 0
        made = self._next(samples)
        return np.rint(made).clip(-32768, 32767).astype(np.int16)

    def _next(self, count: int) -> NDArray[np.float32]:
        period = self._period
        assert period is not None
        place = np.arange(self._position, self._position + count)
        full, silent = _FULL_S * self._rate_hz, SILENT_AFTER_S * self._rate_hz
        gain = ((silent - place) / (silent - full)).clip(0.0, 1.0).astype(np.float32)
        self._position += count
        made: NDArray[np.float32] = period[place % len(period)] * gain
        return made

    def _last_period(self) -> NDArray[np.float32]:
        rate = self._rate_hz
        heard = np.concatenate(self._history) if self._history else np.zeros(0, np.int16)
        if len(heard) < self._needed:
            heard = np.concatenate((np.zeros(self._needed - len(heard), np.int16), heard))
        wide = heard.astype(np.float32)
        lag, _likeness = best_lag(wide, int(_TEMPLATE_S * rate), rate)
        period = wide[-lag:].copy()
        # The end of the period passes into what came before its beginning.
        overlap = lag // 4
        rise = rising(overlap)
        before = wide[-lag - overlap : -lag]
        period[-overlap:] = period[-overlap:] * (1 - rise) + before * rise
        return period

    def _merged(self, samples: Samples) -> Samples:
        concealed_s = self._position / self._rate_hz
        merge_s = min(_LONGEST_MERGE_S, _MERGE_S + concealed_s / 4)
        count = min(len(samples), int(merge_s * self._rate_hz))
        falling = self._next(count)
        self._period = None
        return risen(samples, falling)
