"""The registry of agents: who there is, what each does now, and who is notified of changes.

Every change goes through here: it is made in the agent's state machine (`agent.py`), kept in the
store, published as `agent.<state>`, and passed to the subscribers, in that order and before the
call returns. All of it is synchronous, so that a reservation is compare and set without a lock.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

import structlog

from config.agents import Agent as AgentSettings
from config.agents import AgentDefaults

from ..errors import EngineError
from ..store.protocols import NOTHING_KEPT, Documents, Publisher
from .agent import Agent, AgentImage, AgentState
from .agent_policy import AgentPolicy
from .agent_view import AgentView, agent_view

log = structlog.get_logger()

STORED_AS = "agent"

OnFree = Callable[[str], None]
OnChange = Callable[[Agent, AgentState], None]
OnDeadline = Callable[[], None]


class AgentRegistry:
    """Every agent by name.

    `serves` gives the names of the queues that are an agent's own, by the settings of either. In
    `zone` (None: the machine's own) the days begin by which calls and talk time are counted.
    """

    def __init__(
        self,
        configured: Sequence[AgentSettings],
        *,
        defaults: AgentDefaults | None = None,
        events: Publisher,
        store: Documents = NOTHING_KEPT,
        zone: tzinfo | None = None,
        serves: Callable[[Agent], Sequence[str]] = lambda agent: agent.queues,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.zone = zone
        self._events = events
        self._store = store
        self._clock = clock
        self._agents: dict[str, Agent] = {}
        self._defaults = defaults or AgentDefaults()
        self._wrapping: dict[str, float] = {}
        self.serves = serves
        self._on_free: list[OnFree] = []
        self._on_change: list[OnChange] = []
        self._on_deadline: list[OnDeadline] = []
        for settings in configured:
            self.enrol(settings)

    def subscribe(
        self,
        *,
        on_free: OnFree | None = None,
        on_change: OnChange | None = None,
        on_deadline: OnDeadline | None = None,
    ) -> Callable[[], None]:
        """Call these functions from now on. Returns what ends this; a second call does nothing.

        `on_free` is called with the name of each agent who becomes available, `on_change` with each
        agent who changes and the state they leave, after the change is kept and published. They may
        change agents themselves. `on_deadline` is called when `next_deadline` may be another one.
        """
        subscribed: list[tuple[list[Any], Any]] = [
            (listeners, listener)
            for listeners, listener in (
                (self._on_free, on_free),
                (self._on_change, on_change),
                (self._on_deadline, on_deadline),
            )
            if listener is not None
        ]
        for listeners, listener in subscribed:
            listeners.append(listener)

        def unsubscribe() -> None:
            while subscribed:
                listeners, listener = subscribed.pop()
                listeners.remove(listener)

        return unsubscribe

    # -- who there is -----------------------------------------------------------------------

    def enrol(self, settings: AgentSettings, *, added: bool = False) -> Agent:
        """Have an agent, logged out, or another one's settings for the agent of this name.

        `added`: by command, not by the configuration.
        """
        policy = AgentPolicy.of(settings, self._defaults)
        agent = self._agents.get(settings.name)
        if agent is None:
            now = self._clock()
            agent = self._agents[settings.name] = Agent(settings, policy, now)
            agent.begin_day(day_of(now, self.zone), now)
        else:
            was_permanent = agent.permanent
            agent.configure(settings, policy)
            if agent.permanent != was_permanent:
                self._change(agent, lambda: agent.line(agent.line_up, self._clock()))
        agent.added = added
        return agent

    def dismiss(self, name: str) -> None:
        """Remove this agent, who is logged out."""
        self._agents.pop(name, None)
        self._wrapping.pop(name, None)
        self._store.drop(STORED_AS, name)

    def set_defaults(self, defaults: AgentDefaults) -> None:
        """Use these defaults for agents who are enrolled from now on, and this number of seats."""
        self._defaults = defaults

    def start(self, images: Mapping[str, AgentImage] | None = None) -> None:
        """Take up what an earlier engine left (`images`), and log in who needs no asking.

        Those who were on a call are now in wrap-up, free, or in the state they asked for.
        """
        now = self._clock()
        images = images or {}
        for agent in self._agents.values():
            image = images.get(agent.name)
            if image is not None:
                agent.restore(image, now)
        for agent in self._agents.values():
            if agent.name in images:
                self._change(agent, partial(agent.interrupted, now))
            else:
                self.log_in_at_start(agent)

    def log_in_at_start(self, agent: Agent) -> None:
        """Log in a new agent, if the policy says so and there is a seat."""
        if not agent.policy.auto_login:
            return
        if self._has_seat():
            self._change(agent, partial(agent.login, self._clock(), "start"))
        else:
            log.warning("no_seat", agent=agent.name, seats=self._defaults.seats)

    @property
    def outcome_required(self) -> bool:
        """Whether agents have to write back the outcome of each talk, where no queue says so."""
        return self._defaults.outcome_required

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that may be written back, where no queue has its own; empty: any."""
        return self._defaults.outcomes

    @property
    def pause_reasons(self) -> list[str]:
        """The reasons that a pause may have; empty: any."""
        return self._defaults.pause_reasons

    @property
    def confirm_text(self) -> str:
        """What an agent hears who has to take a call by a key; {digit} is the key."""
        return self._defaults.confirm_text

    def get(self, name: str) -> Agent | None:
        """The agent of this name, if there is one."""
        return self._agents.get(name)

    def known(self, name: str) -> Agent:
        """The agent of this name. Raises EngineError `not_found`."""
        agent = self._agents.get(name)
        if agent is None:
            raise EngineError("not_found", f"there is no agent named {name!r}", field="agent")
        return agent

    def all(self) -> Iterable[Agent]:
        """Every agent, in the order of the configuration."""
        return self._agents.values()

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)

    def __contains__(self, name: object) -> bool:
        return name in self._agents

    # -- a call -----------------------------------------------------------------------------
    # Each of these is True when it was done, False, with nothing done, when the agent is not
    # there, or has other work by now. So a flow may end what it began without looking.

    def reserve(self, name: str, work: str, now: float | None = None) -> bool:
        """Compare and set: an available agent becomes `work`'s, a job's or call's id."""
        agent = self._agents.get(name)
        if agent is None or agent.state != "available":
            return False
        at = self._clock() if now is None else now
        self._change(agent, lambda: agent.reserve(work, at))
        return True

    def ringing(self, name: str, work: str) -> bool:
        """The phone rings."""
        agent = self._of(name, work, "reserved")
        if agent is None:
            return False
        self._change(agent, lambda: agent.ringing(self._clock()))
        return True

    def talking(self, name: str, work: str) -> bool:
        """The agent has answered."""
        agent = self._of(name, work, "reserved", "ringing")
        if agent is None:
            return False
        self._change(agent, lambda: agent.talking(self._clock()))
        return True

    def release(self, name: str, work: str) -> bool:
        """The offer is withdrawn, through no fault of the agent."""
        agent = self._of(name, work, "reserved", "ringing")
        if agent is None:
            return False
        self._change(agent, lambda: agent.release(self._clock()))
        return True

    def missed(self, name: str, work: str, reason: str, *, counts: bool = True) -> bool:
        """The agent did not answer, or hung up in the whisper; too often in a row, they are paused.

        `counts` is False if they were asked for by name, not offered by a queue.
        """
        agent = self._of(name, work, "reserved", "ringing", "talking")
        if agent is None:
            return False
        move = partial(agent.missed, self._clock(), reason, counts=counts)
        self._change(agent, move, missed=True)
        return True

    def finished(
        self,
        name: str,
        work: str,
        wrap_up_s: float | None = None,
        *,
        needs_outcome: bool = False,
    ) -> bool:
        """The call is over: wrap up, be free, or enter the state they asked for meanwhile.

        `wrap_up_s` is the queue's, if it has one: 0 for none, -1 until they are ready. With
        `needs_outcome` they are not available before its outcome is written back.
        """
        agent = self._of(name, work, "reserved", "ringing", "talking")
        if agent is None:
            return False
        now = self._clock()
        self._change(agent, lambda: agent.finished(now, wrap_up_s, needs_outcome=needs_outcome))
        return True

    def outcome_written(self, work: str) -> None:
        """The outcome of a job or call was written back: whoever had to do that is free."""
        for agent in self._agents.values():
            if work in (agent.outcome_due, agent.work):
                self._change(agent, partial(agent.write_outcome, work, self._clock()))

    def _of(self, name: str, work: str, *states: AgentState) -> Agent | None:
        agent = self._agents.get(name)
        if agent is None or agent.work != work or agent.state not in states:
            return None
        return agent

    # -- what an agent asks for ------------------------------------------------------------

    def login(self, name: str) -> Agent:
        """Log the agent in. Raises EngineError `not_found`, or `unavailable` if no seat is left."""
        agent = self.known(name)
        if not agent.is_logged_in and not self._has_seat():
            seats = self._defaults.seats
            reason = f"all {seats} seats are taken"
            raise EngineError("unavailable", reason, field="agent", data={"seats": seats})
        self._change(agent, lambda: agent.login(self._clock()))
        return agent

    def logout(self, name: str, reason: str | None = None) -> Agent:
        """Log the agent out, after the present call if any. Raises EngineError `not_found`."""
        agent = self.known(name)
        self._change(agent, lambda: agent.logout(self._clock(), reason))
        return agent

    def pause(self, name: str, reason: str | None = None) -> Agent:
        """Pause the agent, after the present call if there is one.

        Raises EngineError `not_found`, `state` when they are not logged in, or `refused` where the
        reason is none of those that are configured.
        """
        agent = self.known(name)
        self._must_be_logged_in(agent)
        reasons = self._defaults.pause_reasons
        if reasons and reason not in reasons:
            words = f"the reason must be one of {', '.join(reasons)}"
            raise EngineError("refused", words, "reason", {"reasons": reasons})
        self._change(agent, lambda: agent.pause(self._clock(), reason))
        return agent

    def ready(self, name: str) -> Agent:
        """End the pause or wrap-up, or withdraw what they asked for.

        Raises EngineError `not_found`, or `state` when they are not logged in, or have to write
        back an outcome first.
        """
        agent = self.known(name)
        self._must_be_logged_in(agent)
        due = agent.outcome_due
        if due is not None:
            words = f"agent {name} has to write back the outcome of {due} first"
            raise EngineError("state", words, "agent", {"outcome_due": due})
        self._change(agent, lambda: agent.ready(self._clock()))
        return agent

    def set_skills(self, name: str, skills: dict[str, int] | None) -> Agent:
        """Use other skills; None: the configured ones. Raises EngineError `not_found`."""
        agent = self.known(name)
        agent.set_skills(skills)
        self._keep(agent)
        self._events.publish("agent.skills", agent=name, skills=dict(agent.skills))
        for listener in tuple(self._on_change):
            listener(agent, agent.state)
        if agent.state == "available":  # an entry may have waited for these skills
            self._notify_free(agent)
        return agent

    def arrange(self, name: str, addresses: list[tuple[str, bool]] | None) -> Agent:
        """Use the addresses in this order, on or off; None: as configured.

        Raises EngineError `not_found`.
        """
        agent = self.known(name)
        agent.arrange(addresses)
        self._keep(agent)
        shown = [{"uri": one.uri, "enabled": one.enabled} for one in agent.all_addresses]
        self._events.publish("agent.addresses", agent=name, addresses=shown)
        return agent

    def line(self, name: str, up: bool) -> None:
        """The permanent line came up, or went down."""
        agent = self._agents.get(name)
        if agent is not None:
            self._change(agent, lambda: agent.line(up, self._clock()))

    @staticmethod
    def _must_be_logged_in(agent: Agent) -> None:
        if not agent.is_logged_in:
            raise EngineError("state", f"agent {agent.name} is not logged in", field="agent")

    @property
    def seats(self) -> int:
        """How many may be logged in at once; 0: as many as there are."""
        return self._defaults.seats

    @property
    def seats_taken(self) -> int:
        """How many are logged in."""
        return sum(agent.is_logged_in for agent in self._agents.values())

    def _has_seat(self) -> bool:
        return not self._defaults.seats or self.seats_taken < self._defaults.seats

    # -- time -------------------------------------------------------------------------------

    @property
    def next_deadline(self) -> float | None:
        """When the next wrap-up ends; None while none does by itself."""
        return min(self._wrapping.values(), default=None)

    def tick(self, now: float) -> None:
        """End the wrap-ups that are over by now."""
        for name, until in sorted(self._wrapping.items(), key=lambda item: item[1]):
            agent = self._agents.get(name)
            if until <= now and agent is not None:
                self._change(agent, partial(agent.wrap_up_ends, now))

    def shift(self, by_s: float) -> None:
        """The clock was stepped: wrap-ups last as long as before."""
        for agent in self._agents.values():
            agent.shift(by_s)
            self._keep(agent)
        self._wrapping = {name: until + by_s for name, until in self._wrapping.items()}
        for listener in self._on_deadline:
            listener()

    def count_days_in(self, zone: tzinfo | None) -> None:
        """Count the calls and the talk time of each day by the days of `zone` from now on."""
        self.zone = zone

    def begin_day(self, now: float) -> None:
        """Reset the day's figures of each agent whose day is over."""
        day = day_of(now, self.zone)
        for agent in self._agents.values():
            if agent.begin_day(day, now):
                self._keep(agent)

    # -- every change -----------------------------------------------------------------------

    def _change(self, agent: Agent, move: Callable[[], object], **fields: Any) -> None:
        before = agent.state, agent.since, agent.reason
        wish = agent.wish
        now = self._clock()
        agent.begin_day(day_of(now, self.zone), now)
        move()
        self._keep(agent)
        self._note_deadline(agent)
        if agent.wish is not None and agent.wish != wish:
            self._events.publish(
                "agent.asked", agent=agent.name, wish=agent.wish, reason=agent.wish_reason
            )
        if before == (agent.state, agent.since, agent.reason):
            return
        previous = before[0]
        self._events.publish(
            f"agent.{agent.state}",
            agent=agent.name,
            previous=previous,
            reason=agent.reason,
            work=agent.work,
            since=agent.since,
            outcome_due=agent.outcome_due,
            **fields,
        )
        for listener in tuple(self._on_change):
            listener(agent, previous)
        if agent.state == "available" and previous != "available":
            self._notify_free(agent)

    def _notify_free(self, agent: Agent) -> None:
        for listener in tuple(self._on_free):
            listener(agent.name)

    def view(self, agent: Agent) -> AgentView:
        """An agent as the control protocol shows them now."""
        return agent_view(agent, self.serves(agent), self._clock())

    def now(self) -> float:
        """The time by which agents go (Unix seconds)."""
        return self._clock()

    def views(self) -> list[AgentView]:
        """Every agent as the control protocol shows them now."""
        return [self.view(agent) for agent in self._agents.values()]

    def _keep(self, agent: Agent) -> None:
        self._store.put(STORED_AS, agent.name, agent.image())

    def _note_deadline(self, agent: Agent) -> None:
        deadline = agent.wrap_up_deadline
        if deadline is not None:
            self._wrapping[agent.name] = deadline
            for listener in self._on_deadline:
                listener()
        else:
            self._wrapping.pop(agent.name, None)


def day_of(now: float, zone: tzinfo | None) -> str:
    """The day that `now` is in there."""
    return datetime.fromtimestamp(now, zone).date().isoformat()
