"""What queues need to know of agents, and ask of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol


class PooledAgent(Protocol):
    """One agent, as queues see them."""

    @property
    def name(self) -> str:
        """The name, as configured."""

    @property
    def state(self) -> str:
        """`available` is the one in which they can be reserved."""

    @property
    def work(self) -> str | None:
        """The job or call that they are reserved for, or on."""

    @property
    def skills(self) -> Mapping[str, int]:
        """The level of each skill."""

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that they serve."""

    @property
    def queue_priority(self) -> Mapping[str, int]:
        """Their own priority in queues, where it is not 0: the higher, the sooner."""

    @property
    def centre(self) -> str | None:
        """The centre where they work."""

    @property
    def calendar(self) -> str:
        """When they may be asked for by name; "": always."""

    @property
    def idle_since(self) -> float | None:
        """Since when they have had no call."""

    @property
    def calls(self) -> int:
        """How many calls they have had today."""

    @property
    def talk_s(self) -> float:
        """How long they have talked today."""


class AgentPool(Protocol):
    """All agents. Reserving is compare-and-set: of several who ask, one gets an agent."""

    def subscribe(
        self,
        *,
        on_free: Callable[[str], None] | None = None,
        on_change: Callable[[Any, Any], None] | None = None,
    ) -> Callable[[], None]:
        """Call `on_free` with the name of each agent who becomes available, `on_change` with each
        agent who changes and the state they leave. Returns what ends this."""

    def get(self, name: str, /) -> PooledAgent | None:
        """The agent of this name, if there is one."""

    def all(self) -> Iterable[PooledAgent]:
        """Every agent, in the order of the configuration."""

    def reserve(self, name: str, work: str, now: float, /) -> bool:
        """Reserve an available agent for `work`. False: not available."""

    def release(self, name: str, work: str, /) -> object:
        """Release the agent, if the reservation is for `work`. Idempotent."""
