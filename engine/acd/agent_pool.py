"""What queues need to know of agents, and ask of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol


class PooledAgent(Protocol):
    """One agent, as queues see him."""

    @property
    def name(self) -> str:
        """His name, as configured."""

    @property
    def state(self) -> str:
        """`available` is the one in which he can be reserved."""

    @property
    def work(self) -> str | None:
        """The job or call that he is reserved for, or on."""

    @property
    def skills(self) -> Mapping[str, int]:
        """What he can, and how well."""

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that he serves."""

    @property
    def centre(self) -> str | None:
        """Where he works."""

    @property
    def idle_since(self) -> float | None:
        """Since when he has had no call."""

    @property
    def calls(self) -> int:
        """How many calls he has had today."""

    @property
    def talk_s(self) -> float:
        """How long he has talked today."""


class AgentPool(Protocol):
    """All agents. Reserving is compare-and-set: only one who asks gets an agent."""

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
        """Make an available agent reserved for `work`. False: he is not available."""

    def release(self, name: str, work: str, /) -> object:
        """Take the reservation back; no effect where he is not reserved for `work`."""
