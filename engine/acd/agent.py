"""An agent: the states they can be in, the moves between them, and the times in each.

Nothing here waits or reads a clock: every change gets `now`, in Unix seconds. The registry
(`agents.py`) decides who may change an agent, and publishes the change.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from config.agents import UNTIL_READY
from config.agents import Agent as AgentSettings

from ..clock import shifted
from .agent_day import AgentDay
from .agent_policy import AgentAddress, AgentPolicy

AgentState = Literal[
    "logged_out", "available", "reserved", "ringing", "talking", "wrap_up", "paused"
]
PausedBy = Literal["agent", "missed", "line", "outcome"]
Wish = Literal["paused", "logged_out"]

# `paused` leads to itself when the reason changes. A line that stays up between calls does not
# ring, so `reserved` leads to `talking` as well.
AGENT_TRANSITIONS: dict[AgentState, frozenset[AgentState]] = {
    "logged_out": frozenset({"available", "paused"}),
    "available": frozenset({"reserved", "paused", "logged_out"}),
    "reserved": frozenset({"ringing", "talking", "available", "paused", "logged_out"}),
    "ringing": frozenset({"talking", "available", "paused", "logged_out"}),
    "talking": frozenset({"wrap_up", "available", "paused", "logged_out"}),
    "wrap_up": frozenset({"available", "paused", "logged_out"}),
    "paused": frozenset({"available", "paused", "logged_out"}),
}

ON_WORK: frozenset[AgentState] = frozenset({"reserved", "ringing", "talking"})

LINE_DOWN = "the permanent line is down"


class IllegalMove(Exception):
    """An agent was asked to enter a state that the present state does not lead to."""


class AgentImage(msgspec.Struct, kw_only=True):
    """An agent as the store keeps them: what a restart must not forget."""

    state: AgentState
    since: float
    reason: str | None = None
    work: str | None = None
    paused_by: PausedBy | None = None
    wish: Wish | None = None
    wish_reason: str | None = None
    wrap_up_until: float | None = None
    outcome_due: str | None = None
    missed: int = 0
    idle_since: float
    last_ended_at: float | None = None
    day: str = ""
    calls: int = 0
    talk_s: float = 0.0
    times: dict[str, float] = {}
    skills: dict[str, int] | None = None
    """Those given at run time; None: as configured."""
    addresses: list[tuple[str, bool]] | None = None
    """The order chosen at run time, and which are switched on; None: as configured."""

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.since += by_s
        self.idle_since += by_s
        self.wrap_up_until = shifted(self.wrap_up_until, by_s)
        self.last_ended_at = shifted(self.last_ended_at, by_s)


class Agent:
    """One agent. Only the methods below change `state`; each gets `now`.

    `addresses` are those switched on, in the order to be rung; `all_addresses` have the others too.
    `idle_since` is when they last ended a call, logged in or became ready: an offer that was
    withdrawn leaves it as it was. `today` has the figures of the present day. `outcome_due` is the
    job or call whose outcome they have to write back before they are available again.
    """

    __slots__ = (
        "_settings",
        "added",
        "addresses",
        "all_addresses",
        "calendar",
        "centre",
        "idle_since",
        "last_ended_at",
        "line_up",
        "missed_before",
        "missed_in_a_row",
        "name",
        "outcome_due",
        "outcome_written",
        "own_addresses",
        "own_skills",
        "paused_by",
        "permanent",
        "policy",
        "queue_priority",
        "queues",
        "reason",
        "since",
        "skills",
        "state",
        "today",
        "wish",
        "wish_reason",
        "work",
        "wrap_up_until",
    )  # fmt: skip

    def __init__(
        self, settings: AgentSettings, policy: AgentPolicy, now: float, *, added: bool = False
    ):
        self.name = settings.name
        self.added = added
        self.state: AgentState = "logged_out"
        self.since = now
        self.reason: str | None = None
        self.work: str | None = None
        self.paused_by: PausedBy | None = None
        self.wish: Wish | None = None
        self.wish_reason: str | None = None
        self.wrap_up_until: float | None = None
        self.outcome_due: str | None = None
        self.outcome_written = False
        self.missed_in_a_row = 0
        self.missed_before = 0
        self.idle_since = now
        self.last_ended_at: float | None = None
        self.today = AgentDay(now)
        self.permanent = False
        self.line_up = True
        self.own_skills: dict[str, int] | None = None
        self.own_addresses: list[tuple[str, bool]] | None = None
        self.configure(settings, policy)

    def configure(self, settings: AgentSettings, policy: AgentPolicy) -> None:
        """Use this configuration from now on; the state stays as it is."""
        self.policy = policy
        self._settings = settings
        self._take_own()
        self.queues = tuple(settings.queues)
        self.queue_priority: Mapping[str, int] = dict(settings.queue_priority)
        self.centre = settings.centre or None
        self.calendar = settings.calendar
        if settings.permanent != self.permanent:
            self.permanent = settings.permanent
            self.line_up = not self.permanent

    def set_skills(self, skills: dict[str, int] | None) -> None:
        """Use these skills until further notice; None: the configured ones."""
        self.own_skills = skills
        self._take_own()

    def arrange(self, addresses: list[tuple[str, bool]] | None) -> None:
        """Addresses in another order, some switched off; None: as configured.

        What the configuration has no longer is left out; what it has besides comes last.
        """
        self.own_addresses = addresses
        self._take_own()

    def _take_own(self) -> None:
        own = self.own_skills
        self.skills: Mapping[str, int] = dict(self._settings.skills if own is None else own)
        known = {
            one.uri: AgentAddress(
                one.uri, one.kind, one.ring_s, confirm=one.confirm, stream=one.stream
            )
            for one in self._settings.reached_at
        }
        chosen = [
            replace(known.pop(uri), enabled=enabled)
            for uri, enabled in self.own_addresses or []
            if uri in known
        ]
        self.all_addresses: tuple[AgentAddress, ...] = (*chosen, *known.values())
        self.addresses = tuple(one for one in self.all_addresses if one.enabled)

    @property
    def calls(self) -> int:
        """How many calls they have had today."""
        return self.today.calls

    @property
    def talk_s(self) -> float:
        """How long they have talked today, up to the last change."""
        return self.today.talk_s

    def time_in(self, state: AgentState, now: float) -> float:
        """Seconds of the present day in `state`, up to now."""
        return self.today.time_in(state, self.state, now)

    @property
    def is_logged_in(self) -> bool:
        """Whether they hold a seat."""
        return self.state != "logged_out"

    @property
    def is_on_work(self) -> bool:
        """Whether they have a call, from the reservation to its end."""
        return self.state in ON_WORK

    # -- coming and going -------------------------------------------------------------------

    def login(self, now: float, reason: str | None = None) -> None:
        """Log in. This takes back a log-out that was asked for during a call."""
        self._forget_wish("logged_out")
        if self.state == "logged_out":
            self.missed_in_a_row = 0
            self.idle_since = now
            self.line_up = not self.permanent
            self._rest(now, reason)

    def logout(self, now: float, reason: str | None = None) -> None:
        """Log out, after the present call if there is one."""
        if self.is_on_work:
            self.wish, self.wish_reason = "logged_out", reason
        elif self.state != "logged_out":
            self._enter("logged_out", now, reason)

    def pause(self, now: float, reason: str | None = None) -> None:
        """Pause, after the present call if there is one."""
        if self.is_on_work:
            self.wish, self.wish_reason = "paused", reason
        else:
            self._enter("paused", now, reason, paused_by="agent")

    def ready(self, now: float) -> None:
        """Be available: end a pause or the wrap-up, and withdraw a wish to pause or log out."""
        self._forget_wish()
        self.missed_in_a_row = 0
        if self.state == "wrap_up" or (self.state == "paused" and self.paused_by != "line"):
            if self.state == "paused":
                self.idle_since = now
            self._rest(now)

    def line(self, up: bool, now: float) -> None:
        """The permanent line came up or went down; without it the agent is not available."""
        up = up or not self.permanent  # one that is no longer configured is not missed
        self.line_up = up
        if up and self.state == "paused" and self.paused_by == "line":
            self._rest(now)
        elif not up and self.state == "available":
            self._enter("paused", now, LINE_DOWN, paused_by="line")

    # -- a call -----------------------------------------------------------------------------

    def reserve(self, work: str, now: float) -> bool:
        """Compare and set: reserve for `work` if available. False, and nothing done, if not."""
        if self.state != "available":
            return False
        self.work = work
        self.outcome_written = False
        self._enter("reserved", now)
        return True

    def ringing(self, now: float) -> None:
        """The phone rings."""
        self._enter("ringing", now)

    def talking(self, now: float) -> None:
        """The agent has answered."""
        self.missed_before, self.missed_in_a_row = self.missed_in_a_row, 0
        self._enter("talking", now)

    def release(self, now: float) -> None:
        """The offer was withdrawn: another answered, or the customer left."""
        self._rest(now)

    def missed(self, now: float, reason: str, *, counts: bool = True) -> None:
        """The agent did not answer, or hung up before they heard who it is.

        Too often in a row, if it `counts`, means a pause.
        """
        if self.state == "talking":
            self.missed_in_a_row = self.missed_before
        self.idle_since = now
        self.missed_in_a_row += counts
        limit = self.policy.missed_limit
        if self.wish is None and counts and 0 < limit <= self.missed_in_a_row:
            words = f"{self.missed_in_a_row} offers unanswered in a row"
            self._enter("paused", now, words, paused_by="missed")
        else:
            self._rest(now, reason)

    def finished(
        self, now: float, wrap_up_s: float | None = None, *, needs_outcome: bool = False
    ) -> None:
        """The call is over. `wrap_up_s` is the queue's, if it has one.

        With `needs_outcome` they are not available before its outcome is written back.
        """
        if self.state != "talking":
            self.release(now)
            return
        self.today.calls += 1
        self.last_ended_at = self.idle_since = now
        limit_s = self.policy.wrap_up_s if wrap_up_s is None else wrap_up_s
        if needs_outcome and not self.outcome_written:
            self.outcome_due = self.work
        if self.wish is not None or (limit_s == 0 and self.outcome_due is None):
            self._rest(now)
            return
        until_ready = limit_s == UNTIL_READY
        if until_ready:
            limit_s = self.policy.max_wrap_up_s
        self.wrap_up_until = now + limit_s if limit_s or not until_ready else None
        self._enter("wrap_up", now)

    @property
    def wrap_up_deadline(self) -> float | None:
        """When the wrap-up ends by itself; None: not, or there is none."""
        if self.state != "wrap_up" or self.outcome_due is not None:
            return None
        return self.wrap_up_until

    def wrap_up_ends(self, now: float) -> bool:
        """Whether the wrap-up is over by now; if so, the agent is free."""
        deadline = self.wrap_up_deadline
        if deadline is None or now < deadline:
            return False
        self._rest(now, "wrap-up time is over")
        return True

    def write_outcome(self, work: str, now: float) -> None:
        """Somebody has written back the outcome of `work`."""
        if self.work == work and self.is_on_work:
            self.outcome_written = True
        if self.outcome_due != work:
            return
        self.outcome_due = None
        if self.paused_by == "outcome":
            self._rest(now)
        else:
            self.wrap_up_ends(now)

    # -- moving -----------------------------------------------------------------------------

    def _rest(self, now: float, reason: str | None = None) -> None:
        """Enter the state without work: what they asked for, else available."""
        wish, wish_reason = self.wish, self.wish_reason
        if wish == "logged_out":
            self._enter("logged_out", now, wish_reason)
        elif wish == "paused":
            self._enter("paused", now, wish_reason, paused_by="agent")
        elif not self.line_up:
            self._enter("paused", now, LINE_DOWN, paused_by="line")
        elif self.outcome_due is not None:
            words = f"the outcome of {self.outcome_due} is missing"
            self._enter("paused", now, words, paused_by="outcome")
        else:
            self._enter("available", now, reason)

    def _enter(
        self,
        state: AgentState,
        now: float,
        reason: str | None = None,
        paused_by: PausedBy | None = None,
    ) -> None:
        if state not in AGENT_TRANSITIONS[self.state]:
            raise IllegalMove(f"agent {self.name}: {self.state} does not lead to {state}")
        self.today.count(self.state, now)
        self.state, self.since, self.reason, self.paused_by = state, now, reason, paused_by
        if state not in ON_WORK and state != "wrap_up":  # which keeps the work it belongs to
            self.work = self.wrap_up_until = None
            self._forget_wish()

    def _forget_wish(self, which: Wish | None = None) -> None:
        if which is None or self.wish == which:
            self.wish = self.wish_reason = None

    # -- time -------------------------------------------------------------------------------

    def begin_day(self, day: str, now: float) -> bool:
        """Count from nothing when `day` is another than that of the figures."""
        return self.today.begin(day, now)

    def shift(self, by_s: float) -> None:
        """The clock was stepped: what the agent does began as long ago as before."""
        self.since += by_s
        self.idle_since += by_s
        self.wrap_up_until = shifted(self.wrap_up_until, by_s)
        self.last_ended_at = shifted(self.last_ended_at, by_s)
        self.today.shift(by_s)

    # -- showing and keeping ----------------------------------------------------------------

    def image(self) -> AgentImage:
        """What the store keeps of the state. Times count up to the last change."""
        return AgentImage(
            state=self.state,
            since=self.since,
            reason=self.reason,
            work=self.work,
            paused_by=self.paused_by,
            wish=self.wish,
            wish_reason=self.wish_reason,
            wrap_up_until=self.wrap_up_until,
            outcome_due=self.outcome_due,
            missed=self.missed_in_a_row,
            idle_since=self.idle_since,
            last_ended_at=self.last_ended_at,
            day=self.today.day,
            calls=self.today.calls,
            talk_s=self.today.talk_s,
            times=dict(self.today.times),
            skills=self.own_skills,
            addresses=self.own_addresses,
        )

    def restore(self, image: AgentImage, now: float) -> None:
        """Take up the state that an earlier engine left, as it was: see `interrupted`."""
        self.state, self.since, self.reason = image.state, image.since, image.reason
        self.work, self.paused_by = image.work, image.paused_by
        self.wish, self.wish_reason = image.wish, image.wish_reason
        self.wrap_up_until = image.wrap_up_until
        self.outcome_due = image.outcome_due
        self.missed_in_a_row = image.missed
        self.idle_since, self.last_ended_at = image.idle_since, image.last_ended_at
        self.today = AgentDay(now, image.day, image.calls, image.talk_s, dict(image.times))
        self.own_skills, self.own_addresses = image.skills, image.addresses
        self._take_own()

    def interrupted(self, now: float) -> bool:
        """Leave what ended with the earlier engine: a call, a line. Returns whether that was any.

        After a talk the agent wraps up as after any. An agent whose phone rang is free, and has not
        missed the call. What they asked for meanwhile holds.
        """
        self.line_up = not self.permanent
        if self.state == "talking":
            self.finished(now)
        elif self.is_on_work:
            self.release(now)
        elif self.state == "available" and not self.line_up:
            self.line(False, now)
        elif self.paused_by == "line" and self.line_up:
            self._rest(now)
        else:
            return self.wrap_up_ends(now)
        return True
