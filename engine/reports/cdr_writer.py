"""The keeper of records: watches the events and writes what reports are counted from.

Everything is written in the transaction of the event that it follows from: a job's record with the
job's end, a stay in a queue with its joining and its leaving, an agent's period with its beginning.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ..job import MACHINE, TERMINAL_STATES, Job, LegRecord, site_of
from ..store.store import Store
from .cdr import Row, Stay, answer_rows, moments_of, row_of, talked_s
from .report_queries import LAST_STATES, stays_of_open

Event = Mapping[str, Any]

ENDINGS = {f"callback.{state}": state for state in TERMINAL_STATES}
AGENT_STATES = frozenset(
    {"logged_out", "available", "reserved", "ringing", "talking", "wrap_up", "paused"}
)
# The engine was not there: nobody knows what the agent did.
DOWN = "down"

# The result of a stay that the queue ended, by the reason it gives.
RESULT_OF_LEAVING = {
    "callback": "overflowed",  # they are called back, and keep their place
    "timeout": "expired",
    "closed": "expired",
}


MOVE_PRESENT_PERIOD = """
    UPDATE agent_periods SET since = ?
    WHERE number = (SELECT MAX(number) FROM agent_periods WHERE agent = ?)
"""


class AgentNow(Protocol):
    """What is looked at of an agent."""

    name: str
    state: Any
    reason: str | None
    work: str | None


class CdrWriter:
    """Writes records, stays and periods.

    `cost_of` gives what an ended job cost (`amount`, `currency`, and more for the record) or None,
    `cost_of_legs` the same of legs that were called.
    `on_stay` are called with each stay when it begins and again when it ends, `on_record` with the
    row of each record.
    """

    def __init__(
        self,
        store: Store,
        *,
        cost_of: Callable[[Job], Mapping[str, Any] | None] = lambda _job: None,
        cost_of_legs: Callable[[Iterable[LegRecord]], Mapping[str, Any] | None] = lambda _: None,
        on_stay: Iterable[Callable[[Stay], None]] = (),
        on_record: Iterable[Callable[[Row], None]] = (),
        on_period: Callable[[str, str, float], None] = lambda _agent, _state, _since: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._comes_back: Callable[[str], bool] = lambda _entry: False
        self._has_started = False
        self._cost_of = cost_of
        self._cost_of_legs = cost_of_legs
        self._on_stay = tuple(on_stay)
        self._on_record = tuple(on_record)
        self._on_period = on_period
        self._store = store
        self._clock = clock
        self._stays: dict[str, list[Stay]] = {}
        self._unconfirmed: dict[str, Stay] = {}
        self._agents: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self.seen_until = 0.0
        """When an earlier engine was last known to run."""
        self._by_type: dict[str, Callable[[Event], None]] = {
            "queue.joined": self._joined,
            "queue.moved": self._left,
            "queue.answered": self._answered,
            "queue.abandoned": self._left,
            "queue.overflowed": self._left,
            "queue.left": self._left,
            "call.ended": self._call_ended,
            "engine.started": self._started,
            **dict.fromkeys(ENDINGS, self._job_ended),
            **{f"agent.{state}": self._agent_changed for state in AGENT_STATES},
        }

    @property
    def watched(self) -> Collection[str]:
        """The types of the events that it takes."""
        return self._by_type

    # -- starting ---------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up what an earlier engine left, before the first event. Raises StoreError."""
        self.seen_until = self._store.kept_log.seen_until or self._clock()
        still_open = await self._store.query(*stays_of_open())
        for row in still_open:
            stay = Stay(*row)
            self._stays.setdefault(stay.entry, []).append(stay)
            if stay.left_at is None:
                self._unconfirmed[stay.entry] = stay
        for agent, state in await self._store.query(LAST_STATES):
            self._agents[agent] = state
        self._agents_down(self.seen_until)

    def begin(
        self,
        agents: Iterable[AgentNow],
        now: float,
        comes_back: Callable[[str], bool] = lambda _entry: False,
    ) -> None:
        """Note what the agents do that have said nothing since the start.

        `comes_back` says whether a party that waited in a queue of an earlier engine will join
        it again; `all_came_back` follows.
        """
        self._comes_back = comes_back
        for agent in agents:
            if self._agents.get(agent.name, "logged_out") != agent.state:
                self._period(agent.name, agent.state, now, agent.reason, agent.work)

    def shift(self, by_s: float) -> None:
        """The clock was stepped: what goes on now began as long ago as before."""
        for stays in self._stays.values():
            if stays and stays[-1].left_at is None:
                stays[-1].shift(by_s)
                self._store.insert("queue_stays", stays[-1].row())
        for agent in self._since:
            self._since[agent] += by_s
            self._store.execute(MOVE_PRESENT_PERIOD, (self._since[agent], agent))

    # -- watching ---------------------------------------------------------------------------

    def watch(self, event: Event) -> None:
        """Take one event, as it is published."""
        handle = self._by_type.get(event["type"])
        if handle is not None:
            handle(event)

    def _started(self, _event: Event) -> None:
        self._has_started = True
        self._close_unconfirmed()

    def all_came_back(self) -> None:
        """Nobody is to come back any more who waited in a queue of an earlier engine."""
        if self._has_started:
            self._close_unconfirmed()

    def _close_unconfirmed(self) -> None:
        """Those who do not join again were cut off with the earlier engine."""
        for entry, stay in tuple(self._unconfirmed.items()):
            if not self._comes_back(entry):
                self._close(stay, "lost", self.seen_until, reason="engine restarted")

    def _agents_down(self, since: float) -> None:
        for agent, state in tuple(self._agents.items()):
            if state not in ("logged_out", DOWN):
                self._period(agent, DOWN, since, None, None)

    # -- stays in queues --------------------------------------------------------------------

    def _joined(self, event: Event) -> None:
        entry, queue = _entry(event), event.get("queue")
        if queue is None:  # they wait for one agent alone
            return
        stays = self._stays.setdefault(entry, [])
        present = stays[-1] if stays and stays[-1].left_at is None else None
        if present is not None and present.queue == queue:
            self._unconfirmed.pop(entry, None)  # joined again after a restart
            return
        if present is not None:
            self._close(present, "overflowed", event["time"], reason=event.get("reason"))
        stay = Stay(
            id=f"{entry}/{event['seq']}",
            entry=entry,
            kind=event.get("kind") or ("callback" if "job" in event else "call"),
            queue=queue,
            site=site_of(_mapping(event.get("context"))),
            joined_at=event["time"],
        )
        stays.append(stay)
        self._write(stay)

    def _answered(self, event: Event) -> None:
        stay = self._waiting(event)
        if stay is not None:
            stay.agent = event.get("agent")
            self._close(stay, "answered", event["time"])

    def _left(self, event: Event) -> None:
        stay = self._waiting(event)
        if stay is None or "from_place" in event:  # it waits on, in another position
            return
        reason = event.get("reason")
        match event["type"]:
            case "queue.abandoned":
                result = "abandoned"
            case "queue.overflowed" | "queue.moved":
                result, reason = "overflowed", reason or event.get("to_queue")
            case _:
                result = RESULT_OF_LEAVING.get(reason or "", "withdrawn")
        if result == "abandoned" and stay.kind == "callback":
            result = "withdrawn"  # nobody was on the line
        self._close(stay, result, event["time"], reason=reason)

    def _waiting(self, event: Event) -> Stay | None:
        stays = self._stays.get(_entry(event))
        return stays[-1] if stays and stays[-1].left_at is None else None

    def _close(self, stay: Stay, result: str, at: float, *, reason: str | None = None) -> None:
        stay.left_at = max(at, stay.joined_at)
        stay.waited_s = stay.left_at - stay.joined_at
        stay.result, stay.reason = result, reason
        self._unconfirmed.pop(stay.entry, None)
        self._write(stay)

    def _write(self, stay: Stay) -> None:
        self._store.insert("queue_stays", stay.row())
        for listener in self._on_stay:
            listener(stay)

    def _stays_of(
        self, entry: str, at: float, talk_s: float | None, became: str = "withdrawn"
    ) -> list[Stay]:
        """The stays of a party that is done: close the last, with the length of the talk."""
        stays = self._stays.pop(entry, [])
        if stays and stays[-1].left_at is None:
            self._close(stays[-1], became, at)
        answered = [stay for stay in stays if stay.result == "answered"]
        if answered and talk_s is not None:
            answered[-1].talk_s = talk_s
            self._write(answered[-1])
        return stays

    # -- records ----------------------------------------------------------------------------

    def _job_ended(self, event: Event) -> None:
        job = self._store.find(event["job"])
        if job is None or not job.is_terminal:
            return
        moments = moments_of(job)
        stays = self._stays_of(job.id, event["time"], moments.talk_s)
        cost = self._cost_of(job)
        row = row_of(job, moments, stays, cost)
        self._store.insert("records", row)
        for answer in answer_rows(job, moments):
            self._store.insert("customer_answers", answer)
        if any(attempt.result == MACHINE for attempt in job.attempts):
            # What was written of an attempt that was repeated is not said of the callback.
            self._store.execute(
                "UPDATE annotations SET outcome = ? WHERE id = ?", (job.outcome, job.id)
            )
        if cost is not None and job.cost != cost:
            job.cost = dict(cost)
            self._store.save(job)
        for listener in self._on_record:
            listener(row)

    def _call_ended(self, event: Event) -> None:
        """An inbound call is over; the calls of callbacks are in the records of their jobs."""
        if "job" in event or event.get("direction") == "outbound":
            return
        entry, cut_off_at = event["call"], event.get("ended_at")
        ended_at = event["time"] if cut_off_at is None else cut_off_at
        talk_at, answered_at = event.get("bridged_at"), event.get("answered_at")
        legs: Iterable[LegRecord] = event.get("legs", ())
        # The call is over only when its media and recording are: the talk was before that.
        talk_s = None if talk_at is None else talked_s(legs, talk_at, ended_at)
        # The caller's own leg was not called: it costs nothing here. The call itself knows which.
        cost = event.get("cost") or self._cost_of_legs(leg for leg in legs if leg.role == "agent")
        became = "withdrawn" if cut_off_at is None else "lost"
        stays = self._stays_of(entry, ended_at, talk_s, became)
        created = event.get("started") or (stays[0].joined_at if stays else ended_at)
        row: Row = {
            "id": entry,
            "kind": "call",
            "number": event.get("number"),
            "site": site_of(_mapping(event.get("context"))),
            "queue": stays[-1].queue if stays else event.get("queue"),
            "agent": event.get("agent") or (stays[-1].agent if stays else None),
            "state": "completed" if talk_at is not None else "failed",
            "result": event.get("result"),
            "attempts": 0,
            "created": created,
            "due_at": created,
            "operator_at": answered_at if answered_at is not None else talk_at,
            "talk_at": talk_at,
            "ended_at": ended_at,
            "talk_s": talk_s,
            "cost": None if cost is None else float(cost["amount"]),
            "currency": None if cost is None else cost["currency"],
        }
        shown = {**event, **row, "attempts": [], "cost": cost}
        shown["stays"] = [stay.row() for stay in stays]
        del shown["currency"]
        del shown["type"], shown["seq"], shown["epoch"], shown["time"]
        row["body"] = msgspec.json.encode(shown)
        self._store.insert("records", row)
        for listener in self._on_record:
            listener(row)

    # -- agents -----------------------------------------------------------------------------

    def _agent_changed(self, event: Event) -> None:
        state = event["type"].removeprefix("agent.")
        since = event.get("since", event["time"])
        reason, work, missed = event.get("reason"), event.get("work"), event.get("missed", False)
        self._period(event["agent"], state, since, reason, work, missed=missed)

    def _period(
        self,
        agent: str,
        state: str,
        since: float,
        reason: str | None,
        work: str | None,
        *,
        missed: bool = False,
    ) -> None:
        self._agents[agent], self._since[agent] = state, since
        row = {"agent": agent, "state": state, "since": since, "reason": reason, "work": work}
        self._store.insert("agent_periods", row | {"missed": int(missed)})
        self._on_period(agent, state, since)


def _entry(event: Event) -> str:
    """Who waits: a job, or an inbound call."""
    return str(event["job"] if "job" in event else event["call"])


def _mapping(context: Any) -> Mapping[str, Any] | None:
    if isinstance(context, msgspec.Raw):
        context = msgspec.json.decode(context)
    return context if isinstance(context, Mapping) else None
