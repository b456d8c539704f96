"""A queue: its configuration, the entries in it, and how fast they may be offered."""

import math
import random
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypedDict, cast

from config.queues import Centre, EntryKind, Queue, StrategyName, Vip

from ..errors import EngineError
from ..routing.hours.opening_hours import OpeningHours
from .matching.agent_strategy import AgentStrategy
from .matching.centre_shares import CentreShares
from .matching.expected_wait import ExpectedWait
from .matching.waiting_index import WaitingIndex
from .queue_entry import Entry, Key, QueueEvent, Scope
from .staffing import Presence
from .waiting import Leave, Waiting

# What holds in the line of requests for one agent alone, and in any until it is configured.
DIRECT = Queue(name="direct")
SECONDS_PER_MIN = 60.0
# What is counted of a queue since the engine started. An entry that moves or overflows to another
# queue joins that one besides.
TALLIED = (
    "joined", "offered", "unanswered", "answered", "abandoned", "overflowed", "expired",
    "withdrawn", "moved",
)  # fmt: skip


class QueueTally(TypedDict):
    """What became of the entries of a queue since the engine started."""

    joined: int
    """Those who came."""
    offered: int
    """Offers made to agents."""
    unanswered: int
    """Offers that nobody answered."""
    answered: int
    """Entries that an agent answered."""
    abandoned: int
    """Callers who hung up."""
    overflowed: int
    """Those who went to another queue or number by overflow."""
    expired: int
    """Those whose time was up."""
    withdrawn: int
    """Those who were withdrawn."""
    moved: int
    """Those who were moved by command."""


class QueueNow(TypedDict):
    """A queue, without its agents."""

    queue: str | None
    """The name."""
    strategy: StrategyName
    """How it chooses between free agents."""
    paused: bool
    """Whether it offers nothing by command."""
    open: bool
    """Whether its calendar says that it is open."""
    opens_at: float | None
    """When it opens, where it is closed."""
    waiting: int
    """How many wait for an offer."""
    offered: int
    """How many are being offered."""
    talking: int
    """How many of its calls are up."""
    longest_wait_s: float
    """How long the first has waited."""
    expected_wait_s: float | None
    """How long the next to come would wait; null: not known."""
    removed: bool
    """Whether the configuration has it no more: it accepts nobody, and serves what waits."""
    tally: QueueTally
    """What has been counted since the engine started."""
    outcomes: list[str] | None
    """The outcomes that its calls may have; null: those of `agent.list`."""
    outcome_required: bool | None
    """Whether its agents have to write one back after each talk; null: as `agent.list` says."""
    centres: dict[str, int]
    """How many entries each centre got as its share."""


class QueueView(QueueNow):
    """A queue."""

    agents: dict[str, int]
    """How many of its own agents are in each state."""
    why_waiting: str | None
    """Why the first waits although an agent is free, in words; null: no such agent is free."""


class CallQueue:
    """One queue at work. `name` is None in the line of requests for one agent alone.

    `active` has the entries that are offered or on a call of this queue, with their agents.
    """

    def __init__(self, name: str | None, rng: random.Random) -> None:
        self.name = name
        self.config = DIRECT
        self.waiting_index = WaitingIndex()
        self.order: list[Key] = []
        self._standing: dict[int, Entry] = {}
        self.overflows_unstaffed = False
        """Whether entries go on when the last agent logs out."""
        self._held = 0
        self._kinds: Counter[str] = Counter()
        self.active: dict[str, tuple[str, ...]] = {}
        self.tally: Counter[str] = Counter()
        self.expected = ExpectedWait()
        self.paused = False
        self.is_removed = False
        self.staff: list[str] = []
        """The agents who serve it as their own."""
        self.is_held = False
        """Whether entries wait only because nothing may be offered: when it may, all are tried."""
        self.has_more = False
        """Whether more may be offered at once, and only the step was over."""
        self.next_release_at = -math.inf
        self.next_at = math.inf
        self.hours: OpeningHours | None = None
        self.strategy = AgentStrategy(DIRECT, rng)
        self.shares = CentreShares((), {}, {})
        self._centres: Mapping[str, Centre] = {}
        self._rng = rng

    def configure(
        self, config: Queue, centres: Mapping[str, Centre], calendars: Mapping[str, OpeningHours]
    ) -> None:
        """Take what the configuration says; who waits stays."""
        self.config = config
        self.strategy = AgentStrategy(config, self._rng, self.strategy)
        self._centres = centres
        self.shares = CentreShares(config.shares, centres, calendars, self.shares)
        self.hours = calendars[config.calendar] if config.calendar else None
        self.overflows_unstaffed = any(step.when == "nobody" for _key, step in config.overflows)

    def remove_from_configuration(self) -> None:
        """Accept nobody any more. Its agents go on until it is empty."""
        self.is_removed = True
        others = [name for name in self.staff if name not in self.config.agents]
        agents = [*self.config.agents, *others]
        self.config = self.config.model_copy(update={"agents": agents})

    def check(
        self, now: float, kind: EntryKind, *, has_place: bool = False, taken: int = 0
    ) -> None:
        """Check that it accepts one more entry, or one that `has_place`. Raises `unavailable`.

        `taken` are places in it of which the engine does not know.
        """
        name, config = self.name, self.config
        if not has_place:
            self._check_length(len(self) + taken, config.max_length, "")
            whom = "callers" if kind == "call" else "callbacks"
            of_kind = self._kinds[kind] + taken
            self._check_length(of_kind, config.limits_of(kind).max_length, f" {whom}")
        if self.hours is not None and not self.hours.is_open(now):
            data = {
                "reason": "closed",
                "opens_at": self.hours.opens_at(now),
                "schedule": config.when_closed == "schedule",
            }
            raise EngineError("unavailable", f"queue {name} is closed", "queue", data)

    def _check_length(self, length: int, most: int | None, whom: str) -> None:
        if most and length >= most:
            words = f"queue {self.name} is full: {length}{whom} are waiting"
            data: dict[str, Any] = {"reason": "full", "length": most}
            raise EngineError("unavailable", words, "queue", data)

    # -- its entries --------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.order)

    def add_entry(self, entry: Entry, now: float) -> None:
        """`entry` takes its position."""
        insort(self.order, entry.key)
        self._standing[entry.seq] = entry
        self._held += entry.state == "held"
        self._kinds[entry.waiting.kind] += 1
        self.expected.waits(True, now)

    def remove_entry(self, entry: Entry, now: float) -> None:
        """`entry` goes; the others move up."""
        del self.order[bisect_left(self.order, entry.key)]
        del self._standing[entry.seq]
        self._held -= entry.state == "held"
        self._kinds[entry.waiting.kind] -= 1
        if not self.order:
            self.expected.waits(False, now)

    def place(self, entry: Entry) -> int:
        """The place of `entry`: 1 is next."""
        return bisect_left(self.order, entry.key) + 1

    def after(self, key: Key | None, count: int) -> list[Entry]:
        """The first `count` who stand behind `key`; None: from the head."""
        begin = 0 if key is None else bisect_right(self.order, key)
        return [self._standing[seq] for _, _, seq in islice(self.order, begin, begin + count)]

    def event(
        self, kind: str, entry: Entry, now: float, leave: Leave | None, fields: Mapping[str, Any]
    ) -> QueueEvent:
        """What is published of `entry`, with its position and the expected wait."""
        place = self.place(entry)
        said = {
            "place": place,
            "waited_s": entry.waited_s(now),
            "expected_wait_s": self.expected.wait_s(place, now),
            "priority": entry.priority,
        }
        offer = entry.offer if kind == "offered" else None
        return QueueEvent(kind, entry, self.name, {**said, **fields}, offer=offer, leave=leave)

    # -- letting go -------------------------------------------------------------------------

    def may_release(self, now: float) -> bool:
        """Whether one more may be offered now. If not, the line is held."""
        if self.held_back(now) is not None:
            self.is_held = True
            return False
        return True

    def held_back(self, now: float) -> str | None:
        """Why nobody may be offered now; None where one may."""
        if self.paused:
            return "the queue is paused"
        if now < self.next_release_at:
            return "it is not time for the next one"
        if 0 < self.config.capacity <= len(self.active):
            return "the queue is at its capacity"
        return None

    def released(self, entry: Entry, agents: tuple[str, ...], now: float) -> None:
        """`entry` was offered to `agents`."""
        self.active[entry.id] = agents
        if self.config.release_per_min:
            self.next_release_at = now + SECONDS_PER_MIN / self.config.release_per_min

    def is_closing(self, now: float) -> bool:
        """Whether entries that still wait are sent away."""
        return (
            self.config.at_closing == "send_away"
            and self.hours is not None
            and not self.hours.is_open(now)
        )

    def next_change(self, now: float) -> float:
        """When the queue itself has something due; see `Matcher.tick`."""
        at = now if self.has_more else math.inf
        if self.is_held and self.waiting_index and now < self.next_release_at:
            at = self.next_release_at
        if self.config.at_closing == "send_away" and self.hours is not None and self.order:
            closes_at = self.hours.closes_at(now)
            if closes_at is not None and closes_at > now:
                at = min(at, closes_at)
        return at

    def receive(self, entry: Entry) -> None:
        """`entry` comes into this queue: what it needs here, and whether it is a VIP here."""
        config, waiting = self.config, entry.waiting
        entry.queue = self.name
        entry.visited.add(config.name)
        entry.skills = dict(waiting.skills)
        for name, level in config.skills.items():
            entry.skills[name] = max(level, entry.skills.get(name, 0))
        entry.also, entry.steps_done, entry.retry_overflow_at = frozenset(), set(), math.inf
        entry.turned = None
        entry.priority -= entry.vip_raise
        entry.vip_agents, entry.vip_until, entry.vip_raise = (), -math.inf, 0
        vip = self.vip(waiting)
        if vip is not None:
            entry.vip_raise = vip.raise_priority
            entry.priority += vip.raise_priority
            if vip.agents:
                entry.vip_agents = tuple(vip.agents)
                entry.vip_until = entry.entered_at + vip.within_s

    # -- who may take an entry --------------------------------------------------------------

    def vip(self, waiting: Waiting) -> Vip | None:
        """The configured VIP rule that this one matches, if any."""
        for vip in self.config.vip:
            if vip.min_priority is not None and waiting.priority < vip.min_priority:
                continue
            if all(waiting.context.get(key) == value for key, value in vip.context.items()):
                return vip
        return None

    def centre_can_take(self, entry: Entry, presence: Presence) -> Callable[[str], bool]:
        """Whether a centre can take `entry` now, by the centre's name."""

        def can_take(centre: str) -> bool:
            found = self._centres.get(centre)
            is_outside = found is not None and bool(found.number)
            return is_outside or presence.can_take(centre, self.name or "", entry.skills)

        return can_take

    def scope(self, entry: Entry, now: float, presence: Presence) -> tuple[Scope, float]:
        """Who may take `entry` now, and when that changes.

        An entry is not kept for agents none of whom is logged in, nor for a centre that cannot
        take it now.
        """
        reachable = presence.is_logged_in
        waiting, config = entry.waiting, self.config
        if waiting.agent is not None:
            return Scope(only=(waiting.agent,)), math.inf
        known, kept_s = waiting.known_agent, waiting.known_agent_s
        until = entry.entered_at + (config.known_agent_s if kept_s is None else kept_s)
        if known is not None and now < until and reachable(known):
            return Scope(only=(known,)), until
        if now < entry.vip_until and any(map(reachable, entry.vip_agents)):
            return Scope(only=entry.vip_agents), entry.vip_until
        also = entry.also
        tier, lower, changes_at = 0, 0, math.inf
        for step in config.tiers:
            if now < entry.entered_at + step.after_s:
                changes_at = entry.entered_at + step.after_s
                break
            tier += 1
            lower += step.lower_skills
            also = also.union(step.centres)
        needed = sorted((name, level - lower) for name, level in entry.skills.items())
        needed = [(name, level) for name, level in needed if level > 0]
        centre = entry.centre
        # A centre that the request or a rule names is waited for.
        is_shared = centre is not None and centre != waiting.centre
        if is_shared and not presence.can_take(centre or "", self.name or "", dict(needed)):
            centre = None
        if centre is not None and config.share_s:
            share_until = entry.entered_at + config.share_s
            if now >= share_until:
                centre = None
            else:
                changes_at = min(changes_at, share_until)
        names = tuple(name for name, _level in needed)
        levels = tuple(level for _name, level in needed)
        return Scope(None, tier, centre, also, names, levels), changes_at

    def shift(self, by_s: float) -> None:
        """The clock was stepped: move the times of its entries, and of the next offer."""
        waiting = tuple(self.waiting_index)
        for entry in self._standing.values():
            entry.shift(by_s)
        self.order = sorted(entry.key for entry in self._standing.values())
        self.waiting_index = WaitingIndex()
        for entry in waiting:
            self.waiting_index.index_entry(entry)
        self.next_release_at += by_s
        self.expected.shift(by_s)

    def view(self, now: float, taken: int = 0) -> QueueNow:
        """The queue as it is shown, without its agents.

        `taken` are places in it of which the engine does not know.
        """
        waiting = len(self.waiting_index)
        oldest = min((key[1] for key in self.order), default=None)
        offered = len(self.order) - waiting - self._held
        talking = len(self.active) - offered
        hours = self.hours
        return {
            "queue": self.name,
            "strategy": self.config.strategy,
            "paused": self.paused,
            "open": hours is None or hours.is_open(now),
            "opens_at": None if hours is None else hours.opens_at(now),
            "waiting": waiting + taken,
            "offered": offered,
            "talking": max(0, talking),
            "longest_wait_s": 0.0 if oldest is None else max(0.0, now - oldest),
            "expected_wait_s": self.expected.wait_s(len(self.order) + taken + 1, now),
            "removed": self.is_removed,
            "tally": cast(QueueTally, {name: self.tally[name] for name in TALLIED}),
            "outcomes": self.config.outcomes,
            "outcome_required": self.config.outcome_required,
            "centres": dict(self.shares.given),
        }
