"""The engine, its traffic and its agents as ping, engine.status and report.live show them."""

from typing import Literal, NotRequired, TypedDict

from config.queues import EntryKind

from ..acd.agent import AgentState
from ..acd.queue_views import QueuesStatus
from ..reports.history import CustomerOf
from ..reports.live import LiveQueue
from ..routing.overload import LoadStatus
from ..routing.trunks import TrunkView
from ..webhooks.webhook_view import WebhookSummary


class Identity(TypedDict):
    """ping."""

    version: str
    """The version of the engine."""
    epoch: str
    """The name of its event log."""
    protocol: int
    """The version of the control protocol."""


class InboundStatus(TypedDict):
    """Calls that come in."""

    calls: int
    """How many are up."""
    strangers_refused: int
    """SIP requests from unknown sources that were refused."""
    strangers_ignored: int
    """SIP requests from unknown sources that got no answer."""
    strangers_challenged: int
    """Calls from unknown sources, and of trunks, that were asked for a password."""
    places_kept: int
    """Positions that are kept for callers who may call again."""


class SipStatus(TypedDict):
    """SIP."""

    listen: list[str]
    """The addresses it listens at."""
    sessions: int
    """Sessions that are up or begin."""
    dialogs: int
    """Dialogs."""
    transactions: int
    """Transactions."""
    timers: int
    """Timers that run."""
    counters: dict[str, int]
    """Totals since the start, by name: docs/metrics.md says what each counts."""


class WorkerStatus(TypedDict):
    """One media worker."""

    legs: int
    """Legs that are open."""
    ports_free: int
    """Pairs of ports that are free."""
    ports_quarantined: int
    """Pairs of ports that were given back a moment ago and are not used again yet."""
    dropped_stranger: int
    """Packets from unknown sources."""
    dropped_garbage: int
    """Packets that were not RTP, or of no agreed payload type."""
    dropped_late: int
    """Packets that came before a leg was connected, or after it was closed."""
    clock_frames_skipped: int
    """Frames of 20 ms that the worker was too late for."""
    dropped_overflow: int
    """Packets that came quicker than they could be dealt with one by one."""
    relay: Literal["native", "plain"]
    """Whether packets are forwarded by the relay in C, or by the one in Python."""


class MediaStatus(TypedDict):
    """The media workers."""

    pids: list[int]
    """Their process ids."""
    workers: list[WorkerStatus]
    """What each counts."""


class StoreError(TypedDict):
    """Why the store could not be written."""

    reason: str
    """One word, such as disk_full."""
    message: str
    """The same in words."""
    time: float
    """When that was (Unix seconds)."""


class StoreHealth(TypedDict):
    """How the store does."""

    pending: int
    """What waits to be written."""
    errors: int
    """How often it could not be written."""
    last_error: StoreError | None
    """Why not, the last time."""


class StoreStatus(StoreHealth):
    """The store."""

    path: str
    """Its file."""
    saves: int
    """What was saved."""
    commits: int
    """In how many transactions."""


class EventsStatus(TypedDict):
    """The event log."""

    seq: int
    """The number of the last event."""
    subscribers: int
    """How many read events now."""


class LogStatus(TypedDict):
    """The log on standard error."""

    lines_dropped: int
    """How many lines had no room, because nobody read those before."""


class TraceStatus(TypedDict):
    """The SIP that is kept, and what a collector gets."""

    calls: int
    """The calls that are kept."""
    bytes: int
    """What all of it takes, about."""
    collected: int
    """The packets that were sent to the collector."""
    not_collected: int
    """Those that could not be sent."""


class EngineStatus(TypedDict):
    """engine.status."""

    version: str
    """The version of the engine."""
    epoch: str
    """The name of its event log."""
    uptime_s: float
    """How long it runs."""
    clock_steps: int
    """How often the wall clock was set."""
    draining: bool
    """Whether it refuses new callbacks and calls."""
    jobs: dict[str, int]
    """How many jobs are stored in each state."""
    calls: int
    """Calls that are up."""
    legs: int
    """Legs that are up."""
    media: MediaStatus
    """The media workers."""
    sip: SipStatus
    """SIP."""
    load: LoadStatus
    """How late and how busy the engine and its media workers are."""
    inbound: InboundStatus
    """Calls that come in."""
    tasks: int
    """Tasks of the event loop."""
    queues: QueuesStatus
    """Who waits, and how long decisions take."""
    trunks: list[TrunkView]
    """The trunks."""
    store: StoreStatus
    """The store."""
    events: EventsStatus
    """The event log."""
    log: LogStatus
    """The log on standard error."""
    trace: TraceStatus
    """The SIP that is kept, and what a collector gets."""


class LiveEngine(TypedDict):
    """The engine as report.live shows it."""

    version: str
    """The version of the engine."""
    uptime_s: float
    """How long it runs."""
    draining: bool
    """Whether it refuses new callbacks and calls."""
    calls: int
    """Calls that are up."""
    talking: int
    """Calls in which two people talk."""
    legs: int
    """Legs that are up."""
    open_jobs: int
    """Callbacks that have not ended."""
    media_workers: int
    """Media workers that run."""
    trunks: list[TrunkView]
    """The trunks."""
    webhooks: list[WebhookSummary]
    """The webhooks."""
    store: StoreHealth
    """How the store does."""
    events: EventsStatus
    """The event log."""


class LiveAgent(TypedDict):
    """An agent as report.live shows them."""

    agent: str
    """The name."""
    state: AgentState
    """What they do now."""
    since: float
    """Since when (Unix seconds)."""
    reason: str | None
    """The reason of a pause, logout or return."""
    work: str | None
    """The job or call that they are on."""
    customer: CustomerOf | None
    """With whom they are busy."""
    queues: list[str]
    """The queues that they serve."""
    centre: str | None
    """Where they work."""
    calls: int
    """Their calls of today."""
    talk_s: float
    """How long they talked today."""
    occupancy_percent: NotRequired[float | None]
    """Talking and wrap-up of today, of the time that was not a pause."""
    aht_s: NotRequired[float | None]
    """The average handle time of today."""


class LiveEntry(TypedDict):
    """A job or a call that waits, as report.live shows it."""

    id: str
    """The id of the job or call."""
    kind: EntryKind
    """Which of the two it is."""
    queue: str | None
    """The queue; null: it waits for one agent."""
    waited_s: float
    """How long it has waited."""
    priority: int
    """The higher, the sooner its turn."""
    customer: CustomerOf | None
    """Whose it is."""


class RaisedAlert(TypedDict):
    """An alert that is raised now."""

    alert: str
    """The name."""
    queue: str | None
    """The queue; null: it is about the engine."""


class LeftOut(TypedDict):
    """What report.live left out, so that it fits on a line."""

    queues: int
    """How many queues."""
    agents: int
    """How many agents."""


class LiveView(TypedDict):
    """report.live."""

    time: float
    """When this was so (Unix seconds)."""
    day_began: float
    """When today began."""
    time_zone: str
    """The time zone that today is of."""
    service_level_s: float
    """Within this time an answer is in the service level."""
    queues: list[LiveQueue]
    """The queues: who waits now, and today's figures."""
    agents: list[LiveAgent]
    """The agents."""
    first_waiting: list[LiveEntry]
    """Those who wait and came first, over all queues."""
    left_out: LeftOut
    """How many did not fit."""
    alerts: list[RaisedAlert]
    """The alerts that are raised."""
    jobs_today: dict[str, int]
    """Callbacks that ended today, by their state."""
    engine: LiveEngine
    """The engine as a whole."""
