"""What holds for one agent: the addresses at which they are reached, and how they work."""

from dataclasses import dataclass

from config.agents import Agent as AgentSettings
from config.agents import AgentDefaults, Comfort, ReachedKind, StreamAddress


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """One place at which an agent is reached; `ring_s` None: as long as the request says.

    `confirm` is the key that accepts a call there; "": answering is enough. `stream` is that of a
    service.
    """

    uri: str
    kind: ReachedKind = "desk"
    ring_s: float | None = None
    enabled: bool = True
    confirm: str = ""
    stream: StreamAddress | None = None


@dataclass(frozen=True, slots=True)
class AgentPolicy:
    """Per-agent policy: login mode, wrap-up, missed-call limit, comfort; defaults filled in."""

    auto_login: bool
    wrap_up_s: float
    max_wrap_up_s: float
    missed_limit: int
    comfort: Comfort

    @classmethod
    def of(cls, agent: AgentSettings, defaults: AgentDefaults) -> "AgentPolicy":
        """The policy of `agent`, with `defaults` for what the agent does not set."""

        def either(own: float | None, default: float) -> float:
            return default if own is None else own

        limit = agent.missed_limit
        return cls(
            auto_login=(agent.login or defaults.login) == "auto",
            wrap_up_s=either(agent.wrap_up_s, defaults.wrap_up_s),
            max_wrap_up_s=either(agent.max_wrap_up_s, defaults.max_wrap_up_s),
            missed_limit=defaults.missed_limit if limit is None else limit,
            comfort=agent.comfort or defaults.comfort,
        )
