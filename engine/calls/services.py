"""The switchboard: what every callback works with, gathered once by the daemon."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.sections import Dial
from media.sources import Hold, Ringing
from media.worker_pool import MediaPool
from sip.endpoint import SipEndpoint

from ..routing.dialplan import Dialplan
from ..store.event_log import EventLog
from ..store.store import Store
from .call import CallRegistry
from .whisper import Announcer

if TYPE_CHECKING:
    from ..acd.agents import AgentRegistry
    from ..acd.queues import Queues
    from ..callbacks.caller_takeover import CallerTakeover
    from ..callbacks.intake import Intake
    from ..reports.history import History
    from ..routing.admission import Admission
    from ..routing.router import Router
    from .permanent_leg import PermanentLegs
    from .waiting_room import WaitingRooms


@dataclass(slots=True)
class CallServices:
    """SIP, media, dialplan, store and events, as the call flows use them."""

    sip: SipEndpoint
    media: MediaPool
    dialplan: Dialplan
    events: EventLog
    store: Store
    announcer: Announcer
    register: CallRegistry
    dial: Dial
    hold: Hold
    ringing: Ringing
    recordings: Path
    agents: "AgentRegistry | None" = None
    queues: "Queues | None" = None
    admission: "Admission | None" = None
    router: "Router | None" = None
    intake: "Intake | None" = None
    caller_takeover: "CallerTakeover | None" = None
    history: "History | None" = None
    permanent: "PermanentLegs | None" = None
    rooms: "WaitingRooms | None" = None
    rtp_host: str = ""  # what peers are told in SDP, where it is not the worker's own address
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)

    def configure(self, dial: Dial) -> None:
        """Dial by these settings from now on; calls that are up go on as they began."""
        self.dial = dial
