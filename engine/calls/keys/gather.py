"""Gathers keys, or words, of one leg: which count, when they are enough, how long they may take."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from ..legs.pressed_keys import KeyTaker
from ..recognition.speech import HeardSpeech, WantedSpeech

MOST_DIGITS: Final = 64
LONGEST_SPEECH_S: Final = 15.0
"""How long who speaks may go on until that counts as nothing that was understood."""

GatherEnd: TypeAlias = Literal[
    "terminator",
    "max_digits",
    "too_few",
    "first_digit",
    "between_digits",
    "speech",
    "no_match",
    "leg_ended",
    "stopped",
]
"""How it ended: the terminator was pressed, all digits were, less than `min_digits` had come by the
end, nothing came in `first_digit_s`, nothing more in `between_digits_s`; something was said, or
something that is none of the words; the leg ended; by command.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherSettings:
    """What is gathered. `terminator` has the keys each of which ends it, "": none does.

    With `barge_in` the first key ends the prompt, otherwise keys count once that is over. The
    time for the first digit begins when the prompt is over. With `secret` nobody else is told of
    the digits, by sound, event or log, nor of the words, by event or log. With `speech` the party
    may speak in place of pressing keys; with `max_digits` 0 that alone. What is pressed within
    `type_ahead_s` after its end is for the next gathering of the leg.
    """

    max_digits: int = MOST_DIGITS
    min_digits: int = 1
    terminator: str = "#"
    first_digit_s: float = 5.0
    between_digits_s: float = 3.0
    barge_in: bool = True
    secret: bool = True
    type_ahead_s: float = 0.0
    speech: WantedSpeech | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What has come, without the terminator, and how it ended.

    `text` is what was said, `word` what of the wanted words it is; None where nothing was said.
    `speech_failed` is why nothing more could be recognised; None where that worked.
    """

    digits: str
    ended: GatherEnd
    text: str | None = None
    word: str | None = None
    confidence: float | None = None
    speech_failed: str | None = None

    def __repr__(self) -> str:
        """Without digits and words, so that no log can have them."""
        return f"Gathered({len(self.digits)} digits, {self.ended!r})"


class Gather(KeyTaker):
    """One gathering. `on_barge_in` is called at the first key, or sound of a voice, that cuts the
    prompt short.

    `take`, `speech_heard`, `prompt_over` and `end` are told from outside; `run` waits for what they
    make of it. The first key ends the listening for words.
    """

    def __init__(self, settings: GatherSettings, on_barge_in: Callable[[], None]) -> None:
        self.settings = settings
        self._on_barge_in = on_barge_in
        self._digits = ""
        self.late = ""
        """The keys that came after its end, before anybody else was given them."""
        self._is_prompting = True
        self._is_speaking = False
        self._heard: HeardSpeech | None = None
        self._speech_failed: str | None = None
        self._ended: GatherEnd | None = None
        self._news = asyncio.Event()

    @property
    def is_secret(self) -> bool:
        """Whether nobody else may know the keys."""
        return self.settings.secret

    @property
    def is_over(self) -> bool:
        """Whether nothing more counts."""
        return self._ended is not None

    @property
    def has_begun(self) -> bool:
        """Whether a key has come: no prompt is to be heard, and no word is listened for."""
        return bool(self._digits) or self.is_over

    def take_typed(self, keys: str) -> str:
        """The party pressed these before the prompt. Returns those that are not used.

        Where the prompt has to be heard, none of them is for it.
        """
        if not self.settings.barge_in:
            return ""
        while keys and not self.is_over:
            self.press(keys[0])
            keys = keys[1:]
        return keys

    def press(self, digit: str) -> None:
        """The party has pressed a key."""
        if self.is_over:
            self.late += digit
            return
        settings = self.settings
        if not settings.max_digits or not self._barges_in():
            return
        if digit in settings.terminator:
            self.end("terminator" if len(self._digits) >= settings.min_digits else "too_few")
            return
        self._digits += digit
        if len(self._digits) >= settings.max_digits:
            self.end("max_digits")
        self._news.set()

    def speech_began(self) -> None:
        """The party has begun to speak."""
        if not self._digits and self._barges_in():
            self._is_speaking = True
            self._news.set()

    def speech_heard(self, heard: HeardSpeech) -> None:
        """The party has said something, or seems to."""
        wanted = self.settings.speech
        if wanted is None or self._digits or not self._barges_in():
            return
        self._is_speaking = not heard.is_final
        if not heard.is_final:
            self._news.set()
            return
        is_sure = heard.confidence is None or heard.confidence >= wanted.min_confidence
        is_wanted = wanted.vocabulary.is_open or heard.word is not None
        self._heard = heard if is_sure else replace(heard, word=None)
        self.end("speech" if is_sure and is_wanted else "no_match")

    def recognition_over(self, reason: str, *, has_failed: bool) -> None:
        """Nothing more is recognised: keys may still come, and the time goes on."""
        self._speech_failed = reason
        if self._is_speaking:
            self._is_speaking = False
            self._news.set()

    def _barges_in(self) -> bool:
        """Whether what comes now counts. It ends the prompt."""
        if self._ended is not None or (self._is_prompting and not self.settings.barge_in):
            return False
        if self._is_prompting:
            self._is_prompting = False
            self._on_barge_in()
        return True

    def prompt_over(self) -> None:
        """The prompt was heard to its end, or there is none."""
        if self._is_prompting:
            self._is_prompting = False
            self._news.set()

    def end(self, how: GatherEnd) -> None:
        """It is over; only the first end counts."""
        self._ended = self._ended or how
        self._news.set()

    async def run(self) -> Gathered:
        """Wait until it is over."""
        while self._ended is None:
            self._news.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._news.wait()
            except TimeoutError:
                if self._ended is None:
                    self._ended = self._late
        heard = self._heard if self._ended in ("speech", "no_match") else None
        return Gathered(
            self._digits,
            self._ended,
            text=None if heard is None else heard.text,
            word=None if heard is None else heard.word,
            confidence=None if heard is None else heard.confidence,
            speech_failed=self._speech_failed,
        )

    @property
    def _patience_s(self) -> float | None:
        """How long the next key may take; None while the prompt is heard."""
        if self._is_prompting:
            return None
        if self._digits:
            return self.settings.between_digits_s
        return LONGEST_SPEECH_S if self._is_speaking else self.settings.first_digit_s

    @property
    def _late(self) -> GatherEnd:
        if not self._digits:
            return "no_match" if self._is_speaking else "first_digit"
        return "between_digits" if len(self._digits) >= self.settings.min_digits else "too_few"
