"""A service to which the sound of a leg goes, and what becomes of the party without it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from config.agents import StreamAddress
from config.streams import Fallback

RateHz = Literal[8000, 16000, 24000]


@dataclass(frozen=True, slots=True)
class Handover:
    """With whom a party is to be connected: one of a queue, an agent and what can be dialled.

    `context` is what they are told of the call besides.
    """

    queue: str | None = None
    agent: str | None = None
    to: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """It, for a person."""
        return self.queue or self.agent or self.to or ""


@dataclass(frozen=True, slots=True)
class StreamFallback:
    """What becomes of a party whose bot is lost: connected elsewhere, or told `announcement` and
    hung up; with neither of the two hung up at once."""

    handover: Handover | None = None
    announcement: str = ""

    @classmethod
    def of(cls, settings: Fallback) -> Self:
        """That of a configured agent, or of a script."""
        queue, agent, to = settings.queue or None, settings.agent or None, settings.to or None
        is_given = queue or agent or to
        handover = Handover(queue, agent, to) if is_given else None
        return cls(handover, settings.announcement)

    @property
    def text(self) -> str:
        """It, in a word or two."""
        if self.handover is not None:
            return self.handover.text
        return "announcement" if self.announcement else "hang_up"


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """A service at `url`. `rate_hz` None: as configured for all. `parameters` are for the service
    alone. `fallback` None: nothing is done."""

    url: str
    rate_hz: RateHz | None = None
    fallback: StreamFallback | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, address: StreamAddress) -> Self:
        """That of a configured agent."""
        fallback = None if address.fallback is None else StreamFallback.of(address.fallback)
        return cls(address.uri, address.rate_hz, fallback)
