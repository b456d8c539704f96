"""Tells who or what has answered, by the timing of words and pauses and by tones.

A person says something short and waits. A machine goes on talking, and then beeps (a mailbox),
waits for a name (an assistant), or offers choices (a menu). A fax sends its tone (ITU-T T.30).
Timing cannot tell all of it: words that a recogniser hears can be given besides.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..detection_limits import DetectionLimits, Label, Reason
from ..detection_phrases import Phrases
from ..sound.g711 import FRAME_SAMPLES
from .frame_features import FRAME_MS, FeatureReader
from .greeting import Greeting
from .tone_watch import Tone, ToneWatch
from .verdict import Beep, Finding, MachineHeard, Verdict
from .words import GreetingWords

_CNG_HZ, _CED_HZ = 1100.0, 2100.0  # ITU-T T.30: a fax that calls, and one that answers
_CNG_OFF_HZ, _CED_OFF_HZ = 45.0, 30.0
_CNG_MS: Final = (400, 620)
_CED_MS: Final = 700
_CED_AFTER_WORDS_MS: Final = 1500
_PROGRESS_HZ: Final = 505.0  # tones of exchanges are below, but for those of special information
_BEEP_HZ: Final = (400.0, 2110.0)
_BEEP_ALONE_MS: Final = 500  # another tone follows sooner where it is special information
_LATE_MS: Final = 60  # packets that are later than this are taken to be silence
_ONE_WORD_MS, _TWO_WORDS_MS = 650, 950
_MUSIC_QUIET: Final = 0.02  # speech is quiet for more of the time
_LITTLE_MS: Final = 80  # less speech than this is no greeting
_CLICK_MS: Final = 160  # a noise of the phone may be so long: something may be said yet
_AFTER_CLICK_MS: Final = 700
_PICK_UP_MS: Final = 120  # what is heard up to here, and is as short, comes of the answer
# Words of a machine count once so much was said: a person who says one or two of them says no more,
# and a recogniser that mishears a short greeting does not make a machine of it.
_MACHINE_WORDS_MS: Final[dict[Label, int]] = {"voicemail": 1500, "ivr": 1500, "screening": 2200}


class AnswerDetector:
    """Detects on one line: 8,000 samples a second, from the answer on.

    `feed` and `advance` give what was found. A Verdict is the last, but for the beep of a mailbox
    that was known by its words before. With `phrases` a recogniser listens, too: `hear_words` takes
    what it hears, and `hear_no_words` that it has gone.
    """

    __slots__ = (
        "_beep",
        "_began_ms",
        "_features",
        "_greeting",
        "_limits",
        "_machine",
        "_now_ms",
        "_quiet_ms",
        "_rest",
        "_said",
        "_tonal_ms",
        "_tones",
        "_tones_alone",
        "_words",
        "_words_until_ms",
        "verdict",
    )

    def __init__(
        self, limits: DetectionLimits, began_ms: float, phrases: Phrases | None = None
    ) -> None:
        self._limits = limits
        self._began_ms = began_ms
        self._now_ms = 0  # of the sound, since the answer
        self._features = FeatureReader()
        self._tones = ToneWatch()
        self._greeting = Greeting(
            min_word_ms=limits.min_word_ms, between_words_ms=limits.between_words_ms
        )
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._machine: MachineHeard | None = None
        self._beep: Beep | None = None
        self._tones_alone: list[Tone] = []  # before the first word
        self._tonal_ms = 0
        self._quiet_ms = 0  # since the first word
        self._words = None if phrases is None else GreetingWords(phrases)
        self._words_until_ms = 0  # what was said before that, the recogniser has told of
        self._said: Label | None = None  # who says the words that were heard
        self.verdict: Verdict | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be found."""
        verdict = self.verdict
        if verdict is None:
            return False
        waits_for_beep = verdict.label == "voicemail" and self._beep is None
        return not waits_for_beep or self._now_ms >= self._limits.machine_ms

    def feed(self, samples: NDArray[np.int16], now_ms: float) -> list[Finding]:
        """The next samples, which came at `now_ms`."""
        found = self.advance(now_ms - len(samples) / 8)
        sound = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(sound) - len(sound) % FRAME_SAMPLES
        for begin in range(0, whole, FRAME_SAMPLES):
            found += self._next_frame(sound[begin : begin + FRAME_SAMPLES])
        self._rest = sound[whole:]
        return found

    def advance(self, now_ms: float) -> list[Finding]:
        """It is `now_ms`: what has not come by now is silence."""
        found: list[Finding] = []
        due_ms = now_ms - self._began_ms - _LATE_MS
        while self._now_ms + FRAME_MS <= due_ms and not self.is_over:
            found += self._next_frame(_SILENCE)
        return found

    def hear_words(self, text: str, *, is_final: bool = True) -> list[Finding]:
        """A recogniser has heard these words, after those that it gave before.

        Where they are not `is_final`, they take the place of those that it guessed before.
        """
        if self._words is None or self.verdict is not None:
            return []
        self._said = self._words.hear(text, is_final=is_final)
        if is_final:
            self._words_until_ms = self._now_ms
        return self._judge_words()

    def hear_no_words(self) -> None:
        """The recogniser has gone: it is waited for no more."""
        self._words = None

    def stop(self) -> list[Finding]:
        """No more is to come: the verdict by what was heard so far."""
        return self._decide("unknown", "stopped") if self.verdict is None else []

    # -- frame by frame -----------------------------------------------------------------------

    def _next_frame(self, frame: NDArray[np.int16]) -> list[Finding]:
        if self.is_over:
            return []
        self._now_ms += FRAME_MS
        features = self._features.read(frame)
        self._tonal_ms += FRAME_MS * features.is_tonal
        self._quiet_ms += FRAME_MS * (self._greeting.has_begun and not features.is_loud)
        self._greeting.next_frame(
            is_speech=features.is_speech, at_ms=self._now_ms, frame_ms=FRAME_MS
        )
        ended = self._tones.next_frame(features.tone_hz, self._now_ms, FRAME_MS)
        found = self._hear_tones(ended)
        if self.verdict is None:
            found += self._judge()
        return found

    def _hear_tones(self, ended: Tone | None) -> list[Finding]:
        now = self._tones.current
        if self.verdict is None and now is not None and self._is_fax(now, goes_on=True):
            return self._decide("fax", "fax_tone")
        if ended is None:
            return []
        if self.verdict is None and self._is_fax(ended, goes_on=False):
            return self._decide("fax", "fax_tone")
        limits = self._limits
        is_beep = (
            limits.min_beep_ms <= ended.duration_ms <= limits.max_beep_ms
            and _BEEP_HZ[0] <= ended.hz <= _BEEP_HZ[1]
        )
        if not is_beep:
            return []
        if self._greeting.spoken_ms < _CLICK_MS:
            self._tones_alone.append(ended)
            return []
        return self._take_beep(ended)

    def _take_beep(self, tone: Tone) -> list[Finding]:
        self._beep = Beep(tone.ended_ms, tone.duration_ms, round(tone.hz))
        if self.verdict is not None:
            return [self._beep]
        return [self._beep, *self._decide("voicemail", "beep")]

    def _is_fax(self, tone: Tone, *, goes_on: bool) -> bool:
        if abs(tone.hz - _CED_HZ) <= _CED_OFF_HZ:
            least = _CED_AFTER_WORDS_MS if self._has_greeting else _CED_MS
            return tone.duration_ms >= least
        shortest, longest = _CNG_MS
        return (
            not goes_on
            and not self._has_greeting
            and abs(tone.hz - _CNG_HZ) <= _CNG_OFF_HZ
            and shortest <= tone.duration_ms <= longest
        )

    @property
    def _has_greeting(self) -> bool:
        greeting = self._greeting
        # What is so short at the answer is a rustle, and before a tone its beginning.
        is_doubtful = greeting.began_ms <= _PICK_UP_MS or bool(self._tones_alone)
        return greeting.spoken_ms >= (_CLICK_MS if is_doubtful else _LITTLE_MS)

    # -- the verdict --------------------------------------------------------------------------

    def _judge(self) -> list[Finding]:
        is_early = self._now_ms < self._limits.total_ms or self._machine is not None
        if is_early and self._tones.current is not None:  # it is decided when the tone is over
            return []
        if not self._has_greeting:
            return self._judge_without_words()
        found = self._judge_words()
        if found:
            return found
        if self._machine is None:
            return self._judge_greeting()
        return self._judge_machine()

    def _judge_words(self) -> list[Finding]:
        """By what a recogniser has heard: a machine once it has said enough, a person who waits."""
        said, greeting = self._said, self._greeting
        if said is None:
            return []
        if said == "human":
            is_so = greeting.pause_ms(self._now_ms) >= self._limits.word_pause_ms
        else:
            is_so = self._machine is not None or greeting.length_ms >= _MACHINE_WORDS_MS[said]
        return self._decide(said, "words") if is_so else []

    def _judge_without_words(self) -> list[Finding]:
        limits, now = self._limits, self._now_ms
        alone = [one for one in self._tones_alone if one.hz > _PROGRESS_HZ]
        if alone and now - alone[-1].ended_ms >= _BEEP_ALONE_MS and self._tones.current is None:
            if len(alone) > 1:
                return self._decide("unknown", "progress_tone")
            return self._take_beep(alone[0])
        if self._greeting.has_begun and self._greeting.pause_ms(now) < limits.short_pause_ms:
            return []
        if now < limits.initial_silence_ms:
            return []
        if self._tonal_ms >= limits.initial_silence_ms // 3:
            return self._decide("unknown", "progress_tone")
        return self._decide("silence", "initial_silence")

    def _judge_greeting(self) -> list[Finding]:
        limits, greeting = self._limits, self._greeting
        if greeting.length_ms > limits.greeting_ms:
            return self._suspect("long_greeting")
        if (
            greeting.length_ms > limits.fluent_greeting_ms
            and greeting.longest_ms > limits.fluent_ms
        ):
            return self._suspect("fluent_greeting")
        if greeting.phrases > limits.max_phrases:
            return self._suspect("many_phrases")
        wanted_ms = self._pause_of(greeting.length_ms)
        if greeting.length_ms > _ONE_WORD_MS and self._awaits_words:
            wanted_ms += limits.words_ms
        if greeting.pause_ms(self._now_ms) >= wanted_ms:
            return self._decide("human", "short_greeting")
        return []

    @property
    def _awaits_words(self) -> bool:
        """Whether a recogniser may yet tell what was said last."""
        return self._words is not None and self._words_until_ms < self._greeting.ended_ms

    def _pause_of(self, greeting_ms: int) -> float:
        """The longer the greeting, the longer the pause by which a person is recognised."""
        limits = self._limits
        if self._greeting.spoken_ms < _CLICK_MS:
            return _AFTER_CLICK_MS
        lengths = (_ONE_WORD_MS, _TWO_WORDS_MS, limits.greeting_ms)
        pauses = (limits.word_pause_ms, limits.short_pause_ms, limits.long_pause_ms)
        return float(np.interp(greeting_ms, lengths, pauses))

    def _judge_machine(self) -> list[Finding]:
        limits, greeting = self._limits, self._greeting
        if greeting.pause_ms(self._now_ms) >= limits.wait_ms:
            if greeting.length_ms <= limits.question_ms:
                return self._decide("screening", "waits_for_answer")
            return self._decide("ivr", "many_phrases")
        if self._now_ms >= limits.machine_ms:
            return self._decide("ivr", "endless_speech")
        return []

    def _suspect(self, reason: Reason) -> list[Finding]:
        since_ms = self._now_ms - self._greeting.began_ms
        if self._quiet_ms < _MUSIC_QUIET * since_ms:
            return self._decide("unknown", "music")
        self._machine = MachineHeard(self._now_ms, reason)
        return [self._machine]

    def _decide(self, label: Label, reason: Reason) -> list[Finding]:
        greeting = self._greeting
        self.verdict = Verdict(
            label,
            self._now_ms,
            reason,
            initial_silence_ms=greeting.began_ms if greeting.has_begun else self._now_ms,
            greeting_ms=greeting.length_ms,
            phrases=greeting.phrases,
            beep_ms=None if self._beep is None else self._beep.after_ms,
        )
        return [self.verdict]


_SILENCE: Final = np.zeros(FRAME_SAMPLES, np.int16)
