"""Recognises what the parties of legs say, by the engine of the configuration."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any, Final, cast

import msgspec

from config.recognition import Recognition as RecognitionSettings
from config.recognition import RecognitionEngine
from media.child_process import fill_command
from media.errors import MediaError
from media.protocol.messages import Codec, Connect
from media.sources import Peer, Silence
from media.streams import messages as m
from media.streams.host_client import HostFailed
from media.worker_pool import WorkerPool

from ...errors import BadParams, EngineError
from ..call import Call
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
        media: WorkerPool,
        hosted: HostedStreams,
        listener: SpeechListener,
        *,
        hears_secrets: bool = False,
    ) -> None:
        self.id = f"recognition-{secrets.token_hex(8)}"
        self.leg = leg
        self._media = media
        self._hosted = hosted
        self._listener = listener
        self._hears_secrets = hears_secrets
        self._secrets = SecretSpans()
        self._is_ready = False
        self._codec: Codec = "PCMU"

    async def open(self, settings: RecognitionSettings, wanted: WantedSpeech, about: bytes) -> None:
        """Take a port, and have the engine started. Raises MediaError, HostFailed."""
        opened = await self._media.open(self.id, beside=self.leg.id)
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
        )

    async def close(self) -> None:
        """Listen no more. Idempotent."""
        self._is_ready = False
        self.leg.forget(self)
        if self._hosted.forget(self):
            self._hosted.close(self, OVER)
        with suppress(MediaError):  # it went with its worker
            await self._media.close(self.id)


class Recognitions:
    """Begins recognitions. `check` says beforehand whether one can be had."""

    def __init__(
        self, settings: RecognitionSettings, hosted: HostedStreams, media: WorkerPool
    ) -> None:
        self._settings = settings
        self._hosted = hosted
        self._media = media
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
        recognition = Recognition(
            leg, self._media, self._hosted, listener, hears_secrets=hears_secrets
        )
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
