"""The course of a callback at which nobody answers, for one that is not made.

Who asked for it sees what any visitor of the site sees: an agent is found, a phone rings, and
nobody takes the call. How long each step takes is drawn from the latest callbacks of the site.
"""

import random
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict

_EVENT_S = 0.002
"""How long the engine takes from one step to the next."""
_JUST_AFTER_S = (3e-5, 3e-4)
"""How long it takes from one event to the next at what is one moment."""
_LATE_S = (5e-4, 3e-3)
"""How late its timers are."""
_AT_ONCE_S = 0.005
"""A whisper that is shorter is none: nobody sees the agent found before the phone rings."""
_COMMIT_S = (0.003, 0.009)
"""How long after a request it joins those who wait: it is on the disk by then."""
_AGENT_RINGS_S, _AGENT_ANSWERS_S, _WHISPER_S = (0.05, 0.3), (2.5, 7.0), (2.0, 3.5)
_CUSTOMER_RINGS_S = (0.8, 2.5)
"""Where nothing is known of a site yet."""
_GIVEN_UP_S = (0.005, 0.06)
"""How long after the time to ring for a phone is given up."""
_HUNG_UP_S = (0.02, 0.15)
"""How long it takes until phones are hung up."""
_SPREAD = (0.97, 1.03)


class Plan(TypedDict):
    """callback.feign: how it would go if the customer answered at no attempt."""

    would_be_due: float | None
    order: str
    whispers: bool
    ring_s: float
    attempts: int
    spacing_s: list[float]


class AgentTimes(NamedTuple):
    """How an agent took a callback: from the call to the ringing, to the answer, and from there to
    the customer's call."""

    rings_s: float
    answers_s: float
    whisper_s: float


@dataclass(frozen=True, slots=True)
class Habits:
    """How the callbacks of a site went lately."""

    agents: Sequence[AgentTimes] = ()
    customer_rings_s: Sequence[float] = ()
    unanswered_s: Sequence[float] = ()

    @classmethod
    def of(cls, jobs: Iterable[Mapping[str, Any]]) -> "Habits":
        """What these jobs say."""
        agents: list[AgentTimes] = []
        rings: list[float] = []
        unanswered: list[float] = []
        for job in jobs:
            for attempt in job["attempts"]:
                legs = {leg["role"]: leg for leg in attempt["legs"]}
                agent, customer = legs.get("agent"), legs.get("customer")
                if customer is None or customer["started"] is None:
                    continue
                began = customer["started"]
                if customer["ringing"] is not None:
                    rings.append(customer["ringing"] - began)
                is_over = customer["ended"] is not None and customer["answered"] is None
                if is_over and attempt["result"] == "no_answer":
                    unanswered.append(customer["ended"] - began)
                if agent is not None and agent["answered"] is not None:
                    first = agent["started"] or agent["answered"]
                    ringing = agent["ringing"] or agent["answered"]
                    times = (ringing - first, agent["answered"] - first, began - agent["answered"])
                    if min(times) >= 0:  # the customer was called after the agent
                        agents.append(AgentTimes(*times))
        return cls(agents, rings, unanswered)


class Moment(NamedTuple):
    """Something that happens: an event of the engine; `state`: what the job does from then on."""

    at: float
    event: str
    state: str | None = None


@dataclass(slots=True)
class Course:
    """What happens when, as far as it is known. Times are Unix seconds.

    `party` is who would talk: a `queue`, an `agent` of the engine, or a `phone`.
    """

    plan: Plan
    party: str
    created: float
    deadline: float
    rng: random.Random
    moments: list[Moment] = field(default_factory=list)
    attempts: int = 0
    due: float = 0.0
    """When it waits for an agent, or for its next attempt."""
    passed_by: float | None = None
    """Since when the one waits who is served before it, and came later."""
    _ended_at: float = 0.0

    def __post_init__(self) -> None:
        queued = self.created + self.rng.uniform(*_JUST_AFTER_S)
        self.moments.append(Moment(queued, "callback.queued", "queued"))
        committed = self.created + self.rng.uniform(*_COMMIT_S)
        self._wait_from(max(committed, self.plan["would_be_due"] or committed))

    @property
    def is_agent_first(self) -> bool:
        """Whether the agent is called first."""
        return self.plan["order"] == "agent_first"

    # -- how far it is ------------------------------------------------------------------------

    def state_at(self, now: float) -> str:
        """The state of its job."""
        self._expire(now)
        return self._state_moment(now).state or "queued"

    def ended_at(self, now: float) -> float | None:
        """When it ended, where it has."""
        self._expire(now)
        return self._ended_at if self._state_moment(now).state in ENDED else None

    def _state_moment(self, now: float) -> Moment:
        past = (one for one in reversed(self.moments) if one.state and one.at <= now)
        return next(past, self.moments[0])

    def _expire(self, now: float) -> None:
        if self.deadline <= now and self.waits_at(self.deadline):
            self._end(self.deadline, self.deadline + self.rng.uniform(*_LATE_S), "expired")

    def waits_at(self, now: float) -> bool:
        """Whether it is due, and has not begun."""
        return self.due <= now and self.moments[-1].at <= now and not self._is_over

    def is_ending(self, now: float) -> bool:
        """Whether its end is under way."""
        return self._is_over and self.moments[-1].at > now

    @property
    def _is_over(self) -> bool:
        return self.moments[-1].state in ENDED

    def has_place_at(self, now: float) -> bool:
        """Whether it has a place in the queue: it waits there, or an agent is being called."""
        if not self.is_agent_first:
            return False
        return self.waits_at(now) or self.state_at(now) == "dialing_agent"

    def has_agent_at(self, now: float) -> bool:
        """Whether an agent would be occupied by it."""
        return self.is_agent_first and self.state_at(now) in _BUSY

    def changes_after(self, now: float) -> list[float]:
        """When its state changes, as far as that is known."""
        self._expire(now)
        known = [one.at for one in self.moments if one.state and one.at > now]
        return [*known, self.deadline] if self.waits_at(max(now, self.due)) else known

    def events_until(self, now: float) -> list[Moment]:
        """What has happened."""
        self._expire(now)
        return self.moments[: bisect_right(self.moments, now, key=lambda one: one.at)]

    # -- what happens -------------------------------------------------------------------------

    @property
    def place(self) -> float:
        """Its place among those who wait: the time at which it was first due."""
        return max(self.created, self.plan["would_be_due"] or self.created)

    def _wait_from(self, at: float) -> None:
        self.due, self.passed_by = self._just_after(at), None
        if self.party == "queue":
            self.join()

    def join(self) -> None:
        """It is due, and has to wait for its agent."""
        if self.is_agent_first and not self._is_in_line_at(self.due):
            self.moments.append(Moment(self.due, "queue.joined"))

    def _is_in_line_at(self, now: float) -> bool:
        past = (one.event for one in reversed(self.moments) if one.at <= now)
        return next((one for one in past if one in _OF_LINE), "") == "queue.joined"

    def begin(self, at: float, habits: Habits) -> None:
        """An attempt begins, in which the customer does not answer."""
        self.attempts += 1
        if self.is_agent_first:
            at = self._call_agent(at, habits)
        self._call_customer(at, habits)

    def _call_agent(self, at: float, habits: Habits) -> float:
        """Returns when the customer is called."""
        times, is_in_line = self._agent_times(habits), self._is_in_line_at(at)
        if is_in_line:
            self._add(at, "queue.offered")
        self._add(at + _EVENT_S, "callback.dialing_agent", "dialing_agent")
        dialled = at + 2 * _EVENT_S
        if self.party != "phone":
            self._add(dialled, "agent.offered")
        self._add(dialled, "leg.dialing")
        self._add(dialled + times.rings_s, "leg.ringing")
        answered = dialled + times.answers_s
        self._add(answered, "leg.answered")
        if is_in_line:
            self._add(answered, "queue.answered")
        is_heard = times.whisper_s > _AT_ONCE_S
        self._add(answered, "callback.whispering", "whispering" if is_heard else None)
        return answered + times.whisper_s

    def _call_customer(self, at: float, habits: Habits) -> None:
        self._add(at, "callback.dialing_customer", "dialing_customer")
        self._add(at, "leg.dialing")
        given_up = self.plan["ring_s"] + self.rng.uniform(*_GIVEN_UP_S)
        if habits.unanswered_s:
            given_up = self.rng.choice(habits.unanswered_s) * self.rng.uniform(1.0, 1.001)
        rings = self.rng.uniform(*_CUSTOMER_RINGS_S)
        if habits.customer_rings_s:
            rings = self._like(self.rng.choice(habits.customer_rings_s))
        self._add(at + min(rings, given_up / 2), "leg.ringing")
        over = at + given_up
        self._hang_up(over)
        again = over + self.plan["spacing_s"][self.attempts - 1] if self._has_more else None
        if again is None or again >= self.deadline:
            self._add(over, "callback.failed", "failed")
        else:
            self._add(over, "callback.queued", "queued")
            self._wait_from(again)

    @property
    def _has_more(self) -> bool:
        return self.attempts < self.plan["attempts"]

    def _agent_times(self, habits: Habits) -> AgentTimes:
        if habits.agents:
            return AgentTimes(*map(self._like, self.rng.choice(habits.agents)))
        draw = self.rng.uniform
        whisper_s = draw(*_WHISPER_S) if self.plan["whispers"] else 0.0
        return AgentTimes(draw(*_AGENT_RINGS_S), draw(*_AGENT_ANSWERS_S), whisper_s)

    def _like(self, seconds: float) -> float:
        return seconds * self.rng.uniform(*_SPREAD)

    def cancel(self, now: float) -> float | None:
        """Its visitor cancels it. Returns when it is over; None where it was already."""
        if self.state_at(now) in ENDED:
            return None
        is_under_way = self.state_at(now) in _BUSY
        over = now + self.rng.uniform(*_HUNG_UP_S) if is_under_way else now
        self._end(now, over, "cancelled")
        return self.moments[-1].at

    def _end(self, now: float, over: float, how: str) -> None:
        state = self._state_moment(now).state
        is_in_line = self._is_in_line_at(now)
        first, *others = self.moments
        self.moments = [first, *(one for one in others if one.at <= now)]
        if state in _BUSY:
            self._hang_up(over, state)
        if state == "dialing_agent" and self.party != "phone":
            self._add(over, "agent.offer_ended")
        if is_in_line:
            self._add(over, "queue.left")
        self._add(over, f"callback.{how}", how)

    def _hang_up(self, at: float, state: str = "dialing_customer") -> None:
        are_both_up = self.is_agent_first and state == "dialing_customer"
        for _leg in range(2 if are_both_up else 1):
            self._add(at, "leg.ended")

    def _add(self, at: float, event: str, state: str | None = None) -> None:
        at = self._just_after(at)
        if state in ENDED:  # it ends, and then it is said
            self._ended_at = at
            at = self._just_after(at)
        self.moments.append(Moment(at, event, state))

    def _just_after(self, at: float) -> float:
        """No two events of an engine have one time."""
        last = self.moments[-1].at if self.moments else at
        return max(at, last) + self.rng.uniform(*_JUST_AFTER_S)


ENDED = frozenset({"completed", "failed", "cancelled", "expired"})
_OF_LINE = frozenset({"queue.joined", "queue.answered", "queue.left"})
_BUSY = frozenset({"dialing_agent", "whispering", "dialing_customer"})
