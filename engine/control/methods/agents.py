"""The methods of the control protocol that are about agents: agent.*."""

from collections.abc import Container
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from config.choices import AddressUse

from ...acd.agent import Agent, AgentState
from ...acd.agent_view import AgentView
from ...acd.availability import AgentAvailability, SlotQuery
from ...errors import BadParams, EngineError
from ...request import Identifier, Params, RingTime, Target
from ..connections.peer import Peer
from ..method import Method
from ..params import SECONDS_PER_MIN, Days, SlotCallbacks, SlotMin
from .pages import Paged, after_named, cursor_at, page_of

if TYPE_CHECKING:
    from ...acd.agents import AgentRegistry
    from ...acd.queues import Queues
    from ...acd.roster import Roster
    from ...callbacks.slot_bookings import SlotBookings

Reason = Annotated[str, Meta(max_length=256)]
Level = Annotated[int, Meta(ge=1, le=10)]
Skills = Annotated[dict[Identifier, Level], Meta(max_length=64)]
QueuePriority = Annotated[
    dict[Identifier, Annotated[int, Meta(ge=-1000, le=1000)]], Meta(max_length=64)
]
WrapUp = Annotated[float, Meta(ge=-1, le=86400)]
Limit = Annotated[float, Meta(ge=0, le=86400)]


class AgentRef(Params):
    """agent.get, agent.login, agent.ready, agent.remove."""

    agent: Identifier


class AgentQuery(Paged):
    """agent.list: those for whom all that is given holds."""

    state: AgentState | None = None
    queue: Identifier | None = None
    centre: Identifier | None = None


class AgentAvailabilityQuery(Params):
    """agent.availability: with the hours of `days` days from now.

    With `slot_min` also the slots of that many minutes in them that have room, each for
    `slot_callbacks` (None: for one).
    """

    agent: Identifier
    days: Days = 7
    slot_min: SlotMin | None = None
    slot_callbacks: SlotCallbacks | None = None


class AgentReason(Params):
    """agent.logout, agent.pause."""

    agent: Identifier
    reason: Reason | None = None

    def __post_init__(self) -> None:
        if self.reason is not None and not self.reason.isprintable():
            raise BadParams("reason", "must be printable characters on one line")


class AgentSkills(Params):
    """agent.skills: `skills` in place of those they have; None: the configured ones."""

    agent: Identifier
    skills: Skills | None = None


class AgentAddressUse(Params):
    """agent.address: which of their addresses comes first, or is on or off.

    Without `uri` they are as configured again.
    """

    agent: Identifier
    uri: Target | None = None
    use: AddressUse = "first"


class NewAddress(Params):
    """An address of an agent who is added."""

    uri: Target
    kind: Literal["desk", "browser", "mobile"] = "desk"
    ring_s: RingTime | None = None
    confirm: Annotated[
        str, Meta(pattern="^[0-9*#A-D]?$", description="a key of the telephone, or nothing")
    ] = ""


class NewAgent(Params):
    """agent.add: as [[agents]] of the configuration, without an account of their own."""

    agent: Identifier
    uri: Target | None = None
    addresses: Annotated[list[NewAddress], Meta(min_length=1, max_length=16)] | None = None
    skills: Skills | None = None
    queues: Annotated[list[Identifier], Meta(max_length=64)] | None = None
    queue_priority: QueuePriority | None = None
    centre: Identifier | None = None
    calendar: Identifier | None = None
    login: Literal["auto", "manual"] | None = None
    wrap_up_s: WrapUp | None = None
    max_wrap_up_s: Limit | None = None
    missed_limit: Annotated[int, Meta(ge=0, le=1000)] | None = None
    comfort: Literal["silence", "music"] | None = None
    permanent: bool | None = None

    def fields(self) -> dict[str, Any]:
        """What is given, as the configuration would say it."""
        given = {
            name: value for name, value in msgspec.to_builtins(self).items() if value is not None
        }
        return {"name": given.pop("agent"), **given}


class AgentList(TypedDict):
    """agent.list."""

    agents: list[AgentView]
    """The agents."""
    seats: int
    """How many may be logged in at once; 0: any number."""
    taken: int
    """How many are."""
    pause_reasons: list[str]
    """The reasons that a pause may have; empty: any."""
    outcomes: list[str]
    """The outcomes that may be written back, where no queue has its own; empty: any."""
    outcome_required: bool
    """Whether one has to be, after each talk, where no queue says so itself."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class AgentRemoved(TypedDict):
    """agent.remove."""

    agent: str
    """The name."""
    removed: Literal[True]
    """They are gone."""


class AgentMethods:
    """What a client may do with agents."""

    def __init__(
        self,
        agents: "AgentRegistry",
        roster: "Roster",
        queues: "Queues",
        bookings: "SlotBookings",
    ) -> None:
        self._agents = agents
        self._roster = roster
        self._queues = queues
        self._bookings = bookings

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "agent.list": Method(AgentQuery, self._list, is_large=True),
            "agent.get": Method(AgentRef, self._get),
            "agent.availability": Method(
                AgentAvailabilityQuery, self._availability, is_costly=True
            ),
            "agent.login": Method(AgentRef, self._login),
            "agent.logout": Method(AgentReason, self._logout),
            "agent.pause": Method(AgentReason, self._pause),
            "agent.ready": Method(AgentRef, self._ready),
            "agent.skills": Method(AgentSkills, self._skills),
            "agent.address": Method(AgentAddressUse, self._address),
            "agent.add": Method(NewAgent, self._add),
            "agent.remove": Method(AgentRef, self._remove),
        }

    async def _list(self, params: AgentQuery, _peer: Peer) -> AgentList:
        def fits(agent: Agent) -> bool:
            return (
                params.state in (None, agent.state)
                and (params.queue is None or params.queue in self._agents.serves(agent))
                and params.centre in (None, agent.centre)
            )

        named = {agent.name: agent for agent in self._agents}
        wanted = filter(fits, after_named(named, params.cursor, "agent.list"))
        page = await page_of(wanted, self._agents.view, params.limit)
        return {
            "agents": page.views,
            "seats": self._agents.seats,
            "taken": self._agents.seats_taken,
            "pause_reasons": self._agents.pause_reasons,
            "outcomes": self._agents.outcomes,
            "outcome_required": self._agents.outcome_required,
            "cursor": None if page.last is None else cursor_at(named, page.last.name),
        }

    def _get(self, params: AgentRef, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.known(params.agent))

    def _availability(self, params: AgentAvailabilityQuery, _peer: Peer) -> AgentAvailability:
        slots = None
        if params.slot_min is not None:
            slots = SlotQuery(
                params.slot_min * SECONDS_PER_MIN,
                params.slot_callbacks,
                self._bookings.due_times_of_agent,
            )
        return self._queues.views.agent_availability(params.agent, params.days, slots)

    def _login(self, params: AgentRef, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.login(params.agent))

    def _logout(self, params: AgentReason, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.logout(params.agent, params.reason))

    def _pause(self, params: AgentReason, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.pause(params.agent, params.reason))

    def _ready(self, params: AgentRef, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.ready(params.agent))

    def _skills(self, params: AgentSkills, _peer: Peer) -> AgentView:
        return self._agents.view(self._agents.set_skills(params.agent, params.skills))

    def _address(self, params: AgentAddressUse, _peer: Peer) -> AgentView:
        return self._agents.view(self._roster.arrange(params.agent, params.uri, params.use))

    async def _add(self, params: NewAgent, _peer: Peer) -> AgentView:
        for queue in (*(params.queues or ()), *(params.queue_priority or ())):
            self._must_be_known("queue", queue, self._queues.matcher.queues.by_name, "queues")
        if params.centre is not None:
            self._must_be_known(
                "centre", params.centre, self._queues.matcher.queues.centres, "centre"
            )
        if params.calendar is not None:
            self._must_be_known("calendar", params.calendar, self._queues.calendars, "calendar")
        return self._agents.view(await self._roster.add_agent(params.fields()))

    @staticmethod
    def _must_be_known(noun: str, name: str, known: Container[str | None], field: str) -> None:
        if name not in known:
            raise EngineError("refused", f"there is no {noun} named {name!r}", field=field)

    def _remove(self, params: AgentRef, _peer: Peer) -> AgentRemoved:
        self._roster.remove_agent(params.agent)
        return {"agent": params.agent, "removed": True}
