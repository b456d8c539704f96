"""Takes each event of SIP and of the media workers to the leg that it is about."""

from collections.abc import Callable

import structlog

from media.protocol.messages import Event as MediaEvent
from media.protocol.messages import RecordingEnded, RtcpSeen
from sip.events import Event as SipEvent
from sip.events import ExtensionsRefused, RegistrationChanged

from ...store.event_log import EventLog
from ..call import CallRegistry, MediaEndpoint
from ..leg import Leg

log = structlog.get_logger()


class LegEvents:
    """Knows the legs of `registry`, and publishes what concerns no leg.

    `on_rtcp` is given each RTCP report, and the Call-ID of the dialog of its leg.
    """

    def __init__(
        self,
        registry: CallRegistry,
        events: EventLog,
        on_rtcp: Callable[[RtcpSeen, str], None] = lambda _report, _call_id: None,
    ) -> None:
        self._on_rtcp = on_rtcp
        self._registry = registry
        self._events = events

    def on_sip(self, event: SipEvent) -> None:
        """Hand the event to the leg whose SIP session it is about."""
        if isinstance(event, RegistrationChanged | ExtensionsRefused):
            return
        leg = event.session.owner
        if isinstance(leg, Leg):
            leg.on_sip(event)

    def on_media(self, event: MediaEvent) -> None:
        """Hand the event to its leg, or to what listens to one.

        The end of a recording is no leg's: its call hears of it.
        """
        if isinstance(event, RecordingEnded):
            self._recording_ended(event)
            return
        owner = self._owner(getattr(event, "leg", ""))
        if isinstance(event, RtcpSeen):
            if isinstance(owner, Leg):
                self._on_rtcp(event, owner.record.call_id or "")
        elif owner is not None:
            owner.on_media(event)

    def _owner(self, name: str) -> Leg | MediaEndpoint | None:
        return self._registry.legs.get(name) or self._registry.endpoints.get(name)

    def _recording_ended(self, event: RecordingEnded) -> None:
        recording = self._registry.recordings.get(event.path)
        if recording is not None:
            recording.over(event)
        elif event.error is not None:  # its call is over
            log.error("recording_failed", path=event.path, reason=event.error)
            self._events.publish("recording.failed", path=event.path, reason=event.error)

    def on_media_died(self, reason: str, legs: list[str]) -> None:
        """A media worker has died: publish it, and end its recordings and legs."""
        log.error("media_worker_died", reason=reason, legs=len(legs))
        self._events.publish("engine.media_worker_died", reason=reason, legs=len(legs))
        for path, recording in tuple(self._registry.recordings.items()):
            if recording.leg_id in legs:
                recording.over(RecordingEnded(path, reason))
        for leg_id in legs:
            owner = self._owner(leg_id)
            if owner is not None:
                owner.on_media_lost("media worker died")

    def on_media_restarted(self, pids: list[int]) -> None:
        """A media worker has taken the place of one that died."""
        log.info("media_worker_started", pids=pids)
        self._events.publish("engine.media_worker_started")
