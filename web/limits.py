"""How many callbacks may be requested in an hour: by address, network, number and site."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

HOUR_S = 3600.0
MOST_COUNTED = 100_000


@dataclass(slots=True)
class _Bucket:
    """What is left of a limit, which fills up again evenly within an hour."""

    left: float
    at: float


class HourlyLimits:
    """Counts what is asked for under names. Those that were used longest ago are forgotten first.

    `now` is monotonic, in seconds.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admit(self, wanted: Iterable[tuple[str, int]], now: float) -> float | None:
        """Count one request under each name, with the limit of each (0: none).

        None where it is within all of them; else nothing is counted, and the seconds until it will
        be are returned.
        """
        limited = [(name, limit) for name, limit in wanted if limit > 0]
        waits = [self._wait_s(name, limit, now) for name, limit in limited]
        longest = max(waits, default=0.0)
        if longest > 0:
            return longest
        for name, _limit in limited:
            self._buckets[name].left -= 1
        return None

    def _wait_s(self, name: str, limit: int, now: float) -> float:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(float(limit), now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
            bucket.left = min(float(limit), bucket.left + (now - bucket.at) * limit / HOUR_S)
            bucket.at = now
        return 0.0 if bucket.left >= 1 else (1 - bucket.left) * HOUR_S / limit
