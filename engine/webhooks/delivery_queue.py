"""What one webhook has still to deliver: which event is due when, and which has to wait for which.

Events about the same subject (a job, a call, an agent) are delivered one after the other, in the
order of their numbers: a later one waits until the earlier one is delivered or given up. Those of
different subjects do not wait for each other. No clock and no network in here: `now` is passed in.
"""

import heapq
import random
from collections import Counter, deque
from dataclasses import dataclass

FIRST_DOUBLINGS = 32  # beyond these every pause is the longest one
# Many that failed together are not to be tried again together.
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often, how fast and how many: [[webhooks]] of the configuration."""

    max_attempts: int = 12
    retry_s: float = 1.0
    retry_most_s: float = 300.0


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one URL. `body` is what is sent; `attempts` were made so far.

    Those with the same `group` share connections; `is_dropped`: nobody waits for it any more.
    """

    seq: int
    type: str
    subject: str
    body: bytes
    url: str = ""
    group: str = ""
    is_dropped: bool = False
    attempts: int = 0
    due_at: float = 0.0


class DeliveryQueue:
    """The deliveries that are pending, in lanes by subject; the head of each is due or under way.

    Every delivery that `start_next` gives has to be brought back by `delivered` or `failed`. Of one
    group at most `most_per_group` are under way; None: all that are due.
    """

    def __init__(
        self,
        policy: DeliveryPolicy,
        *,
        most_per_group: int | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.policy = policy
        self._most_per_group = most_per_group
        self._of_group: Counter[str] = Counter()
        # Due, but too many of their group are under way.
        self._held: dict[str, deque[int]] = {}
        self.under_way = 0
        self._rng = rng or random.Random()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._open: dict[int, Delivery] = {}
        self._due: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """How many are pending, with those under way."""
        return len(self._open)

    def add_delivery(self, delivery: Delivery, now: float) -> None:
        """Take a delivery in, newer than all of its subject."""
        if delivery.seq in self._open:
            return
        self._open[delivery.seq] = delivery
        lane = self._lanes.setdefault(delivery.subject, deque())
        lane.append(delivery)
        if len(lane) == 1:
            self._schedule(delivery, now)

    def start_next(self, now: float) -> Delivery | None:
        """The next delivery that is due; it is under way from now on, and counts an attempt."""
        while self._due and self._due[0][0] <= now:
            _due_at, seq = heapq.heappop(self._due)
            delivery = self._open[seq]
            most = self._most_per_group
            if most is not None and self._of_group[delivery.group] >= most:
                self._held.setdefault(delivery.group, deque()).append(seq)
                continue
            delivery.attempts += 1
            self.under_way += 1
            self._of_group[delivery.group] += 1
            return delivery
        return None

    @property
    def next_due_at(self) -> float | None:
        """When `start_next` returns something; None: not before something is added or fails."""
        return self._due[0][0] if self._due else None

    def delivered(self, delivery: Delivery, now: float) -> None:
        """It arrived: the next of its subject has its turn."""
        self._ended(delivery, now)
        self._settle(delivery, now)

    def failed(self, delivery: Delivery, now: float, after_s: float | None = None) -> bool:
        """It did not arrive. False: it is tried again; True: it is given up.

        `after_s` is how long the receiver asked to be left alone.
        """
        self._ended(delivery, now)
        if delivery.is_dropped:
            return False
        if delivery.attempts >= self.policy.max_attempts:
            self._settle(delivery, now)
            return True
        self._schedule(delivery, now + self._pause_s(delivery.attempts, after_s))
        return False

    def _ended(self, delivery: Delivery, now: float) -> None:
        """It is under way no more: one of its group has its place."""
        self.under_way -= 1
        group = delivery.group
        self._of_group[group] -= 1
        if not self._of_group[group]:
            del self._of_group[group]
        if (held := self._held.get(group)) is not None:
            heapq.heappush(self._due, (now, held.popleft()))
            if not held:
                del self._held[group]

    def drop(self, subject: str | None = None) -> int:
        """Forget what is pending, of one subject or all. Returns how many that were."""
        lanes = self._lanes if subject is None else {subject: self._lanes.get(subject, deque())}
        dropped = [delivery for lane in lanes.values() for delivery in lane]
        for delivery in dropped:
            delivery.is_dropped = True
            del self._open[delivery.seq]
        for name in list(lanes):
            self._lanes.pop(name, None)
        self._due = [(due_at, seq) for due_at, seq in self._due if seq in self._open]
        heapq.heapify(self._due)
        held = {
            group: deque(seq for seq in numbers if seq in self._open)
            for group, numbers in self._held.items()
        }
        self._held = {group: numbers for group, numbers in held.items() if numbers}
        return len(dropped)

    def _pause_s(self, attempts: int, after_s: float | None) -> float:
        policy = self.policy
        doubled = policy.retry_s * 2.0 ** min(attempts - 1, FIRST_DOUBLINGS)
        pause_s = min(max(doubled, after_s or 0.0), policy.retry_most_s)
        return pause_s * self._rng.uniform(1 - JITTER, 1 + JITTER)

    def _schedule(self, delivery: Delivery, at: float) -> None:
        delivery.due_at = at
        heapq.heappush(self._due, (at, delivery.seq))

    def _settle(self, delivery: Delivery, now: float) -> None:
        if delivery.is_dropped:
            return
        del self._open[delivery.seq]
        lane = self._lanes[delivery.subject]
        lane.popleft()
        if lane:
            self._schedule(lane[0], now)
        else:
            del self._lanes[delivery.subject]

    def pending(self) -> list[tuple[int, int]]:
        """Number and attempts of each that is pending, oldest first."""
        return sorted((delivery.seq, delivery.attempts) for delivery in self._open.values())

    def shift(self, by_s: float) -> None:
        """The clock was stepped: each is tried again as soon as before."""
        for delivery in self._open.values():
            delivery.due_at += by_s
        self._due = [(due_at + by_s, seq) for due_at, seq in self._due]

    def hurry(self, now: float) -> None:
        """Try everything that waits for its next attempt at once."""
        self._due = [(now, seq) for _due_at, seq in self._due]
        heapq.heapify(self._due)
