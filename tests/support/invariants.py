"""What must hold of an engine at every moment, and of what it published when the day is over."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from engine.acd.agent import AGENT_TRANSITIONS, ON_WORK
from engine.acd.matching.candidates import candidates
from engine.acd.queue_entry import ENDED
from engine.job import TERMINAL_STATES
from engine.job import TRANSITIONS as JOB_TRANSITIONS
from engine.store.kept_events import Event as LoggedEvent
from tests.support.engines.virtual import VirtualEngine
from tests.support.phones.virtual import Network

from .arrivals import Arrivals
from .random_plans import OUTSIDE, REGAIN_S

STATES = {f"callback.{state}" for table in JOB_TRANSITIONS.values() for state in table} | {
    f"callback.{state}" for state in TERMINAL_STATES
}
ENDS = {f"callback.{state}" for state in TERMINAL_STATES}
AGENT_STATES = {f"agent.{state}" for state in AGENT_TRANSITIONS}
# A moment is over when nothing is ready to run; what is published then is true then.
TOLERANCE_S = 0.05
# No day has more callbacks and callers; as many may wait when the engine is killed.
MOST_WAITING = 8
# How long a call may take besides its wait: to be set up, a whisper, a last sentence.
AROUND_A_WAIT_S = 10.0
CALL_RESULTS = {
    "completed", "abandoned", "hung_up", "callback", "timeout", "closed", "full", "overflow",
    "withdrawn", "unavailable", "cancelled", "failed",
}  # fmt: skip

TRANSITIONS: Mapping[Any, Mapping[Any, Any]] = JOB_TRANSITIONS
AGENT_TABLE: Mapping[Any, Any] = AGENT_TRANSITIONS

Jobs = Mapping[str, Mapping[str, Any]]
Event = dict[str, Any]


class Invariants:
    """Watches one engine from its start. What it finds wrong is an AssertionError."""

    def __init__(self, engine: VirtualEngine) -> None:
        self._engine = engine
        daemon = engine.daemon
        self._dispatcher, self._register = daemon.dispatcher, daemon.registry
        self._agents, self._queues = daemon.agents, daemon.queues
        self._inbound = daemon.inbound
        self.moments = 0
        self._quiet_since: dict[str, float] = {}

    # -- at every moment --------------------------------------------------------------------

    def check_moment(self) -> None:
        """Nothing is left to do at this moment."""
        if self._engine.is_dead:
            return
        self.moments += 1
        self._one_call_each()
        self._phones_have_owners()
        self._agents_do_what_they_seem_to()
        self._nobody_waits_for_nothing()
        self._callers_are_somewhere()

    @property
    def _interrupted_calls(self) -> dict[str, Any]:
        return {flow.call.id: flow for flow in self._inbound._calls}

    def _callers_are_somewhere(self) -> None:
        """Each call is in one state, in a queue only while it waits, and not for ever."""
        entries, now = self._queues.matcher.entries, self._engine.world.network.clock()
        for name, inbound in self._interrupted_calls.items():
            call = inbound.call
            if name in entries:
                assert call.state in ("waiting", "ringing"), f"{name} is {call.state} in a queue"
            elif call.state == "waiting":  # between two of its moments
                since = self._quiet_since.setdefault(name, now)
                assert now - since < TOLERANCE_S, f"{name} waits in no queue"
                continue
            self._quiet_since.pop(name, None)
            if call.bridged_at is None:
                limit_s = inbound._incoming.route.max_wait_s + AROUND_A_WAIT_S
                assert now - call.started < limit_s, f"{name} waits for more than {limit_s:g} s"

    def _one_call_each(self) -> None:
        jobs = Counter(call.job_id for call in self._register.calls.values() if call.job_id)
        twice = [job for job, calls in jobs.items() if calls > 1]
        assert not twice, f"two attempts at once: {twice}"
        for user, calls in self._engine.world.network.by_user.items():
            if user == OUTSIDE:
                continue
            up = sum(call.is_up for call in calls)
            assert up <= 1, f"{user} is called {up} times at once: {calls}"
        for job in self._dispatcher.jobs.values():
            assert not job.is_terminal, f"{job.id} is {job.state} and still open"
        open_jobs = set(self._dispatcher.jobs)
        assert set(jobs) <= open_jobs, f"calls of jobs that are not open: {set(jobs) - open_jobs}"

    def _phones_have_owners(self) -> None:
        legs = {id(leg._session) for leg in self._register.legs.values()}
        legs |= {id(call._session) for call in self._interrupted_calls.values()}
        for phone in self._engine.world.network.up:
            assert id(phone) in legs, f"nobody owns the call of {phone.user} ({phone.state})"

    def _agents_do_what_they_seem_to(self) -> None:
        network = self._engine.world.network
        for agent in self._agents.all():
            up = network.interrupted_calls(agent.name)
            assert len(up) <= 1, f"{agent.name} has two calls at once: {up}"
            if up:
                assert agent.state in ON_WORK, f"{agent.name} is {agent.state} during {up}"
            if agent.state == "talking":
                assert any(call.answered is not None for call in up), f"{agent.name} talks alone"
            # Between two addresses the phone is quiet for as long as a port takes.
            if agent.state == "ringing" and not up:
                since = self._quiet_since.setdefault(agent.name, network.clock())
                is_between = network.clock() - since < TOLERANCE_S
                assert is_between, f"{agent.name} rings, but no phone of theirs"
            else:
                self._quiet_since.pop(agent.name, None)
            if agent.is_on_work:
                assert (
                    agent.work in self._dispatcher.jobs or agent.work in self._interrupted_calls
                ), f"{agent.name} is {agent.state} for {agent.work}, which is over"

    def _nobody_waits_for_nothing(self) -> None:
        matcher = self._queues.matcher
        # A timer may be late by as much as its clock is coarse.
        now = self._engine.world.network.clock() - TOLERANCE_S
        for entry in matcher.entries.values():
            assert entry.state not in ENDED, f"{entry.id} is {entry.state} and still there"
            is_open = entry.id in self._dispatcher.jobs or entry.id in self._interrupted_calls
            assert is_open, f"{entry.id} waits, but is not open"
            line = matcher.queues.by_name[entry.queue]
            if entry.state != "waiting" or not line.may_release(now):
                continue
            free = [one.name for one in candidates(entry, line, matcher.free_agents, now)]
            assert not free, f"{entry.id} waits in {entry.queue}, and {free} are free"

    # -- in the evening ---------------------------------------------------------------------

    def check_evening(self, jobs: Jobs) -> None:
        """Every job is over, and everybody went home."""
        engine = self._engine
        for job_id, job in jobs.items():
            assert job["state"] in TERMINAL_STATES, f"{job_id} is {job['state']}"
        assert not self._dispatcher.jobs
        assert not self._dispatcher.active
        assert not self._inbound.active
        assert not self._register.calls
        assert not self._register.legs
        assert not engine.media.open_legs, "a port is not given back"
        assert not engine.world.network.up, "a phone is still in a call"
        matcher = self._queues.matcher
        assert not matcher.entries
        assert not matcher._on_call
        for line in matcher.queues.by_name.values():
            assert not line.active, f"{line.name} counts {line.active} as active"
            assert not line.order
            assert not line.waiting_index
        for agent in self._agents.all():
            assert agent.state in ("available", "wrap_up"), f"{agent.name} is {agent.state}"


class Seen:
    """What engines published, one after another: every event, once it was on the disk."""

    def __init__(self) -> None:
        self._arrivals: Arrivals[Event] = Arrivals()

    @property
    def events(self) -> list[Event]:
        """All so far."""
        return self._arrivals.items

    def listen(self, event: LoggedEvent) -> None:
        """Take one event."""
        self._arrivals.add(msgspec.json.decode(event.line)["params"])

    async def event(self, kind: str, *, within_s: float, **members: Any) -> Event:
        """The first event of this type with these members, past or to come."""
        try:
            return await self._arrivals.wait_for(
                lambda event: event["type"] == kind and members.items() <= event.items(),
                timeout_s=within_s,
            )
        except TimeoutError:
            raise AssertionError(f"no {kind} with {members} within {within_s:g} s") from None

    async def job_ended(self, job: str, *, within_s: float) -> Event:
        """The event of the end of a job, past or to come. Raises TimeoutError."""
        return await self._arrivals.wait_for(
            lambda event: event["type"] in ENDS and event["job"] == job, timeout_s=within_s
        )

    def of(self, kind: str) -> list[Event]:
        """The events of this type."""
        return [event for event in self.events if event["type"] == kind]

    def asked_by_key(self) -> list[str]:
        """The callbacks that callers asked for while they waited."""
        return [
            event["job"] for event in self.of("callback.queued") if event["job"].startswith("call-")
        ]

    def check(self, jobs: Jobs, asked_orders: Mapping[str, str] | None = None) -> None:
        """The log is whole, and has nothing that the tables do not allow.

        A job may be agent-first where another order was asked for: its customer wished that.
        """
        numbers = [event["seq"] for event in self.events]
        assert all(after == before + 1 for before, after in pairwise(numbers)), "a gap"
        seen: dict[str, list[str]] = defaultdict(list)
        at: dict[str, str] = {}
        for event in self.events:
            kind = event["type"]
            if kind in STATES:
                seen[event["job"]].append(kind.removeprefix("callback."))
            elif kind in AGENT_STATES:
                state, agent = kind.removeprefix("agent."), event["agent"]
                previous = at.get(agent, event["previous"])
                assert event["previous"] == previous
                assert state in AGENT_TABLE[previous], f"{agent}: {previous} to {state}"
                at[agent] = state
        for job_id, job in jobs.items():
            states = seen[job_id]
            check_path(job_id, job["order"], states, (asked_orders or {}).get(job_id))
            assert states[-1] == job["state"]

    def check_calls(self, jobs: Jobs) -> None:
        """Each call that came in ended once, and a kept position was regained."""
        came = {event["call"]: event for event in self.of("call.incoming")}
        ended = {event["call"]: event for event in self.of("call.ended")}
        assert len(ended) == len(self.of("call.ended")), "a call ended twice"
        assert set(ended) == set(came), f"never ended: {set(came) - set(ended)}"
        for event in self.of("queue.abandoned"):
            assert event["kind"] == "call", "nobody abandons who is not on the line"
        answered = {event["call"]: event for event in self.of("call.answered")}
        for name, end in ended.items():
            result = end["result"]
            assert result in CALL_RESULTS, f"{name}: {result}: {end['cause']}"
            talked = end.get("bridged_at") is not None
            fits = talked if result == "completed" else not talked or result == "failed"
            assert fits, f"{name}: {end}"
            if result == "callback":
                self._check_callback(end, jobs, answered[name]["joined_at"])
        self._check_regained(ended)

    def _check_callback(self, end: Event, jobs: Jobs, joined_at: float) -> None:
        """The caller is called back in their position, and not before they have hung up."""
        job = jobs[end["callback"]]
        if job["id"] != f"{end['call']}-callback":
            return  # the request joined an open callback of the number
        joined = [one for one in self.of("queue.joined") if one.get("job") == job["id"]]
        for one in joined[:1]:
            place_of = one["time"] - one["waited_s"]
            assert abs(place_of - joined_at) < TOLERANCE_S, f"{job['id']} has lost its place"
        called = [event for event in self.of("callback.dialing_agent") if event["job"] == job["id"]]
        assert all(event["time"] >= end["time"] - TOLERANCE_S for event in called)

    def _check_regained(self, ended: Mapping[str, Event]) -> None:
        """A caller who called again in time had the old position, or that of the callback."""
        left: dict[tuple[str, str], tuple[float, float]] = {}
        numbers = {event["call"]: event.get("number") for event in self.of("call.incoming")}
        for event in self.events:
            number = numbers.get(event.get("call", ""))
            if event["type"] == "call.answered":
                place = left.pop((number or "", event["queue"]), None)
                if place is not None and event["time"] < place[0] + REGAIN_S - TOLERANCE_S:
                    assert event["joined_at"] <= place[1], f"{event['call']} lost its place"
            elif event["type"] == "call.ended" and event["result"] == "abandoned" and number:
                place_of = self._joined_at(event["call"])
                if place_of is not None:
                    left[number, event["queue"]] = (event["time"], place_of)

    def _joined_at(self, call: str) -> float | None:
        for event in self.of("call.answered"):
            if event["call"] == call:
                at: float = event["joined_at"]
                return at
        return None

    # -- what reports say -------------------------------------------------------------------

    def check_reports(
        self, jobs: Jobs, reports: Mapping[str, Any], network: Network, kills: int = 0
    ) -> None:
        """The figures add up, and are those of the phones."""
        states = Counter(job["state"] for job in jobs.values())
        total = reports["job"]["total"]
        assert total["requested"] == len(jobs)
        assert {state: total[state] for state in TERMINAL_STATES} == {
            state: states[state] for state in TERMINAL_STATES
        }
        assert total["open"] == 0
        assert total["attempts"] == sum(len(job["attempts"]) for job in jobs.values())
        sites = reports["site"]["totals"]
        assert sum(row["requested"] for row in sites) == len(jobs)
        self._check_queue_figures(reports["queue"], kills)
        if not kills:
            self._check_agent_figures(reports["agent"], network)

    def _check_queue_figures(self, report: Mapping[str, Any], kills: int) -> None:
        total = report["total"]
        results = (
            "answered", "abandoned", "short_abandoned", "overflowed", "expired", "withdrawn",
            "lost", "waiting",
        )  # fmt: skip
        assert total["offered"] == sum(total[result] for result in results)
        assert total["waiting"] == 0
        assert total["lost"] <= kills * MOST_WAITING
        kinds = Counter(event["type"] for event in self.events if event.get("queue"))
        # After a restart entries join again, and stay what they were.
        joined = kinds["queue.joined"]
        assert total["offered"] <= joined if kills else total["offered"] == joined
        assert total["answered"] == kinds["queue.answered"]
        abandoned = total["abandoned"] + total["short_abandoned"]
        assert abandoned == kinds["queue.abandoned"]

    def _check_agent_figures(self, report: Mapping[str, Any], network: Network) -> None:
        for row in report["totals"]:
            name = row["agent"]
            own = [event for event in self.events if event.get("agent") == name]
            kinds = Counter(event["type"] for event in own)
            assert row["offered"] == kinds["agent.ringing"]
            assert row["offered"] == row["answered"] + row["missed"] + row["withdrawn"]
            assert row["calls"] == row["answered"] == kinds["agent.talking"]
            answered = [call for call in network.calls_of(name) if call.answered is not None]
            assert row["answered"] <= len(answered)
            talked_s = sum((call.ended or 0) - (call.answered or 0) for call in answered)
            if row["answered"] == len(answered):
                assert abs(row["talking_s"] - talked_s) <= TOLERANCE_S * (1 + len(answered)), name


def check_path(job_id: str, order: str, states: list[str], asked: str | None = None) -> None:
    """The states of a job came in an order that its table allows; `asked` was its first order."""
    assert states, f"{job_id}: nothing was published"
    tables = [TRANSITIONS[one] for one in (order, asked) if one is not None]
    assert states[0] == "queued", f"{job_id}: begins with {states[0]}"
    for before, after in pairwise(states):
        again = before == after == "queued"  # postponed
        is_allowed = any(after in table.get(before, ()) for table in tables)
        assert again or is_allowed, f"{job_id}: {before} to {after}"


def check_customers(jobs: Jobs, network: Network) -> None:
    """No customer was called twice at once, or again when the job was over, or after a talk."""
    for job_id, job in jobs.items():
        is_asked_by_key = job_id not in network.by_user
        calls = network.by_user[job["to"] if is_asked_by_key else job_id]
        for before, after in pairwise(calls):
            assert before.ended is not None and after.began >= before.ended, f"{job_id}: at once"
        if is_asked_by_key:  # the number may be called for another one
            continue
        assert all(call.began <= job["ended_at"] for call in calls), f"{job_id}: after its end"
        if job["bridged_at"] is not None:
            again = [call for call in calls if call.began > job["bridged_at"]]
            assert not again, f"{job_id} was called again after a talk"
