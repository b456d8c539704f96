"""Records and histories as the control protocol shows them. Times are Unix seconds."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from config.choices import Order

from ..job import AttemptRecord, CancelledBy, CostView, Failure, LegRecord, OfferRecord
from ..scripts.record import ScriptRecord
from ..stir.verdict import Attestation, AttestationFailure

# -- legs ----------------------------------------------------------------------------------------


class LegFigures(TypedDict, total=False):
    """RTP and RTCP of one leg, as the media worker counts it."""

    packets_received: int
    """Packets that came from the peer."""
    bytes_received: int
    """Their payload, in bytes."""
    packets_sent: int
    """Packets that were sent to the peer."""
    bytes_sent: int
    """Their payload, in bytes."""
    lost: int
    """Packets that were expected and never came (RFC 3550 A.3)."""
    lost_fraction: float
    """These, of all that were expected: 0 to 1."""
    jitter_ms: float
    """The interarrival jitter (RFC 3550 A.8)."""
    reordered: int
    """Packets that came after later ones."""
    duplicates: int
    """Packets that came twice."""
    round_trip_ms: float | None
    """The round trip; null until the peer has reported."""
    remote_lost: int | None
    """Packets that the peer says it never got."""
    remote_lost_fraction: float | None
    """The fraction that the peer lost between its last two reports."""
    remote_jitter_ms: float | None
    """The jitter that the peer reports."""
    dropped_stranger: int
    """Packets from any address but the peer's."""
    dropped_garbage: int
    """Packets that were not RTP, or of no agreed payload type."""
    dropped_late: int
    """Packets that came before the leg was connected."""
    send_errors: int
    """Packets that could not be sent."""
    dropped_unauthentic: int
    """SRTP packets that were forged, damaged or replayed."""
    late: NotRequired[int]
    """Packets that came 40 ms or more after one that was sent later."""
    burst_density: NotRequired[float]
    """The share lost within bursts of loss (RFC 3611): 0 to 1."""
    gap_density: NotRequired[float]
    """The share lost outside of them: 0 to 1."""
    burst_ms: NotRequired[int]
    """How long a burst of loss is, on average."""
    gap_ms: NotRequired[int]
    """How long it is between them, on average."""
    mos: NotRequired[float | None]
    """The opinion score (1 to 4.5) of what the party says, by the E-model; null: nothing came."""
    remote_mos: NotRequired[float | None]
    """The same of what the party hears; null until it has reported."""
    clipped: NotRequired[float | None]
    """The share of its samples at full scale, where that was too large (`leg.clipping`)."""
    echo_ms: NotRequired[int | None]
    """How late what it hears came back from it (`leg.echo`)."""
    echo_db: NotRequired[float | None]
    """How much louder it came back: below 0 softer."""
    one_way: NotRequired[str | None]
    """Why nothing was heard of it (`leg.one_way`): `no_packets` or `digital_silence`."""


# -- records ------------------------------------------------------------------------------------


class StayView(TypedDict):
    """One stay in one queue."""

    id: str
    """Its id."""
    entry: str
    """The job or call that waited."""
    kind: Literal["callback", "call"]
    """Which of the two it is."""
    queue: str
    """The queue."""
    site: str | None
    """The web site."""
    joined_at: float
    """When it joined."""
    left_at: float | None
    """When it left; null while it waits."""
    waited_s: float | None
    """How long it waited."""
    result: str | None
    """What became of it."""
    reason: str | None
    """Why it left, where there is more to say."""
    agent: str | None
    """Who answered."""
    talk_s: float | None
    """How long they talked."""


_Caller = TypedDict(
    "_Caller",
    {"from": Annotated[str, Meta(description="Of a call: who called, as it was shown.")]},
    total=False,
)


class Record(_Caller):
    """What became of a callback (`kind` callback) or of a call that came in (call)."""

    id: str
    """The id of the job or call."""
    kind: Literal["callback", "call"]
    """Which of the two it was."""
    number: NotRequired[str | None]
    """The customer's number in E.164; left out once the person is erased."""
    site: str | None
    """The web site, or other origin."""
    queue: str | None
    """The last queue that it waited in."""
    agent: str | None
    """Who talked, or was the last to be offered it."""
    state: str
    """`completed`, `failed`, `cancelled` or `expired`."""
    result: str | None
    """How it ended, in one word."""
    attempts: list[AttemptRecord]
    """Every attempt; of a call: none."""
    created: float
    """When it was requested, or came in."""
    due_at: float
    """When it was to be called at the earliest."""
    operator_at: float | None
    """When an agent first answered."""
    talk_at: float | None
    """When the two were joined."""
    ended_at: float
    """When it ended."""
    talk_s: float | None
    """How long they talked."""
    cost: CostView | None
    """What it cost."""
    stays: list[StayView]
    """Its stays in queues, in order."""
    outcome: str | None
    """The outcome that was written back."""
    rating: int | None
    """The rating that was written back, 0 to 10."""
    notes: list[str]
    """What people wrote about it."""
    context: NotRequired[dict[str, Any]]
    """What the client, or the route, gave with it."""
    cause: NotRequired[str | None]
    """Why it ended so, in words."""
    cancelled_by: NotRequired[CancelledBy | None]
    """Of a callback: who has cancelled it by command."""
    recording: NotRequired[str | None]
    """The file of the recording."""
    offers: NotRequired[list[OfferRecord]]
    """The agents it was offered to."""
    deadline: NotRequired[float | None]
    """Of a callback: by when an attempt had to begin."""
    called_at: NotRequired[float | None]
    """Of a callback: when the customer was first called."""
    customer_at: NotRequired[float | None]
    """Of a callback: when the customer first answered."""
    to: NotRequired[str]
    """Of a callback: the customer, as the request said it."""
    order: NotRequired[Order]
    """Of a callback: who was called first."""
    priority: NotRequired[int]
    """Of a callback: its priority."""
    source: NotRequired[str | None]
    """Of a callback: who asked at the site."""
    failure: NotRequired[Failure | None]
    """Of a callback: which side failed, and what SIP said."""
    joined: NotRequired[int]
    """Of a callback: how many further requests joined it."""
    alone_s: NotRequired[list[float]]
    """Of a callback: for each answer, how long the customer had no agent."""
    call: NotRequired[str]
    """Of a call: its id."""
    dialled: NotRequired[str]
    """Of a call: what was dialled."""
    trunk: NotRequired[str]
    """Of a call: the trunk that brought it."""
    attestation: NotRequired[Attestation]
    """Of a call: whether the caller's number is verified."""
    attestation_reason: NotRequired[AttestationFailure]
    """Of a call: why verification failed."""
    route: NotRequired[str]
    """Of a call: the inbound route that accepted it."""
    direction: NotRequired[Literal["inbound", "outbound"]]
    """Of a call: inbound."""
    started: NotRequired[float]
    """Of a call: when it came in."""
    taken_at: NotRequired[float | None]
    """Of a call: when an agent answered."""
    answered_at: NotRequired[float | None]
    """Of a call: when the engine answered."""
    bridged_at: NotRequired[float | None]
    """Of a call: when the two were joined."""
    scripts: NotRequired[list[ScriptRecord] | None]
    """Of a call: the scripts that the caller went through."""
    callback: NotRequired[str | None]
    """Of a call: the job by which the caller is called back."""
    legs: NotRequired[list[LegRecord]]
    """Of a call: its legs."""
    erased: NotRequired[Literal[True]]
    """The person was erased, and what said anything of them."""


class RecordPage(TypedDict):
    """record.list."""

    records: list[Record]
    """The records, in the order of request."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class HistoryEntry(TypedDict, total=False):
    """An earlier callback or call of a number. What has no value is left out."""

    id: str
    """The id of the job or call."""
    kind: Literal["callback", "call"]
    """Which of the two it was."""
    created: float
    """When it was requested, or came in."""
    ended_at: float
    """When it ended."""
    state: str
    """`completed`, `failed`, `cancelled` or `expired`."""
    result: str
    """How it ended, in one word."""
    site: str
    """The web site."""
    queue: str
    """The last queue that it waited in."""
    agent: str
    """Who talked, or was the last to be offered it."""
    talk_s: float
    """How long they talked."""
    outcome: str
    """The outcome that was written back."""
    rating: int
    """The rating that was written back."""
    note: str
    """The last note."""


class HistoryView(TypedDict):
    """history.get."""

    history: list[HistoryEntry]
    """The latest first."""
