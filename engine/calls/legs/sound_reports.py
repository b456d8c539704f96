"""What the media worker finds in the sound of a talk, as events of the leg."""

from collections.abc import Callable

from media.protocol import messages as media_events

from .event_budget import BoundedPublisher
from .leg_listener import ObservedLeg

SoundFound = (
    media_events.OneWayAudio
    | media_events.SoundClipped
    | media_events.EchoHeard
    | media_events.VoiceChanged
)


class SoundReports:
    """Publishes by `publish`. Speech is frequent, and has a budget apart from that of the phone."""

    __slots__ = ("_publish", "_publish_voice")

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._publish_voice = BoundedPublisher(publish)

    def publish(self, event: SoundFound, leg: ObservedLeg) -> None:
        """Publish what was found of a leg."""
        match event:
            case media_events.OneWayAudio():
                self._publish("leg.one_way", leg, cause=event.cause, for_s=event.for_s)
            case media_events.SoundClipped():
                self._publish("leg.clipping", leg, share=event.share)
            case media_events.EchoHeard():
                self._publish("leg.echo", leg, delay_ms=event.delay_ms, level_db=event.level_db)
            case media_events.VoiceChanged():
                self._publish_voice("leg.voice", leg, speaking=event.is_speaking)
