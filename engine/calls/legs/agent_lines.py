"""The permanent lines of agents that are up now, and the calls that borrow them."""

from functools import partial

from media.sources import Hold, Silence, Source
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from ...acd.agents import AgentRegistry
from ..call import CallRegistry
from ..leg import Leg, Role
from .borrowed_leg import BorrowedLeg
from .leg_listener import LegOwner


class AgentLines:
    """Lends the lines of agents who stay on the phone between calls, one call at a time.

    `PermanentLegs` keeps the lines up: it adds each that has been answered, and removes each that
    has ended.
    """

    def __init__(
        self,
        agents: AgentRegistry,
        *,
        sip: SipEndpoint,
        media: WorkerPool,
        registry: CallRegistry,
        hold: Hold,
    ) -> None:
        self._agents = agents
        self._sip = sip
        self._media = media
        self._registry = registry
        self._hold = hold
        self._up: dict[str, Leg] = {}
        self._borrowed: dict[str, BorrowedLeg] = {}

    def line_of(self, agent: str) -> Leg | None:
        """The agent's line, where it is up."""
        return self._up.get(agent)

    def is_borrowed(self, agent: str) -> bool:
        """Whether a call has the agent's line."""
        return agent in self._borrowed

    def can_be_borrowed(self, agent: str) -> bool:
        """Whether the agent has a line that is up, and no call has it."""
        line = self._up.get(agent)
        return line is not None and line.hangup_cause is None and agent not in self._borrowed

    def add_line(self, agent: str, line: Leg) -> None:
        """The agent's line is up: calls can borrow it, and the agent hears the comfort sound."""
        self._up[agent] = line
        line.hear(self._comfort(agent))

    def remove_line(self, agent: str) -> None:
        """The agent's line is down."""
        del self._up[agent]

    def borrow(self, agent: str, owner: LegOwner, role: Role = "agent") -> Leg | None:
        """The agent's line as a leg of a call; None where there is none, or a call has it.

        The leg is used like any other: `open`, `dial` (which announces the call), `hang_up`,
        `release`. The last two give the line back.
        """
        if not self.can_be_borrowed(agent):
            return None
        borrowed = BorrowedLeg(
            self._up[agent],
            role=role,
            sip=self._sip,
            media=self._media,
            owner=owner,
            give_back=partial(self._given_back, agent),
        )
        self._borrowed[agent] = borrowed
        return borrowed

    def _given_back(self, agent: str, borrowed: BorrowedLeg) -> None:
        if self._borrowed.get(agent) is borrowed:
            del self._borrowed[agent]
        line = self._up.get(agent)
        if line is not None and line.id == borrowed.id and line.hangup_cause is None:
            self._registry.legs[line.id] = line
            line.hear(self._comfort(agent))

    def _comfort(self, name: str) -> Source:
        agent = self._agents.get(name)
        has_music = agent is not None and agent.policy.comfort == "music"
        return self._hold if has_music else Silence()
