"""The roster: who is an agent at all, by the configuration or by command, and at which addresses.

The registry (`agents.py`) has what the agents do; the dialplan has where they are reached. Both
learn from here. Agents added by command are checked as configured ones are, and may besides be
given only addresses that the dialplan lets a client dial. They outlive a restart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from config.agents import Agent as AgentSettings
from config.agents import AgentDefaults

from ..errors import EngineError, refused_settings
from ..routing.dialplan import Dialplan
from ..routing.media_policy import MediaPolicy
from ..routing.targets.destination import credentials_of
from ..store.protocols import Publisher
from ..store.store import Store
from .agent import Agent, AgentImage, AgentState
from .agents import STORED_AS, AgentRegistry

log = structlog.get_logger()

ADDED_AS = "agent_added"


class Roster:
    """Adds, changes and removes agents while the engine runs."""

    def __init__(
        self,
        configured: Sequence[AgentSettings],
        *,
        agents: AgentRegistry,
        dialplan: Dialplan,
        store: Store,
        events: Publisher,
    ) -> None:
        self._configured = {one.name: one for one in configured}
        self._agents = agents
        self._dialplan = dialplan
        self._store = store
        self._events = events
        self._leaving: set[str] = set()
        agents.subscribe(on_change=self._changed)

    async def start(self, moved_s: float = 0.0) -> None:
        """Take up the agents and their states that an earlier engine left. Raises StoreError.

        The clock was stepped by `moved_s` since.
        """
        added: dict[str, dict[str, Any]] = await self._store.load(ADDED_AS, dict)
        for name, fields in added.items():
            if name in self._configured:
                self._store.drop(ADDED_AS, name)
                continue
            try:
                settings = AgentSettings(**fields)
                self._agents.enrol(settings, added=True)
            except ValidationError as error:  # kept by another version
                log.error("agent_left_out", agent=name, reason=str(error))
        images = await self._store.load(STORED_AS, AgentImage)
        for image in images.values():
            image.shift(moved_s)
        for name in images.keys() - {agent.name for agent in self._agents}:
            self._store.drop(STORED_AS, name)
        self._agents.start(images)
        for agent in self._agents:
            self._reach(agent)

    # -- by command -------------------------------------------------------------------------

    async def add_agent(self, fields: Mapping[str, Any]) -> Agent:
        """Add an agent for good, and log them in if the policy says so.

        Raises EngineError `conflict` when there is one of this name or at this address, `refused`
        naming the field.
        """
        settings = _checked(fields)
        name = settings.name
        if name in self._agents:
            raise EngineError("conflict", f"there is an agent named {name!r}", field="agent")
        field = "addresses" if not settings.uri else "uri"
        for address in settings.reached_at:
            self._dialplan.check_address(address.uri, field=field)
            if (owner := self._dialplan.agent_at(address.uri)) is not None:
                reason = f"{address.uri} is an address of agent {owner} as well"
                raise EngineError("conflict", reason, field=field)
        agent = self._agents.enrol(settings, added=True)
        self._events.publish("agent.added", agent=name, if_saved=True)
        try:
            await self._store.put(ADDED_AS, name, dict(fields), durable=True)
        except EngineError:
            self._agents.dismiss(name)
            raise
        self._reach(agent)
        self._agents.log_in_at_start(agent)
        return agent

    def remove_agent(self, name: str) -> None:
        """Remove an agent who was added by command, logging them out first.

        Raises EngineError: `not_found`; `refused` for a configured one; `state` while they are on a
        call.
        """
        agent = self._agents.known(name)
        if not agent.added:
            reason = f"agent {name} stands in the configuration; remove them there"
            raise EngineError("refused", reason, field="agent")
        if agent.is_on_work:
            reason = f"agent {name} is on a call; log them out, and remove them after it"
            raise EngineError("state", reason, field="agent")
        self._agents.logout(name, "removed")
        self._store.drop(ADDED_AS, name)
        self._dismiss(name)

    def arrange(self, name: str, uri: str | None, use: str) -> Agent:
        """Put the address `uri` of an agent first, or switch it on or off; None: as configured.

        Raises EngineError `not_found`, or `state` for the last one that is on.
        """
        agent = self._agents.known(name)
        order = None if uri is None else _rearranged(agent, uri, use)
        self._agents.arrange(name, order)
        self._reach(agent)
        return agent

    # -- by the configuration ---------------------------------------------------------------

    def reconfigure(self, configured: Sequence[AgentSettings], defaults: AgentDefaults) -> None:
        """Use another configuration. Those it no longer has leave, after their call if need be."""
        self._configured = {one.name: one for one in configured}
        self._agents.set_defaults(defaults)
        for settings in configured:
            is_new = settings.name not in self._agents
            self._leaving.discard(settings.name)
            agent = self._agents.enrol(settings)
            self._reach(agent)
            if is_new:
                self._agents.log_in_at_start(agent)
        for agent in tuple(self._agents):
            if not agent.added and agent.name not in self._configured:
                self._leaving.add(agent.name)
                self._agents.logout(agent.name, "removed")
                if not agent.is_logged_in:
                    self._dismiss(agent.name)

    def _changed(self, agent: Agent, _previous: AgentState) -> None:
        if agent.name not in self._leaving or agent.is_on_work:
            return
        if agent.is_logged_in:  # they asked to stay, during their last call
            self._agents.logout(agent.name, "removed")
        else:
            self._dismiss(agent.name)

    def _dismiss(self, name: str) -> None:
        self._leaving.discard(name)
        self._agents.dismiss(name)
        self._dialplan.forget_agent(name)
        self._events.publish("agent.removed", agent=name)

    def _reach(self, agent: Agent) -> None:
        settings = self._configured.get(agent.name)
        credentials = credentials_of(settings) if settings is not None else None
        media = MediaPolicy.of(settings) if settings is not None else MediaPolicy()
        self._dialplan.set_agent(agent.name, agent.addresses, credentials, media)


def _checked(fields: Mapping[str, Any]) -> AgentSettings:
    try:
        return AgentSettings(**fields)
    except ValidationError as error:
        raise refused_settings(error, "agent") from error


def _rearranged(agent: Agent, uri: str, use: str) -> list[tuple[str, bool]]:
    order = [(one.uri, one.enabled) for one in agent.all_addresses]
    if uri not in dict(order):
        reason = f"agent {agent.name} has no address {uri!r}"
        raise EngineError("not_found", reason, field="uri")
    if use == "first":
        order = [(uri, True), *(one for one in order if one[0] != uri)]
    else:
        order = [(one, use == "on" if one == uri else enabled) for one, enabled in order]
    if not any(enabled for _uri, enabled in order):
        reason = f"{uri} is the last address of agent {agent.name} that is on; log them out instead"
        raise EngineError("state", reason, field="use")
    return order
