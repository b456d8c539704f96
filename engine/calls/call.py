"""A call: the legs of one attempt or of a call that came in, and the registry of what is up."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Protocol, TypedDict, cast

from msgspec import Meta

from media.protocol.messages import Event as MediaEvent
from media.protocol.messages import RecordingEnded
from sip.dialog.uas import UasSession
from sip.hop import Hop

from ..clock import shifted
from ..errors import EngineError
from ..job import LegRecord, site_of
from ..recordings.entry import RecordingEntry, RecordingOrder
from ..routing.targets.destination import Destination
from ..stir.verdict import Attestation, AttestationFailure
from .leg import Leg
from .supervision.supervisors import SuperviseOrder, Supervisors, SupervisorView

# How long the callback of a customer who is calling us waits before it is looked at again.
ON_THE_LINE_S = 30.0


TransferMode = Literal["blind", "attended", "warm"]
"""`attended`: who leaves talks with the third party first; `warm`: all three talk first."""
TransferHow = Literal["bridge", "refer"]


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What a command asks for: `leg` (None: the customer's) is to be connected with `to`.

    `destination` is None where `to` is a queue.
    """

    leg: str | None
    to: str
    destination: Destination | None
    mode: TransferMode = "blind"
    ring_s: float | None = None
    how: TransferHow = "bridge"


class Silenced(Protocol):
    """Records a call."""

    def silenced(self, reason: str, /) -> AbstractAsyncContextManager[None]:
        """Let there be silence in what is recorded meanwhile, also in what begins only then."""


class RecordsCall(Silenced, Protocol):
    """Records a call by command. Each raises EngineError `state` where that cannot be now."""

    async def start_by_command(self, order: RecordingOrder, /) -> RecordingEntry:
        """Announce it, and begin. Raises EngineError `unavailable`, too."""

    async def pause(self, reason: str | None = None) -> RecordingEntry:
        """Let there be silence in it from now on."""

    async def resume(self, reason: str | None = None) -> RecordingEntry:
        """Go on after a pause."""

    async def stop(self) -> RecordingEntry | None:
        """End it; None where nothing is recorded."""


class CallOwner(Protocol):
    """The call flow that a call belongs to."""

    def hang_up(self, leg_id: str | None = None) -> None:
        """End one leg, or all, because a command says so."""

    def transfer(self, order: TransferOrder, /) -> Leg | None:
        """Transfer one of the two who talk. Raises EngineError.

        Returns the leg to the third party, which is about to be called; None: it is a queue.
        """

    def supervise(self, order: SuperviseOrder, /) -> None:
        """Ring a supervisor, or change the mode of one. Raises EngineError."""

    @property
    def recorded(self) -> RecordsCall:
        """What records it."""


class OtherBody(TypedDict):
    """A part of a multipart body that is no session description, such as ISUP or a location."""

    content_type: str
    """Its media type, without parameters."""
    bytes: int
    """How long it is."""
    disposition: NotRequired[str]
    """Its Content-Disposition, where it has one."""
    text: NotRequired[str]
    """Its content, where that is UTF-8 and not too long."""
    base64: NotRequired[str]
    """Its content otherwise; neither where it is too long."""


CallDetails = TypedDict(
    "CallDetails",
    {
        "from": Annotated[str, Meta(description="Who calls, as it is shown.")],
        "number": Annotated[str | None, Meta(description="The customer's number in E.164.")],
        "site": Annotated[str | None, Meta(description="The site that it is about.")],
        "to": Annotated[str, Meta(description="Whom a call by command calls.")],
        "dialled": Annotated[str, Meta(description="What they dialled.")],
        "trunk": Annotated[
            str | None,
            Meta(description="The trunk that brought the call; null: it came from a web page."),
        ],
        "attestation": Annotated[
            Attestation, Meta(description="Whether the caller's number is verified.")
        ],
        "attestation_reason": Annotated[
            AttestationFailure, Meta(description="Why verification failed.")
        ],
        "route": Annotated[str, Meta(description="The inbound route that accepts it.")],
        "context": Annotated[dict[str, Any], Meta(description="What its route and rules give it.")],
        "bodies": Annotated[
            list[OtherBody], Meta(description="What its INVITE has beside its description.")
        ],
        "queue": Annotated[str | None, Meta(description="The queue that it waits in.")],
        "agent": Annotated[str | None, Meta(description="The agent who has it, or is offered it.")],
        "joined_at": Annotated[float, Meta(description="Since when it waits: its position.")],
        "supervisors": Annotated[
            list[SupervisorView], Meta(description="Who supervises it; left out where nobody does.")
        ],
    },
    total=False,
)
"""Of a call that came in, or by command; a call of a job has `number`, `site`, `queue`, `agent`
and `context`."""


class CallView(CallDetails):
    """A call that is up. `job` is that of a callback."""

    call: str
    """Its id."""
    job: str | None
    """The job that it is an attempt of."""
    direction: Literal["inbound", "outbound"]
    """Whether it came in."""
    state: str
    """What it does now."""
    started: float
    """When it began (Unix seconds)."""
    bridged_at: float | None
    """When agent and customer were joined."""
    legs: list[LegRecord]
    """Its legs, in the order dialled."""


class Call:
    """The legs of one attempt of a job, or (`inbound`) of a call that has no job.

    `about` is shown with it: who calls, what was dialled, in which queue the caller waits.
    """

    def __init__(
        self,
        call_id: str,
        job_id: str | None,
        *,
        direction: Literal["inbound", "outbound"] = "outbound",
        owner: CallOwner | None = None,
        about: Mapping[str, Any] | None = None,
        started: float = 0.0,
    ) -> None:
        self.id = call_id
        self.job_id = job_id
        self.direction = direction
        self.owner = owner
        self.about = about or {}
        self.state = "dialing"
        self.started = started
        self.bridged_at: float | None = None
        self.ending: tuple[str, str] | None = None
        """How a call by command ended, in a word, and why. Of other calls a record says so."""
        self.legs: list[Leg] = []
        self.supervisors = Supervisors()

    @property
    def site(self) -> str | None:
        """The site that it is about: its own, or the one that its context names."""
        return self.about.get("site") or site_of(self.about.get("context"))

    def shift(self, by_s: float) -> None:
        """The clock was stepped: the call has been up for as long as before."""
        self.started += by_s
        self.bridged_at = shifted(self.bridged_at, by_s)

    def view(self) -> CallView:
        """The call as the control protocol shows it."""
        return {
            "call": self.id,
            "job": self.job_id,
            "direction": self.direction,
            "state": self.state,
            "started": self.started,
            "bridged_at": self.bridged_at,
            "legs": [leg.record for leg in self.legs],
            **cast(CallDetails, self.about),
            **cast(CallDetails, self._supervised()),
        }

    def _supervised(self) -> dict[str, Any]:
        views = [one.view() for one in self.supervisors]
        return {"supervisors": views} if views else {}


class RecordingUnderWay(Silenced, Protocol):
    """A recording that a media worker writes."""

    @property
    def leg_id(self) -> str:
        """A leg that is recorded."""

    def over(self, event: RecordingEnded) -> None:
        """It has ended by itself: a leg or its worker is gone, or the file cannot be written."""


class MediaEndpoint(Protocol):
    """Has a port of a media worker, and is no leg of a call."""

    def on_media(self, event: MediaEvent, /) -> None:
        """Something has happened to it."""

    def on_media_lost(self, reason: str, /) -> None:
        """Its media worker has died."""


class CallRegistry:
    """Every call and leg that is up now. `on_removed` is given the id of each call that is over."""

    def __init__(self, on_removed: Callable[[str], None] = lambda _call: None) -> None:
        self._on_removed = on_removed
        self.calls: dict[str, Call] = {}
        self.legs: dict[str, Leg] = {}
        self.recordings: dict[str, RecordingUnderWay] = {}
        """By the path of each file that is being written."""
        self.endpoints: dict[str, MediaEndpoint] = {}
        """What the media workers carry beside legs, by its name there."""
        # Nearly all have one, and a set takes four times as much.
        self._on_line: dict[str, tuple[str, ...]] = {}
        self._lines_of: dict[str, tuple[str, ...]] = {}

    def call_of(self, call_id: str | None, leg_id: str | None) -> Call:
        """The call of this id, or with this leg. Raises EngineError `not_found`."""
        if call_id is not None:
            call = self.calls.get(call_id)
            if call is None:
                raise EngineError("not_found", f"there is no call {call_id}", field="call")
            return call
        for call in self.calls.values():
            if any(leg.id == leg_id for leg in call.legs):
                return call
        raise EngineError("not_found", f"there is no leg {leg_id}", field="leg")

    def recordings_of(self, call: Call) -> list[RecordingUnderWay]:
        """What is being written of the legs of a call, messages that they leave as well."""
        legs = {leg.id for leg in call.legs}
        return [one for one in self.recordings.values() if one.leg_id in legs]

    def joined_calls(self, call: Call, leg: Leg) -> list[Call]:
        """The call of a leg, and those of whom its party is joined with."""
        partners = leg.partners
        return [call] + [
            other
            for other in self.calls.values()
            if other is not call and not partners.isdisjoint(other.legs)
        ]

    def legs_at(self, hop: Hop) -> list[Leg]:
        """The legs whose peer is at this address."""
        return [
            leg
            for leg in self.legs.values()
            if leg.session is not None and leg.session.peer_hop == hop
        ]

    def peers(self) -> set[str]:
        """Who has called us and has a leg that is up, as their credentials have proved them."""
        sessions = (leg.session for leg in self.legs.values())
        return {one.peer for one in sessions if isinstance(one, UasSession)}

    def add_call(self, call: Call) -> None:
        """Know a call that begins."""
        self.calls[call.id] = call

    def occupy_line(self, call: Call, line: str | None) -> None:
        """The customer of `call` is on this line, or is being called there.

        It is a number in E.164, or what a callback to them dials. None: it cannot be called.
        """
        if line is None or line in (lines := self._lines_of.get(call.id, ())):
            return
        self._lines_of[call.id] = (*lines, line)
        self._on_line[line] = (*self._on_line.get(line, ()), call.id)

    def is_on_the_line(self, lines: Iterable[str | None], *, but_for: Call | None = None) -> bool:
        """Whether a call but `but_for` is up on one of these lines, which cannot be called then."""
        mine = "" if but_for is None else but_for.id
        return any(call != mine for line in lines for call in self._on_line.get(line or "", ()))

    def check_not_on_the_line(self, line: str | None, *, but_for: Call | None = None) -> None:
        """Raise EngineError `refused` where a call but `but_for` is up on this line."""
        if self.is_on_the_line([line], but_for=but_for):
            data = {"policy": "on_the_line"}
            raise EngineError("refused", "the party is on the line", "to", data)

    def free_line(self, call: Call) -> None:
        """The customer's line is free again, so they may be called back. Idempotent."""
        for line in self._lines_of.pop(call.id, ()):
            calls = tuple(one for one in self._on_line.pop(line) if one != call.id)
            if calls:
                self._on_line[line] = calls

    def add_leg(self, call: Call, leg: Leg) -> None:
        """Register a leg of a registered call."""
        call.legs.append(leg)
        self.legs[leg.id] = leg

    def forget_leg(self, call: Call, leg: Leg) -> None:
        """Show a leg that is over no more."""
        call.legs.remove(leg)
        if self.legs.get(leg.id) is leg:
            del self.legs[leg.id]

    def remove_call(self, call: Call) -> None:
        """Forget a call that is over, and its legs."""
        if self.calls.pop(call.id, None) is not None:
            self._on_removed(call.id)
        self.free_line(call)
        for leg in call.legs:
            if self.legs.get(leg.id) is leg:  # a line that stays up has its own leg back
                del self.legs[leg.id]
