"""One recognition in the stream host: the RTP of a leg on one side, a recogniser on the other."""

from collections.abc import Callable
from typing import Final

import msgspec

from ..child_process import PROGRAM_ENVIRONMENT, python_process
from ..recognition.program import ProgramRecogniser
from ..recognition.result import (
    OnResult,
    Recogniser,
    RecogniserFailed,
    Result,
    SpeechStarted,
)
from ..rtp_socket import RtpSocket
from .bot_messages import printable
from .connector import Connector
from .heard_audio import HeardAudio
from .leg_codec import FRAME_MS
from .messages import (
    Event,
    OpenRecognition,
    SpeechBegan,
    SpeechHeard,
    StreamEnded,
    StreamFigures,
    StreamReady,
)
from .service_recogniser import ServiceRecogniser

_GUESS_EVERY_MS: Final = 100
"""How often what is not final is passed on, of the sound that is heard."""


class RecognitionStream:
    """Runs one recognition; `report` gets what the engine is to know.

    `on_failed` is called where it cannot go on by a defect of ours: it is cancelled then.
    """

    def __init__(
        self,
        order: OpenRecognition,
        connector: Connector,
        report: Callable[[Event], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._order = order
        self._report = report
        self._rtp = RtpSocket(self._packet_received, on_failed)
        self._heard = HeardAudio(order.codec, order.rate_hz)
        self._recogniser = _recogniser(order, connector, self._result)
        self._fed_ms = 0
        self._begun_ms = 0
        self._guessed_ms = -_GUESS_EVERY_MS
        self._guess = ""

    @property
    def figures(self) -> StreamFigures:
        """What has gone through so far."""
        return StreamFigures(sent_ms=self._fed_ms, lost_ms=self._heard.lost_ms)

    async def run(self) -> None:
        """Go on until the recogniser has ended. Cancelling it ends it, and reports nothing."""
        stream, reason = self._order.stream, "the recogniser has ended"
        try:
            await self._rtp.open(self._order.host)
            self._rtp.connect(self._order.host, self._order.port)
            self._report(StreamReady(stream, *self._rtp.address))
            await self._recogniser.run()
        except RecogniserFailed as error:
            self._report(StreamEnded(stream, printable(str(error)), "failed", self.figures))
        except OSError as error:
            reason = f"no RTP: {error.strerror}"
            self._report(StreamEnded(stream, reason, "unreachable", self.figures))
        else:
            self._report(StreamEnded(stream, reason, None, self.figures))
        finally:
            self._rtp.close()

    def end_with(self, cause: str) -> None:
        """The task is about to be cancelled."""

    def tell(self, text: str) -> None:
        """A recogniser is told nothing."""

    def tick(self, now: float, missed: int) -> None:
        """A recogniser says nothing that is heard."""

    def _packet_received(self, packet: bytes) -> None:
        for frame in self._heard.receive(packet):
            self._fed_ms += FRAME_MS
            self._recogniser.feed(frame)

    def _result(self, result: Result) -> None:
        stream = self._order.stream
        if isinstance(result, SpeechStarted):
            self._begun_ms = self._fed_ms
            self._report(SpeechBegan(stream, self._fed_ms))
            return
        if not result.is_final:
            is_new = result.text != self._guess
            if not is_new or self._fed_ms - self._guessed_ms < _GUESS_EVERY_MS:
                return
        self._guess, self._guessed_ms = ("", self._fed_ms) if result.is_final else (
            result.text, self._fed_ms,
        )  # fmt: skip
        from_ms = self._begun_ms if result.from_ms is None else result.from_ms
        to_ms = self._fed_ms if result.to_ms is None else result.to_ms
        self._report(
            SpeechHeard(
                stream,
                result.text,
                self._order.vocabulary.match(result.text),
                result.confidence,
                result.is_final,
                from_ms,
                max(from_ms, to_ms),
            )
        )
        if result.is_final:
            self._begun_ms = to_ms


def _recogniser(order: OpenRecognition, connector: Connector, on_result: OnResult) -> Recogniser:
    """The recogniser of the engine that is wanted."""
    match order.engine:
        case "websocket":
            return ServiceRecogniser(order, connector, on_result)
        case "command":
            return ProgramRecogniser(
                order.command, PROGRAM_ENVIRONMENT, on_result, memory_mib=order.memory_mib
            )
        case "pocketsphinx":
            command, environment = python_process(
                "media.recognition.sphinx_process", imports_site=False
            )
            return ProgramRecogniser(
                command,
                environment,
                on_result,
                preface=msgspec.json.encode(order.vocabulary) + b"\n",
                memory_mib=order.memory_mib,
            )
