"""What every call flow works with: SIP, media, dialplan, agents, queues, store and events.

The daemon builds it once, before any call flow. It names nothing that is built from it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.sections import Dial
from media.sources import Hold, Ringing
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint

from ..acd.agents import AgentRegistry
from ..acd.queues import Queues
from ..clock import Clock
from ..recordings.library import RecordingLibrary
from ..routing.capacity.trunk_load import TrunkLoad
from ..routing.dialplan import Dialplan
from ..routing.overload import Overload
from ..routing.targets.destination import DialTarget
from ..routing.trunk_figures import TrunkFigures
from ..store.event_log import EventLog
from ..store.store import Store
from ..trace.trace import Trace
from .announcing.waiting_room import WaitingRooms
from .announcing.whisper import Announcer
from .answering.answer_policy import AnswerPolicy
from .answering.answer_words import AnswerDetection
from .call import CallRegistry
from .hangup_cause import HangupCause
from .keys.gathers import Gathers
from .legs.agent_lines import AgentLines
from .scripting.scripts import Scripts
from .streams.streams import Streams
from .templates import Subject, context_headers


def random_id() -> str:
    """The distinguishing part of the id of a call, a leg or a job: 16 hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass(slots=True, kw_only=True)
class CallServices:
    """The parts of the engine below the call flows. Each is there before the first call.

    `rtp_host` is the address that peers read in SDP, where it is not the media worker's own.
    """

    sip: SipEndpoint
    media: WorkerPool
    dialplan: Dialplan
    events: EventLog
    store: Store
    announcer: Announcer
    registry: CallRegistry
    agents: AgentRegistry
    queues: Queues
    lines: AgentLines
    rooms: WaitingRooms
    dial: Dial
    hold: Hold
    ringing: Ringing
    recordings: RecordingLibrary
    gathers: Gathers
    answers: AnswerPolicy = field(default_factory=AnswerPolicy)
    detection: AnswerDetection = field(default_factory=AnswerDetection)
    scripts: Scripts = field(default_factory=Scripts)
    streams: Streams = field(default_factory=Streams)
    rtp_host: str = ""
    overload: Overload = field(default_factory=Overload)
    trace: Trace = field(default_factory=Trace)
    trunk_figures: TrunkFigures = field(default_factory=TrunkFigures)
    trunk_load: TrunkLoad = field(default_factory=TrunkLoad)
    clock: Clock = field(default_factory=Clock)
    new_id: Callable[[], str] = random_id

    def headers_of(
        self, subject: Subject, templates: Mapping[str, str] | None = None
    ) -> tuple[tuple[str, str], ...]:
        """The headers of an INVITE, which say what the call is about.

        Without `templates`, those that agents get (`dial.headers`).
        """
        chosen = self.dial.headers if templates is None else templates
        return context_headers(chosen, subject, self.dial.header_bytes)

    def trunk_failed(self, target: DialTarget, cause: HangupCause) -> None:
        """A call by this host of a trunk has failed: calls go by others for a while."""
        self.dialplan.trunk_failed(
            target.trunk or "",
            cause.trunk_rests_s,
            str(cause),
            is_silent=cause.trunk_is_silent,
            host=target.host,
        )

    def configure(self, dial: Dial) -> None:
        """Dial by these settings from now on; calls that are up go on as they began."""
        self.dial = dial
        self.overload.configure(dial.max_late_ms / 1e3)
