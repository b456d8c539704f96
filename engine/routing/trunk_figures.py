"""How calls by each trunk went: answered or not, how soon it rang, and what failed last.

The answer-seizure ratio is that of ITU-T E.411, the post-dial delay the session request delay of
RFC 6076 section 4.3. Both are of the last hour; what failed last is kept until the engine stops.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from ..clock import Clock

WINDOW_S: Final = 3600.0
"""How far back the figures reach. What is older leaves them a minute at a time."""
BUCKET_S: Final = 60.0
POOR_MOS: Final = 3.1
FAILURES_KEPT: Final = 20
PHRASE_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class TrunkTry:
    """One try of a call by `trunk` that is over, or answered.

    `failure` is why the trunk did not reach the party; None where it did, and where the try was
    called off. `post_dial_delay_s` is from the INVITE to the first sign of ringing, or the answer.
    """

    trunk: str
    answered: bool = False
    post_dial_delay_s: float | None = None
    failure: str | None = None
    status: int | None = None


class TrunkFailure(TypedDict):
    """A call that a trunk did not put through."""

    time: float
    """When (Unix seconds)."""
    cause: str
    """Why, in words."""
    status: int | None
    """The status of the SIP response; null where there was none."""


class PostDialDelay(TypedDict):
    """How long callers waited for the first sign of ringing."""

    mean_s: float
    """The mean of all."""
    max_s: float
    """The longest."""


class TrunkQuality(TypedDict):
    """How calls by a trunk sounded, by the E-model: both directions of each."""

    legs: int
    """How many were measured."""
    mos_mean: float
    """The mean opinion score of the worse direction of each, 1 to 4.5."""
    mos_min: float
    """The worst."""
    loss_mean: float
    """The share of the packets from the trunk that was lost: 0 to 1."""
    poor: int
    """How many scored below 3.1."""


class TrunkCounts(TypedDict):
    """How calls by a trunk went."""

    window_s: float
    """How far back `attempts` to `echo` reach."""
    attempts: int
    """Calls tried by it, whose try is over or answered."""
    answered: int
    """How many of them were answered."""
    answer_seizure_ratio: float | None
    """`answered` by `attempts`, from 0 to 1; null without attempts."""
    post_dial_delay: PostDialDelay | None
    """Of those that rang or were answered; null where none did."""
    quality: TrunkQuality | None
    """Of those that are over; null where none was measured."""
    one_way: int
    """In how many nothing was heard of the party behind it (`leg.one_way`)."""
    clipping: int
    """In how many it was too loud (`leg.clipping`)."""
    echo: int
    """In how many it sent back what it heard (`leg.echo`)."""
    last_failures: list[TrunkFailure]
    """What it did not put through, the latest first."""


@dataclass(slots=True)
class _Bucket:
    """The tries of one minute."""

    until: float  # the end of the minute, on the monotonic clock
    attempts: int = 0
    answered: int = 0
    rang: int = 0
    delay_s: float = 0.0
    delay_max_s: float = 0.0
    scores: list[float] = field(default_factory=list)
    losses: float = 0.0
    one_way: int = 0
    clipping: int = 0
    echo: int = 0


@dataclass(slots=True)
class _Trunk:
    buckets: deque[_Bucket] = field(default_factory=deque)
    failures: deque[TrunkFailure] = field(default_factory=lambda: deque(maxlen=FAILURES_KEPT))


class TrunkFigures:
    """The figures of every trunk. `clock` has the dates of failures, and counts the window."""

    def __init__(self, clock: Clock | None = None) -> None:
        clock = clock or Clock()
        self._now: Callable[[], float] = clock.now
        self._monotonic: Callable[[], float] = clock.monotonic
        self._trunks: dict[str, _Trunk] = {}

    def note(self, tried: TrunkTry) -> None:
        """Count one try."""
        trunk = self._trunks.setdefault(tried.trunk, _Trunk())
        bucket = self._bucket(trunk)
        bucket.attempts += 1
        bucket.answered += tried.answered
        delay_s = tried.post_dial_delay_s
        if delay_s is not None:
            bucket.rang += 1
            bucket.delay_s += delay_s
            bucket.delay_max_s = max(bucket.delay_max_s, delay_s)
        if tried.failure is not None:
            cause = tried.failure[:PHRASE_KEPT]
            trunk.failures.appendleft({"time": self._now(), "cause": cause, "status": tried.status})

    def note_quality(self, trunk: str, figures: Mapping[str, Any]) -> None:
        """Count how a leg by this trunk sounded, from its last figures."""
        scores = [figures.get(name) for name in ("mos", "remote_mos")]
        known = [score for score in scores if score is not None]
        bucket = self._bucket(self._trunks.setdefault(trunk, _Trunk()))
        if known:
            bucket.scores.append(min(known))
            bucket.losses += figures.get("lost_fraction") or 0.0
        bucket.one_way += figures.get("one_way") is not None
        bucket.clipping += figures.get("clipped") is not None
        bucket.echo += figures.get("echo_ms") is not None

    def of(self, name: str) -> TrunkCounts:
        """The figures of one trunk."""
        trunk = self._trunks.get(name) or _Trunk()
        oldest = self._monotonic() - WINDOW_S
        shown = [bucket for bucket in trunk.buckets if bucket.until > oldest]
        attempts = sum(bucket.attempts for bucket in shown)
        answered = sum(bucket.answered for bucket in shown)
        rang = sum(bucket.rang for bucket in shown)
        return {
            "window_s": WINDOW_S,
            "attempts": attempts,
            "answered": answered,
            "answer_seizure_ratio": round(answered / attempts, 4) if attempts else None,
            "post_dial_delay": None
            if not rang
            else {
                "mean_s": round(sum(bucket.delay_s for bucket in shown) / rang, 3),
                "max_s": round(max(bucket.delay_max_s for bucket in shown), 3),
            },
            "quality": _quality(shown),
            "one_way": sum(bucket.one_way for bucket in shown),
            "clipping": sum(bucket.clipping for bucket in shown),
            "echo": sum(bucket.echo for bucket in shown),
            "last_failures": list(trunk.failures),
        }

    def keep(self, names: set[str]) -> None:
        """Forget the trunks that are not configured any more."""
        self._trunks = {name: one for name, one in self._trunks.items() if name in names}

    def _bucket(self, trunk: _Trunk) -> _Bucket:
        """That of this minute. Those that are over and too old are dropped."""
        now, buckets = self._monotonic(), trunk.buckets
        while buckets and buckets[0].until <= now - WINDOW_S:
            buckets.popleft()
        if not buckets or buckets[-1].until <= now:
            buckets.append(_Bucket(now + BUCKET_S))
        return buckets[-1]


def _quality(buckets: Sequence[_Bucket]) -> TrunkQuality | None:
    scores = [score for bucket in buckets for score in bucket.scores]
    if not scores:
        return None
    return {
        "legs": len(scores),
        "mos_mean": round(sum(scores) / len(scores), 2),
        "mos_min": min(scores),
        "loss_mean": round(sum(bucket.losses for bucket in buckets) / len(scores), 4),
        "poor": sum(score < POOR_MOS for score in scores),
    }
