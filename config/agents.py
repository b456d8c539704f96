"""Agents as the configuration names them: where they are reached, what they can, how they work."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .errors import wrong
from .section import Section, first_duplicate, no_duplicate
from .sections import WithCredentials
from .streams import Fallback, OptionalStreamUrl, RateHz
from .values import (
    AgentAddress,
    Codecs,
    Dtmf,
    Name,
    OptionalAgentAddress,
    PortRange,
    Printable,
    Ptime,
    Rtp,
    Seconds,
    Srtp,
)

Kind = Literal["desk", "browser", "mobile"]
ReachedKind = Literal["desk", "browser", "mobile", "bot"]
"""What is at an address: a phone of an agent, or the service of one whose calls are streamed."""
Comfort = Literal["silence", "music"]
Login = Literal["auto", "manual"]
Level = Annotated[int, Field(ge=1, le=10)]
# 0: none; -1: until the agent says that they are ready.
WrapUp = Annotated[float, Field(ge=-1, le=86400, allow_inf_nan=False)]
Limit = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
Count = Annotated[int, Field(ge=0, le=1000)]

# The key of the phone that accepts the call; "": answering is enough.
ConfirmKey = Annotated[str, Field(pattern=r"^[0-9*#A-D]?$")]

UNTIL_READY = -1.0

PauseReason = Annotated[Printable, Field(min_length=1, max_length=256)]
Outcome = Annotated[Printable, Field(min_length=1, max_length=128)]
PauseReasons = Annotated[list[PauseReason], AfterValidator(no_duplicate)]
Outcomes = Annotated[list[Outcome], AfterValidator(no_duplicate), Field(max_length=100)]

# Why an agent cannot be permanent: both legs of a call live in one media worker.


class Address(Section):
    """One place at which an agent is reached: a sip: URI, or a number that a route takes."""

    uri: AgentAddress
    kind: Kind = "desk"
    ring_s: Seconds | None = None
    confirm: ConfirmKey = ""

    @property
    def stream(self) -> None:
        """It is a phone's, and no service's."""
        return None


class StreamAddress(Section):
    """Where an agent is reached who is a service: the URL of its WebSocket."""

    uri: str
    kind: Literal["bot"] = "bot"
    ring_s: None = None
    confirm: Literal[""] = ""
    rate_hz: RateHz | None = None
    fallback: Fallback | None = None

    @property
    def stream(self) -> "StreamAddress":
        """It is a service's."""
        return self


class AgentDefaults(Section):
    """[agent_defaults]: what holds for every agent that does not set it."""

    login: Login = "auto"
    wrap_up_s: WrapUp = 0.0
    max_wrap_up_s: Limit = 600.0
    missed_limit: Count = 3
    comfort: Comfort = "silence"
    confirm_text: Printable = "Press {digit} to take the call."
    pause_reasons: PauseReasons = Field(default=[])
    outcomes: Outcomes = Field(default=[])
    outcome_required: bool = False
    seats: int = Field(default=0, ge=0, le=100_000)


class Agent(WithCredentials):
    """[[agents]]: a person (or extension) that can be named in a request."""

    name: Name
    uri: OptionalAgentAddress = ""
    addresses: list[Address] = Field(default=[], max_length=16)
    skills: dict[Name, Level] = Field(default={}, max_length=64)
    queues: list[Name] = Field(default=[], max_length=64)
    queue_priority: dict[Name, Priority] = Field(default={}, max_length=64)
    centre: Printable = ""
    calendar: str = ""
    """When they may be asked for by name: one of [[calendars]]. "": always."""
    login: Login | None = None
    wrap_up_s: WrapUp | None = None
    max_wrap_up_s: Limit | None = None
    missed_limit: Count | None = None
    comfort: Comfort | None = None
    rtp: Rtp = "symmetric"
    srtp: Srtp = "off"
    codecs: Codecs = Field(default=[])
    ptime_ms: Ptime = 20
    comfort_noise: bool = False
    dtmf: Dtmf = "rfc4733"
    rtp_ports: PortRange | None = None
    permanent: bool = False
    stream: OptionalStreamUrl = ""
    capacity: int = Field(default=1, ge=1, le=200)
    rate_hz: Literal[0, 8000, 16000, 24000] = 0
    fallback: Fallback = Fallback()

    @model_validator(mode="after")
    def _check_addresses(self) -> "Agent":
        if self.uri and self.addresses:
            raise wrong("uri", "uri and addresses are both given; uri is short for one address")
        if self.stream and (self.uri or self.addresses):
            raise wrong("stream", "a service has no uri and no addresses besides")
        if not self.uri and not self.addresses and not self.stream:
            raise wrong("uri", "missing; give uri, or addresses, or stream")
        if self.stream and self.permanent:
            raise wrong("permanent", "a service is connected for each call: it has no line")
        if self.rate_hz and not self.stream:
            raise wrong("rate_hz", "goes with stream alone")
        if self.fallback.is_given and not self.stream:
            raise wrong("fallback", "goes with stream alone")
        if self.capacity > 1 and not self.stream:
            raise wrong("capacity", "goes with stream alone: a person takes one call at a time")
        twice = first_duplicate([address.uri for address in self.addresses])
        if twice is not None:
            raise wrong("addresses", f"{twice!r} stands twice")
        twice = first_duplicate(list(self.queues))
        if twice is not None:
            raise wrong("queues", f"queue {twice!r} stands twice")
        return self

    @property
    def given_uris(self) -> tuple[tuple[str, str], ...]:
        """The addresses as they are written, each after its key; a service has none."""
        addresses = enumerate(self.addresses)
        several = tuple((f"addresses[{number}].uri", one.uri) for number, one in addresses)
        return (("uri", self.uri),) if self.uri else several

    @property
    def reached_at(self) -> tuple[Address | StreamAddress, ...]:
        """Where the agent is reached, first address first."""
        if self.stream:
            fallback = self.fallback if self.fallback.is_given else None
            return (
                StreamAddress(uri=self.stream, rate_hz=self.rate_hz or None, fallback=fallback),
            )
        return tuple(self.addresses) or (Address(uri=self.uri),)
