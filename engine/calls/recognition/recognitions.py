"""Recognises what the parties of legs say, by the engine of the configuration."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from config.recognition import Recognition as RecognitionSettings
from config.recognition import RecognitionEngine
from media.child_process import fill_command
from media.errors import MediaError
from media.isolation import FAULT
from media.protocol import messages as media_events
from media.protocol.messages import Codec, Connect
from media.sources import Peer, Silence
from media.streams import messages as m
from media.streams.host_client import HostFailed
from media.worker_pool import WorkerPool

from ...errors import BadParams, EngineError
from ..call import Call, CallRegistry
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..streams.hosted_streams import HostedStreams
from ..streams.leg_codec import stream_codec
from .secret_spans import SecretSpans
from .speech import HeardSpeech, SpeechListener, WantedSpeech

DEFAULTS: Final = RecognitionSettings()
OVER: Final = "nobody listens any more"


class Recognition(LegListener):
    """One leg, whose party is listened to until `close`.

    To the media worker it is a leg of its own that hears the other: RTP to the stream host. While
    the party tells a secret it hears silence, unless it `hears_secrets`, and what it recognises
    of that time is told to nobody.
    """

    def __init__(
        self,
        leg: Leg,
        ways: "SoundWays",
        listener: SpeechListener,
        *,
        hears_secrets: bool = False,
    ) -> None:
        self.id = f"recognition-{secrets.token_hex(8)}"
        self.leg = leg
        self._ways = ways
        self._media = ways.media
        self._hosted = ways.hosted
        self._listener = listener
        self._hears_secrets = hears_secrets
        self._secrets = SecretSpans()
        self._is_open = self._is_ready = False
        self._codec: Codec = "PCMU"
        self._failure: str | None = None  # of its media

    async def open(self, settings: RecognitionSettings, wanted: WantedSpeech, about: bytes) -> None:
        """Take a port, and have the engine started. Raises MediaError, HostFailed."""
        opened = await self._media.open(self.id, beside=self.leg.id)
        self._ways.registry.endpoints[self.id] = self
        self.leg.listen(self)
        self.secrecy_changed(self.leg)
        engine = cast(m.RecognitionEngine, settings.engine)
        language = wanted.language or settings.language
        rate_hz = 16000 if engine == "pocketsphinx" else settings.rate_hz
        spoken = "PCMU" if self.leg.audio is None else self.leg.audio.codec
        self._codec = stream_codec(spoken, rate_hz)
        facts = {"language": language, "rate_hz": str(rate_hz)}
        order = m.OpenRecognition(
            self.id,
            engine,
            wanted.vocabulary,
            language,
            opened.host,
            opened.port,
            codec=self._codec,
            rate_hz=rate_hz,
            command=fill_command(settings.command, facts) if engine == "command" else (),
            memory_mib=settings.memory_mib,
            service=_service(settings) if engine == "websocket" else None,
            connect_s=settings.connect_s,
            start=about,
        )
        await self._hosted.open(self, order)
        if self._failure is not None:
            raise MediaError(self._failure)
        self._is_open = True

    def on_media(self, event: media_events.Event) -> None:
        """See MediaEndpoint: without its sound it would hear silence, and nobody would know."""
        match event:
            case media_events.LegFailed():
                self.on_media_lost(FAULT)
            case media_events.Played(error=str(error)):
                self.on_media_lost(error)

    def on_media_lost(self, reason: str) -> None:
        """See MediaEndpoint: nothing more is recognised."""
        self._failure = self._failure or reason
        if self._is_open and self._hosted.close(self, reason):
            self._hosted.forget(self)
            self._listener.recognition_over(reason, has_failed=True)

    def on_stream(self, event: m.Event) -> None:
        """Handle one event of the stream host."""
        match event:
            case m.StreamReady():
                self._media.connect(self._where(event.host, event.port))
                self._secrets.sound_begins(self._now())
                self._is_ready = True
                self._hear()
            case m.SpeechBegan():
                self._listener.speech_began()
            case m.SpeechHeard() if self._secrets.has(event.from_ms, event.to_ms):
                pass
            case m.SpeechHeard():
                self._listener.speech_heard(
                    HeardSpeech(
                        event.text,
                        event.word,
                        event.confidence,
                        event.is_final,
                        event.from_ms,
                        event.to_ms,
                    )
                )
            case m.StreamEnded():
                has_failed = event.failure is not None
                self._listener.recognition_over(event.cause, has_failed=has_failed)

    def secrecy_changed(self, leg: ObservedLeg) -> None:
        """See LegListener."""
        if self._hears_secrets or leg.tells_secret == self._secrets.is_open:
            return
        self._secrets.change(self._now(), is_open=leg.tells_secret)
        if self._is_ready:
            self._hear()

    def _hear(self) -> None:
        heard = Peer(self.leg.id, is_asking=self._hears_secrets)
        self._media.hear(self.id, Silence() if self._secrets.is_open else heard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _where(self, host: str, port: int) -> Connect:
        return Connect(
            self.id,
            host=host,
            port=port,
            rtcp_port=port,
            codec=self._codec,
            payload_type=m.PAYLOAD_TYPES[self._codec],
            telephone_event_payload_type=None,
            direction="sendonly",
            rtp="strict",
            is_even=True,
        )

    async def close(self) -> None:
        """Listen no more. Idempotent."""
        self._is_open = self._is_ready = False
        self._ways.registry.endpoints.pop(self.id, None)
        self.leg.forget(self)
        if self._hosted.forget(self):
            self._hosted.close(self, OVER)
        with suppress(MediaError):  # it went with its worker
            await self._media.close(self.id)


@dataclass(frozen=True, slots=True)
class SoundWays:
    """How the sound of a leg comes to a recogniser, and who hears of what happens to it."""

    media: WorkerPool
    hosted: HostedStreams
    registry: CallRegistry


class Recognitions:
    """Begins recognitions. `check` says beforehand whether one can be had."""

    def __init__(self, settings: RecognitionSettings, ways: SoundWays) -> None:
        self._settings = settings
        self._ways = ways
        self._active: set[Recognition] = set()

    def configure(self, settings: RecognitionSettings) -> None:
        """Use these settings for recognitions that begin from now on."""
        self._settings = settings

    @property
    def engine(self) -> RecognitionEngine:
        """What recognises; "": nothing does."""
        return self._settings.engine

    @property
    def language(self) -> str:
        """That of the recogniser, where a request names none."""
        return self._settings.language

    @property
    def active(self) -> int:
        """How many go on."""
        return len(self._active)

    def check(self, wanted: WantedSpeech, *, field: str = "speech") -> None:
        """Raise EngineError `unavailable`, or BadParams, where this cannot be listened for."""
        settings = self._settings
        if not settings.engine:
            reason = "no speech recognition is configured: see recognition.engine"
            raise EngineError("unavailable", reason, field=field)
        if settings.engine == "pocketsphinx":
            if wanted.vocabulary.is_open:
                raise BadParams(f"{field}.words", "pocketsphinx needs words, or digits")
            language = wanted.language or settings.language
            if language.partition("-")[0].lower() != "en":
                raise BadParams(f"{field}.language", "pocketsphinx understands English alone")
        if self.active >= settings.max_recognitions:
            reason = (
                f"{self.active} recognitions go on, as many as recognition.max_recognitions allows"
            )
            raise EngineError("unavailable", reason, field=field)

    async def begin(
        self,
        call: Call,
        leg: Leg,
        wanted: WantedSpeech,
        listener: SpeechListener,
        *,
        hears_secrets: bool = False,
    ) -> Recognition:
        """Listen to the party of a leg, until `end`. Raises EngineError.

        It hears a secret that the party tells only where it is what asks for that.
        """
        self.check(wanted)
        recognition = Recognition(leg, self._ways, listener, hears_secrets=hears_secrets)
        self._active.add(recognition)
        is_open = False
        try:
            await recognition.open(self._settings, wanted, _about(call, leg, recognition.id))
            is_open = True
        except (MediaError, HostFailed) as error:
            raise EngineError("unavailable", str(error), field="speech") from error
        finally:
            if not is_open:
                await self.end(recognition)
        return recognition

    async def end(self, recognition: Recognition) -> None:
        """Listen no more. Idempotent."""
        self._active.discard(recognition)
        await recognition.close()


def _service(settings: RecognitionSettings) -> m.Service:
    return m.Service.with_token(settings.url, settings.token.get_secret_value(), settings.ca_file)


def _about(call: Call, leg: Leg, name: str) -> bytes:
    """What a recogniser is told of the call."""
    about: dict[str, Any] = {"recognition": name, "call": call.id, "leg": leg.id}
    return msgspec.json.encode(about)
