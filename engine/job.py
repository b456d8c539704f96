"""The callback job: what was asked for, where it stands, what was tried, how it ended.

A job is the durable record of one callback. Its fields and states are those of the control
protocol; times are Unix seconds. The table of allowed transitions is in one place, below.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict

import msgspec

from config.choices import OnCrash, Order
from config.retry import RetryCause
from media.detection_limits import Label

from .clock import shifted
from .scripts.record import ScriptRecord

JobState = Literal[
    "queued",
    "dialing_agent",
    "whispering",
    "dialing_customer",
    "holding",
    "bridged",
    "poisoned",
    "completed",
    "failed",
    "cancelled",
    "expired",
]

# The outcome that an agent notes for a callback, and the result of an attempt, where a machine
# answered for the customer.
MACHINE: Final = "machine"

TERMINAL_STATES: frozenset[JobState] = frozenset({"completed", "failed", "cancelled", "expired"})


def _leads_to(*states: JobState) -> frozenset[JobState]:
    return frozenset({*states, "failed", "cancelled"})


# A job goes back to `queued` between two attempts. It passes through `whispering` even when there
# is nothing to say, so that a client sees the same states on every callback. A `bridged` job is
# queued again only where a machine had answered for the customer. A `poisoned` one was under way in
# two crashes: it is called again only when a person says so.
TRANSITIONS: dict[Order, dict[JobState, frozenset[JobState]]] = {
    "agent_first": {
        "queued": _leads_to("dialing_agent", "expired", "poisoned"),
        "dialing_agent": _leads_to("whispering", "queued", "poisoned"),
        "whispering": _leads_to("dialing_customer", "queued", "poisoned"),
        "dialing_customer": _leads_to("bridged", "queued", "poisoned"),
        "bridged": _leads_to("completed", "queued"),
        "poisoned": _leads_to("queued"),
    },
    "customer_first": {
        "queued": _leads_to("dialing_customer", "expired", "poisoned"),
        "dialing_customer": _leads_to("holding", "queued", "poisoned"),
        "holding": _leads_to("dialing_agent", "queued", "poisoned"),
        "dialing_agent": _leads_to("whispering", "holding", "queued", "poisoned"),
        "whispering": _leads_to("bridged", "holding", "queued", "poisoned"),
        "bridged": _leads_to("completed", "queued"),
        "poisoned": _leads_to("queued"),
    },
}


class IllegalTransition(Exception):
    """A job was asked to go to a state that its present state does not lead to."""


class LegCost(TypedDict):
    """What one leg cost."""

    leg: str
    """Its id."""
    role: Literal["agent", "customer", "supervisor"]
    """Whom it went to."""
    amount: str
    """The amount, as a decimal number."""
    rate: str
    """The prefix of the rate."""
    talk_s: float
    """How long it was up."""


class CostView(TypedDict):
    """What a job or call cost."""

    amount: str
    """The amount in all, as a decimal number."""
    currency: str
    """Its currency."""
    legs: list[LegCost]
    """The legs that cost something."""


class LegRecord(msgspec.Struct, kw_only=True):
    """One leg of an attempt, as it is shown and stored."""

    leg: str
    """Its id."""
    role: Literal["agent", "customer", "supervisor"]
    """Whom it goes to."""
    uri: str
    """The request URI that was called."""
    state: Literal["dialing", "ringing", "early_media", "answered", "held", "ended"] = "dialing"
    """What it does now."""
    sip_status: int | None = None
    """The last status of the INVITE."""
    reason: str | None = None
    """The phrase of that status, or why it ended."""
    started: float
    """When it was called, or called us."""
    ringing: float | None = None
    """When it first rang."""
    answered: float | None = None
    """When it was answered."""
    ended: float | None = None
    """When it ended."""
    media: dict[str, Any] | None = None
    """Packets, loss, jitter and the like, as last reported: LegFigures."""
    events_dropped: int = 0
    """How many events its phone caused beyond what one phone may cause."""
    call_id: str | None = None
    """The Call-ID of its SIP dialog, by which a PBX and a capture know it."""
    trunk: str | None = None
    """The trunk that it goes by, or came by."""
    hop: str | None = None
    """Where its SIP goes, or comes from: `udp:192.0.2.1:5060`."""
    codec: str | None = None
    """The codec that was agreed on."""
    local_media: str | None = None
    """Our address for its RTP: `192.0.2.4:10000`."""
    remote_media: str | None = None
    """The address of the party for its RTP."""
    srtp: str | None = None
    """The suite that protects its RTP (RFC 4568); None for plain RTP."""
    answered_by: Label | None = None
    """Who or what has answered, where that was asked for."""

    def begin_try(self, uri: str, trunk: str | None, hop: str | None = None) -> None:
        """It is called by this target now: what an earlier one said is not said of it."""
        self.uri, self.trunk, self.hop = uri, trunk, hop
        self.sip_status = self.reason = self.call_id = None
        self.codec = self.remote_media = self.srtp = None

    def replaced_by(self, uri: str, call_id: str, hop: object) -> None:
        """Another party has taken the place of the one that was there."""
        self.uri, self.call_id, self.hop = uri, call_id, str(hop)

    def take_line(self, line: "LegRecord") -> None:
        """It goes by a line that is up."""
        self.uri = line.uri
        for name, value in line.way().items():
            setattr(self, name, value)

    def excess(self) -> dict[str, int]:
        """How many events its phone caused beyond the bound, where it did."""
        return {"events_dropped": self.events_dropped} if self.events_dropped else {}

    def way(self) -> dict[str, Any]:
        """What a telephone engineer needs to find the call elsewhere, as far as it is known."""
        return {
            "call_id": self.call_id,
            "trunk": self.trunk,
            "hop": self.hop,
            "codec": self.codec,
            "local_media": self.local_media,
            "remote_media": self.remote_media,
            "srtp": self.srtp,
        }

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the leg has rung and talked as long as before."""
        self.started += by_s
        self.ringing = shifted(self.ringing, by_s)
        self.answered = shifted(self.answered, by_s)
        self.ended = shifted(self.ended, by_s)


class AttemptRecord(msgspec.Struct, kw_only=True):
    """One try of a job: its legs in the order dialled, and its result once it is over."""

    call: str
    """The id of its call."""
    legs: list[LegRecord] = []
    """Its legs, in the order dialled."""
    result: str | None = None
    """How it ended, in one word; null while it goes on."""
    cause: str | None = None
    """Why it ended so, in words."""
    retry_cause: RetryCause | None = None
    """The cause whose rule says what follows."""
    number: str | None = None
    """What was dialled for the customer, where it was not the request's `to`."""
    ended: float | None = None
    """When it ended."""
    scripts: list[ScriptRecord] = []
    """The scripts that its parties went through."""

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.ended = shifted(self.ended, by_s)
        for leg in self.legs:
            leg.shift(by_s)
        for script in self.scripts:
            script.shift(by_s)

    @property
    def was_answered(self) -> bool:
        """Whether the customer has answered."""
        return any(leg.role == "customer" and leg.answered is not None for leg in self.legs)


class RetryRule(msgspec.Struct, kw_only=True, frozen=True):
    """What follows when attempts end for one cause.

    Each number is tried until `attempts` of its attempts ended so, the second after the first of
    `spacing_s`, and so on; the last one holds for all that follow. With `next_number` the other
    numbers of the request have their turn.
    """

    attempts: int = 1
    spacing_s: tuple[float, ...] = ()
    next_number: bool = True


class Request(msgspec.Struct, kw_only=True, frozen=True):
    """What the client asked for, defaults filled in.

    Only commands that say so change it after acceptance: priority, not_before, deadline.
    """

    to: str
    agent: str | None = None
    queue: str | None = None
    order: Order = "agent_first"
    context: dict[str, Any] = {}
    whisper: dict[str, Any] | None = None
    caller_id: str | None = None
    trunk: str | None = None
    priority: int = 0
    not_before: float | None = None
    deadline: float | None = None
    max_attempts: int = 1
    ring_s: float = 30.0
    max_duration_s: float = 7200.0
    record: bool = False
    numbers: list[str] = []
    site: str | None = None
    source: str | None = None
    skills: dict[str, int] = {}
    on_crash: OnCrash = "fail"
    script: str | None = None
    customer_script: str | None = None
    agent_script: str | None = None
    after_script: str | None = None
    known_agent: str | None = None
    centre: str | None = None
    notify_url: str | None = None
    """Where the job's events are posted. It may have a secret: it is never shown."""
    detect: dict[str, Any] | None = None
    """Whether it is told who or what answers, and what follows, as far as the request says it."""
    retry: dict[RetryCause, RetryRule] = {}
    """The causes with a rule of their own; the others follow max_attempts and dial.retry_s."""


# Agents may miss a job or call many times while it waits: this many offers are kept of it.
OFFERS_KEPT: Final = 60


class OfferRecord(msgspec.Struct, kw_only=True):
    """One agent was offered the job. `result` is None until the offer is over."""

    agent: str
    """Who was offered it."""
    queue: str | None = None
    """The queue that offered it; null for one agent by name."""
    offered: float
    """When it was offered."""
    answered: float | None = None
    """When the agent answered."""
    ended: float | None = None
    """When the offer was over."""
    result: str | None = None
    """How it ended, in one word."""

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.offered += by_s
        self.answered = shifted(self.answered, by_s)
        self.ended = shifted(self.ended, by_s)


Side = Literal["agent", "customer", "engine"]


class Failure(msgspec.Struct, kw_only=True):
    """Why a job did not complete: which side, at which moment, and what SIP said."""

    side: Side
    """Whose leg it was, or the engine."""
    moment: JobState
    """The state that the job was in."""
    sip_status: int | None = None
    """The SIP status, where there was one."""
    sip_reason: str | None = None
    """The phrase of that status."""
    reason_header: str | None = None
    """The Reason header, as it came."""


# The times of a job that are no dates.
_LASTING: Final = ("bridged_at", "quiet_until", "queue_joined_at", "queue_since", "decide_by")


CancelledBy = Literal["client", "visitor"]


class Job(msgspec.Struct, kw_only=True):
    """One callback job. `result` is one word, `cause` a sentence for a person."""

    id: str
    state: JobState = "queued"
    request: Request
    fingerprint: str = ""
    meaning: str = ""
    """As the fingerprint, of what the request means."""
    created: float
    attempts: list[AttemptRecord] = []
    bridged_at: float | None = None
    ended_at: float | None = None
    next_attempt_at: float | None = None
    is_due_on_date: bool = False
    """`next_attempt_at` is when something opens, not the end of a pause."""
    deadline_moved_s: float = 0.0
    """How far the clock was set forward over the deadline, which was moved along."""
    quiet_until: float | None = None
    """Until when a phone may still ring that an earlier engine called: nobody is called before."""
    under_way: bool = False
    """An attempt is made, or about to be. After a crash it may have been dialled."""
    crashes: int = 0
    """In how many crashes it was under way. One of them may be its doing."""
    result: str | None = None
    cause: str | None = None
    cancelled_by: CancelledBy | None = None
    failure: Failure | None = None
    recording: str | None = None
    requested_by: str | None = None
    """The client that asked for it on the control socket; None: the caller, by a key."""
    called: str | None = None
    """The customer's number in E.164, where `to` is one."""
    region: str | None = None
    """The country of `called`, where it is known."""
    dial_to: str | None = None
    """What is dialled for the customer next, where it is not the request's `to`."""
    scheduled: str | None = None
    """Why the job waits for its time, in words for a person."""
    offers: list[OfferRecord] = []
    queue_joined_at: float | None = None
    """When it first joined its queue. That is its place there, and a later attempt keeps it."""
    queue_since: float | None = None
    """Since when it waits for an agent, where its wait was interrupted: limits, tiers and overflow
    count from here. None: since `queue_joined_at`."""
    outside_tried: dict[str, float] = {}
    """The outside numbers to which its queue sent it in this wait, and when it did so last."""
    waits_in: str | None = None
    """The queue that it joined last, which is another than it asked for after an overflow."""
    has_place: bool = False
    """It has been in its queue, which accepts it again even when the queue is full by then."""
    joined: int = 0
    """How many further requests for the same number joined this job."""
    decision: Literal["needed"] | None = None
    """It is not known whether somebody was called before a crash: a person decides."""
    decide_by: float | None = None
    """When the job fails if nobody has decided."""
    notes: list[str] = []
    outcome: str | None = None
    rating: int | None = None
    cost: dict[str, Any] | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self.state in TERMINAL_STATES

    @property
    def next_due_at(self) -> float:
        """When the job is to be called next, at the earliest (Unix seconds)."""
        return max(self.next_attempt_at or 0.0, self.request.not_before or 0.0)

    @property
    def agent(self) -> str | None:
        """The agent who has the job now, or had it last, or whom it names; None: not known yet."""
        if not self.offers:
            return self.request.agent
        offers = self.offers if self.is_terminal else [one for one in self.offers if not one.ended]
        if answered := [one.agent for one in offers if one.answered is not None]:
            return answered[-1]
        is_known = offers and (self.is_terminal or len(offers) == 1)
        return offers[-1].agent if is_known else self.request.agent

    def about(self) -> dict[str, Any]:
        """What every event of the job says of it, as far as it is known by then."""
        request = self.request
        about = {
            "job": self.id,
            "site": request.site,
            "number": self.called,
            "queue": self.waits_in or request.queue,
            "agent": self.agent,
            "context": request.context,
        }
        return about if request.notify_url is None else {**about, "has_notify_url": True}

    def joins_queue(self, queue: str) -> None:
        """It waits in this queue from now on."""
        self.waits_in = queue

    def move_to_queue(self, queue: str) -> None:
        """It is for this queue from now on, and waits in it from the beginning."""
        self.request = msgspec.structs.replace(
            self.request, queue=queue, agent=None, known_agent=None
        )
        self.queue_joined_at = self.queue_since = self.waits_in = None
        self.outside_tried = {}

    def interrupt_wait(self, until: float) -> None:
        """It waits for no agent before `until`: its wait starts again then, its place is kept."""
        if self.queue_joined_at is not None:
            self.queue_since, self.outside_tried = until, {}

    def shift(self, by_s: float, now: float) -> None:
        """The clock was stepped by `by_s` and is `now` now.

        What lasts goes on as before. A date stays where it is, but one that was reached stays
        reached, and one that the step jumped over is as far away as before it.
        """
        before = now - by_s
        self.created += by_s
        for name in _LASTING:
            setattr(self, name, shifted(getattr(self, name), by_s))
        self.outside_tried = {one: at + by_s for one, at in self.outside_tried.items()}
        for attempt in self.attempts:
            attempt.shift(by_s)
        for offer in self.offers:
            offer.shift(by_s)
        due_at = self.next_attempt_at
        if due_at is not None and (not self.is_due_on_date or due_at <= before):
            self.next_attempt_at = due_at + by_s
        not_before, deadline = self.request.not_before, self.request.deadline
        if not_before is not None and not_before <= before:
            self.request = msgspec.structs.replace(self.request, not_before=not_before + by_s)
        if deadline is not None:
            moved_s = self._moves_deadline_by(deadline, by_s, now)
            self.deadline_moved_s += moved_s
            self.request = msgspec.structs.replace(self.request, deadline=deadline + moved_s)

    def _moves_deadline_by(self, deadline: float, by_s: float, now: float) -> float:
        if by_s > 0:
            return by_s if now - by_s < deadline <= now else 0.0
        return -min(self.deadline_moved_s, -by_s)

    def enter(self, state: JobState) -> None:
        """Move to `state`. Raises IllegalTransition where the table does not allow it."""
        allowed = TRANSITIONS[self.request.order].get(self.state, frozenset())
        if state not in allowed:
            raise IllegalTransition(f"job {self.id}: {self.state} does not lead to {state}")
        self.state = state


def site_of(context: Mapping[str, Any] | None) -> str | None:
    """The site that a context names, if it names one."""
    site = (context or {}).get("site")
    return site if isinstance(site, str) else None
