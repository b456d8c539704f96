"""What one webhook has still to deliver: which event is due when, and which has to wait for which.

Events about the same subject (a job, a call, an agent) are delivered one after the other, in the
order of their numbers: a later one waits until the earlier one is delivered or given up. Those of
different subjects do not wait for each other. No clock and no network in here: `now` is passed in.
"""

import heapq
import random
from collections import deque
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
    max_pending: int = 10_000


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one receiver. `body` is what is sent; `attempts` were made so far."""

    seq: int
    type: str
    subject: str
    body: bytes
    attempts: int = 0
    due_at: float = 0.0


class DeliveryQueue:
    """The deliveries that are pending, in lanes by subject; the head of each is due or under way.

    Every delivery that `start_next` gives has to be brought back by `delivered` or `failed`.
    """

    def __init__(self, policy: DeliveryPolicy, *, rng: random.Random | None = None) -> None:
        self.policy = policy
        self.under_way = 0
        self._rng = rng or random.Random()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._open: dict[int, Delivery] = {}
        self._due: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """How many are pending, with those under way."""
        return len(self._open)

    @property
    def has_room(self) -> bool:
        """Whether one more should be held in memory."""
        return len(self._open) < self.policy.max_pending

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
        if not self._due or self._due[0][0] > now:
            return None
        _due_at, seq = heapq.heappop(self._due)
        delivery = self._open[seq]
        delivery.attempts += 1
        self.under_way += 1
        return delivery

    @property
    def next_due_at(self) -> float | None:
        """When `start_next` returns something; None: not before something is added or fails."""
        return self._due[0][0] if self._due else None

    def delivered(self, delivery: Delivery, now: float) -> None:
        """It arrived: the next of its subject has its turn."""
        self.under_way -= 1
        self._settle(delivery, now)

    def failed(self, delivery: Delivery, now: float, after_s: float | None = None) -> bool:
        """It did not arrive. False: it is tried again; True: it is given up.

        `after_s` is how long the receiver asked to be left alone.
        """
        self.under_way -= 1
        if delivery.attempts >= self.policy.max_attempts:
            self._settle(delivery, now)
            return True
        self._schedule(delivery, now + self._pause_s(delivery.attempts, after_s))
        return False

    def _pause_s(self, attempts: int, after_s: float | None) -> float:
        policy = self.policy
        doubled = policy.retry_s * 2.0 ** min(attempts - 1, FIRST_DOUBLINGS)
        pause_s = min(max(doubled, after_s or 0.0), policy.retry_most_s)
        return pause_s * self._rng.uniform(1 - JITTER, 1 + JITTER)

    def _schedule(self, delivery: Delivery, at: float) -> None:
        delivery.due_at = at
        heapq.heappush(self._due, (at, delivery.seq))

    def _settle(self, delivery: Delivery, now: float) -> None:
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
