"""Has the recogniser of [recognition] hear who answers, beside the timing of what they say."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from config.detection import Detection as DetectionSettings
from media.detection_limits import DetectionLimits
from media.detection_phrases import Phrases, phrases_of
from media.protocol.messages import BeepHeard, Detected, MachineSuspected

from ...errors import BadParams, EngineError
from ..call import Call
from ..leg import Leg
from ..legs.leg_listener import LegListener, ObservedLeg
from ..recognition.recognitions import Recognition, Recognitions
from ..recognition.speech import MIN_CONFIDENCE, HeardSpeech, WantedSpeech

log = structlog.get_logger()


class AnswerDetection:
    """Has the media worker tell who answers; where it is configured, by their words as well.

    Without `recognitions`, and wherever no recogniser can be had, timing tells alone.
    """

    def __init__(
        self, settings: DetectionSettings | None = None, recognitions: Recognitions | None = None
    ) -> None:
        self._recognitions = recognitions
        self._listening: set[AnswerWords] = set()
        self.configure(settings or DetectionSettings())

    def configure(self, settings: DetectionSettings) -> None:
        """Use these settings for answers from now on."""
        self._wants_words = settings.words
        self._phrases: Mapping[str, Phrases] = {
            one.language: Phrases(
                human=tuple(one.human),
                voicemail=tuple(one.voicemail),
                ivr=tuple(one.ivr),
                screening=tuple(one.screening),
            )
            for one in settings.phrases
        }

    @property
    def listening(self) -> int:
        """How many recognisers listen to answers."""
        return len(self._listening)

    def begin(self, call: Call, leg: Leg, limits: DetectionLimits, language: str = "") -> None:
        """Have told who speaks on a leg, from now on. Events of the leg say it.

        `language` is that of a recogniser; "": that of [recognition].
        """
        recognitions = self._recognitions
        if recognitions is None or not self._wants_words:
            leg.detect(limits)
            return
        language = language or recognitions.language
        phrases = phrases_of(language, self._phrases)
        try:
            if phrases is None:
                reason = f"there are no phrases in {language!r}: see detection.phrases"
                raise EngineError("unavailable", reason, field="detection")
            # It would take much of what machines say for a person's words.
            is_weak = recognitions.engine == "pocketsphinx"
            words = phrases.machines if is_weak else tuple(phrases)
            wanted = WantedSpeech(words, language=language, is_spotted=True)
            recognitions.check(wanted)
        except (EngineError, BadParams) as error:
            log.warning("no_words_of_answer", leg=leg.id, reason=str(error))
            leg.detect(limits)
            return
        leg.detect(limits, phrases)
        listener = AnswerWords(call, leg, recognitions, self._listening.discard)
        self._listening.add(listener)
        listener.begin(wanted)


class AnswerWords(LegListener):
    """One recogniser that hears who answers on a leg, until that is known or of no interest.

    Nothing waits for it. Where it fails, the worker is told that it has gone. `on_over` is called
    once it listens no more.
    """

    def __init__(
        self,
        call: Call,
        leg: Leg,
        recognitions: Recognitions,
        on_over: "Callable[[AnswerWords], None]",
    ) -> None:
        self._call = call
        self._leg = leg
        self._recognitions = recognitions
        self._on_over = on_over
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, wanted: WantedSpeech) -> None:
        """Listen from now on."""
        self._leg.listen(self)
        self._task = asyncio.get_running_loop().create_task(self._run(wanted))

    async def _run(self, wanted: WantedSpeech) -> None:
        recognition: Recognition | None = None
        try:
            recognition = await self._recognitions.begin(self._call, self._leg, wanted, self)
            await self._over.wait()
        except EngineError as error:
            self._gone(error.message)
        finally:
            self._over.set()
            self._leg.forget(self)
            if recognition is not None:
                await self._recognitions.end(recognition)
            self._on_over(self)

    def _gone(self, reason: str) -> None:
        log.warning("no_words_of_answer", leg=self._leg.id, reason=reason)
        self._leg.hear_words(None)

    # -- what the recogniser says -----------------------------------------------------------

    def speech_began(self) -> None:
        """See SpeechListener."""

    def speech_heard(self, heard: HeardSpeech) -> None:
        """See SpeechListener."""
        is_sure = heard.confidence is None or heard.confidence >= MIN_CONFIDENCE
        if is_sure and not self._over.is_set():
            self._leg.hear_words(heard.text, is_final=heard.is_final)

    def recognition_over(self, reason: str, *, has_failed: bool) -> None:
        """See SpeechListener."""
        if not self._over.is_set():
            self._gone(reason)
            self._over.set()

    # -- what becomes of the leg ------------------------------------------------------------

    def answer_found(
        self, _leg: ObservedLeg, found: Detected | MachineSuspected | BeepHeard
    ) -> None:
        """See LegListener."""
        if isinstance(found, Detected):
            self._over.set()

    def detection_stopped(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._over.set()

    def leg_ended(self, _leg: ObservedLeg) -> None:
        """See LegListener."""
        self._over.set()
