"""What the media worker reports of one leg, and what follows from it."""

from collections.abc import Callable
from typing import Protocol

import structlog

from media.isolation import FAULT
from media.protocol import messages as media_events
from sip.message.reason import status_reason

from ..hangup_cause import WORKER_DIED, HangupCause
from .event_budget import BoundedPublisher
from .leg_listener import ObservedLeg
from .leg_media import LegMedia, address_text
from .sound_reports import SoundReports

log = structlog.get_logger()


class ReportedLeg(ObservedLeg, Protocol):
    """The part of a leg that reports of its media change."""

    def publish_not_played(self, reason: str) -> None:
        """The party does not hear what it should."""

    def pressed(self, digit: str, duration_ms: int) -> bool:
        """The party has pressed a key."""

    def note_answer(
        self,
        found: media_events.Detected | media_events.MachineSuspected | media_events.BeepHeard,
    ) -> None:
        """The worker tells who or what has answered."""

    def hang_up(self, cause: HangupCause, reason_header: str = ...) -> None:
        """End the leg."""


class MediaReports:
    """Handles the reports of the endpoint `media` of one leg."""

    __slots__ = ("_leg", "_media", "_publish", "_publish_bounded", "_sound")

    def __init__(
        self,
        leg: ReportedLeg,
        media: LegMedia,
        publish: Callable[..., None],
        publish_bounded: BoundedPublisher,
    ) -> None:
        self._leg = leg
        self._media = media
        self._publish = publish
        self._publish_bounded = publish_bounded
        self._sound: SoundReports | None = None  # until something is found, where it is looked for

    def handle(self, event: media_events.Event) -> None:
        """Handle one report."""
        leg = self._leg
        match event:
            case media_events.Played():
                is_announced = self._media.end_play(event)
                if event.error is not None and not is_announced:
                    log.error("not_played", leg=leg.id, reason=event.error)
                    leg.publish_not_played(event.error)
            case media_events.Dtmf():
                leg.pressed(event.digit, event.duration_ms)
            case (
                media_events.Detected() | media_events.MachineSuspected() | media_events.BeepHeard()
            ):
                leg.note_answer(event)
            case media_events.SilenceStarted():
                self._publish_bounded("leg.silence", leg, silent_ms=event.silent_ms)
            case media_events.QualityChanged():
                self._publish_bounded(
                    "leg.quality",
                    leg,
                    direction=event.direction,
                    level=event.level,
                    mos=event.mos,
                    loss=event.loss,
                    jitter_ms=event.jitter_ms,
                    round_trip_ms=event.round_trip_ms,
                )
            case (
                media_events.OneWayAudio()
                | media_events.SoundClipped()
                | media_events.EchoHeard()
                | media_events.VoiceChanged()
            ):
                self._sound = self._sound or SoundReports(self._publish)
                self._sound.publish(event, leg)
            case media_events.PeerMoved():
                leg.record.remote_media = address_text(event.host, event.port)
                self._publish_bounded("leg.peer_moved", leg, host=event.host, port=event.port)
            case media_events.LegFailed():
                log.error("media_of_leg_failed", leg=leg.id)
                leg.hang_up(HangupCause("failed", FAULT, is_ours=True), WORKER_DIED)
            case media_events.MediaTimeout() if (
                leg.record.answered is None or self._media.is_overtaken(event)
            ):
                pass  # early media may fall silent
            case media_events.MediaTimeout():
                self._publish("leg.media_timeout", leg, silent_s=event.silent_s)
                if not leg.is_held:
                    reason = f"no RTP for {event.silent_s:g} s"
                    leg.hang_up(HangupCause("no_media", reason), status_reason(200, reason))
