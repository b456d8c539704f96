"""Whether what is sent to a party comes back from it: the correlation of two envelopes."""

from collections import deque
from typing import Final, NamedTuple

import numpy as np

from .window import STEP_S, Window

LONGEST_S: Final = 0.6
_LAGS: Final = round(LONGEST_S / STEP_S)
_QUIET_DBFS: Final = -60.0  # below is noise, whatever it is
_LEAST_TALK_MS: Final = 400
_LEAST_CORRELATION: Final = 0.75
_LEAST_SPREAD_DB: Final = 5.0  # what is always as loud comes back at any delay
# So many of the newest windows have to have it, at one delay.
_LOOKS, _HITS = 5, 3
_SAME_MS: Final = 30


class Echo(NamedTuple):
    """How late what was sent comes back, and how much louder (below 0: softer)."""

    delay_ms: int
    level_db: float


class EchoFinder:
    """Looks for the echo of one party, which is not softer than `least_db`."""

    __slots__ = ("_found", "_least_db")

    def __init__(self, least_db: float) -> None:
        self._least_db = least_db
        self._found: deque[Echo | None] = deque(maxlen=_LOOKS)

    def add_windows(self, sent: Window, returned: Window) -> Echo | None:
        """The next windows of the same time. The echo, once it is sure."""
        if sent.talk_ms < _LEAST_TALK_MS:
            return None
        newest = echo_in(sent, returned)
        if newest is not None and newest.level_db < self._least_db:
            newest = None
        self._found.append(newest)
        if newest is None:
            return None
        same = [
            one
            for one in self._found
            if one is not None and abs(one.delay_ms - newest.delay_ms) <= _SAME_MS
        ]
        if len(same) < _HITS:
            return None
        level_db = float(np.median([one.level_db for one in same]))
        return Echo(newest.delay_ms, round(level_db, 1))


def echo_in(sent: Window, returned: Window) -> Echo | None:
    """What of `returned` looks like what was `sent`, at the delay at which it does most."""
    ours = np.maximum(sent.levels_dbfs, _QUIET_DBFS)
    theirs = np.maximum(returned.levels_dbfs, _QUIET_DBFS)
    length = min(len(ours), len(theirs))
    lags = min(_LAGS, length // 2)
    compared = length - lags
    a = ours[:compared]
    late = np.lib.stride_tricks.sliding_window_view(theirs[:length], compared)[:lags]
    spreads = late.std(axis=1)
    if a.std() < _LEAST_SPREAD_DB:
        return None
    covariances = (late - late.mean(axis=1, keepdims=True)) @ (a - a.mean()) / compared
    # What hardly changes is as like anything at any delay.
    spreads[spreads < _LEAST_SPREAD_DB] = np.inf
    correlations = covariances / (spreads * a.std())
    best_lag = int(correlations.argmax())
    if correlations[best_lag] < _LEAST_CORRELATION:
        return None
    loud = a > a.mean()
    louder = float(np.median(late[best_lag][loud] - a[loud]))
    return Echo(round(best_lag * STEP_S * 1000), round(louder, 1))
