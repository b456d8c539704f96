"""What a transfer asks for, who may ask for it, and whom it may lead to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from config.sections import Dial
from sip.usage import ReferralUsage

from ...errors import EngineError
from ...job import OfferRecord
from ...routing.dialplan import Dialplan
from ...routing.targets.destination import Destination
from ...routing.targets.stream_target import Handover
from ..agent_wait import AgentWait
from ..announcing.whisper import Whisper
from ..call import Call, TransferHow, TransferMode
from ..call_legs import CallLegs
from ..hangup_cause import HangupCause
from ..leg import Leg
from .queue_wait import QueueWait

MOST_TRANSFERS: Final = 10
"""How often the parties of one call may be transferred."""

By = Literal["phone", "command", "engine", "bot"]

OVER: Final = HangupCause("cancelled", "the call is over")


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`stays` is to be connected with `to` in place of `leaves`.

    `destination` is None for a queue, whose name is `to`. `referral` is the REFER of the phone that
    asks for it. `replaces` goes along with the INVITE to the third party (RFC 3891). `ring_s` is
    how long the third party may ring, or the queue may take. `on_failed` gets why it has failed.
    """

    stays: Leg
    leaves: Leg
    to: str
    destination: Destination | None
    ring_s: float
    mode: TransferMode = "blind"
    by: By = "phone"
    referral: ReferralUsage | None = None
    how: TransferHow = "bridge"
    on_failed: Callable[[str], None] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the two talk on until the third party answers."""
        return self.mode == "warm" and self.destination is not None

    @property
    def replaces(self) -> str | None:
        """The dialog that the call to the third party replaces."""
        return None if self.referral is None else self.referral.replaces


class TransferringFlow(Protocol):
    """The part of a call flow that transfers use."""

    call: Call

    @property
    def legs(self) -> CallLegs:
        """The legs of its call."""

    @property
    def ring_s(self) -> float:
        """How long an outside number is rung."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def admit_third(self, request: TransferRequest) -> Leg:
        """The leg to the third party, where policies and limits permit it. Raises EngineError."""

    def add_context(self, more: Mapping[str, Any]) -> None:
        """Know this of the call besides."""

    async def dial_third(self, leg: Leg, request: TransferRequest) -> None:
        """Call the third party. Raises LegEnded."""

    async def dial_agent(self, leg: Leg, ring_s: float) -> None:
        """Call an agent of a queue. Raises LegEnded."""

    async def whisper(self, agent: Leg, whisper: "asyncio.Future[Whisper]") -> None:
        """Let the agent hear the whisper, as soon as it is spoken."""

    def wait_in(self, queue: str) -> QueueWait:
        """How the customer waits in this queue from now on."""

    def screen(self) -> dict[str, Any]:
        """What an agent's screen shows of the customer before their phone rings."""

    def on_offer(self, record: OfferRecord) -> None:
        """The call is offered to an agent."""

    def third_answered(self, leg: Leg, wait: AgentWait) -> None:
        """An agent of the queue is on this leg, whom `wait` frees in the end."""

    def party_replaced(self, leg: Leg) -> None:
        """Another party is on this leg now: an agent who was there has no part in the call."""

    async def party_left(self, request: TransferRequest) -> None:
        """The party who leaves is not part of the talk any more."""


Consult = Callable[[Leg], Awaitable[bool]]
"""Awaited with the leg of the third party, once it has answered, where the two consult first: it
says whether the transfer is completed."""


class TransferWay(Protocol):
    """One way to carry a request out."""

    async def connect(self, until: Consult) -> Leg | None:
        """Returns the leg of the new partner; None where there is none, and the two talk again.

        Raises LegEnded where nobody is left to talk with.
        """


class KnownQueues(Protocol):
    """Knows the queues that there are."""

    def shown(self) -> Mapping[str, object]:
        """Every queue, by its name."""


def handover_target(wanted: Handover, dialplan: Dialplan) -> tuple[str, Destination | None]:
    """Whom a command or a bot names; no destination for a queue. Raises EngineError."""
    if wanted.queue is not None:
        return wanted.queue, None
    if wanted.agent is not None:
        return wanted.agent, dialplan.agent_destinations(wanted.agent, field="agent")[0]
    to = wanted.to or ""
    return to, dialplan.destination(to, field="to")


def destination_of(
    referral: ReferralUsage, dialplan: Dialplan, queues: KnownQueues
) -> tuple[str, Destination | None]:
    """Whom a phone wants its partner to be connected with; no destination for a queue.

    A target at our own address is what a user would dial: an agent, a queue, an extension, a
    number. Raises EngineError `refused`.
    """
    user = referral.user_here
    if user is not None and user in queues.shown() and not dialplan.is_agent(user):
        return user, None
    text = user or referral.target
    return text, dialplan.destination(text, field="to")


def ring_s_of(destination: Destination | None, dial: Dial) -> float:
    """How long the third party may ring, or (None) a queue may take, if nobody says it."""
    return dial.max_hold_s if destination is None else dial.ring_s


def check_third_party(destination: Destination, parties: tuple[Leg, ...], plan: Dialplan) -> None:
    """Raise EngineError `refused` where a party of the call would be called by its own call.

    A service may be: it is opened anew, for another flow.
    """
    if destination.stream is not None:
        return
    busy = {plan.place_of(leg.record.uri) for leg in parties}
    if any(plan.place_of(target.target) in busy for target in destination.targets):
        raise EngineError("refused", "the target is a party of this call", field="to")
