"""Gathers keys of one leg: which count, when they are enough, and how long the next may take."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MOST_DIGITS: Final = 64

GatherEnd: TypeAlias = Literal[
    "terminator", "max_digits", "too_few", "first_digit", "between_digits", "leg_ended", "stopped"
]
"""How it ended: the terminator was pressed, all digits were, less than `min_digits` had come by the
end, nothing came in `first_digit_s`, nothing more in `between_digits_s`; the leg ended; by command.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherSettings:
    """What is gathered. `terminator` has the keys each of which ends it, "": none does.

    With `barge_in` the first key ends the prompt, otherwise keys count once that is over. The
    time for the first digit begins when the prompt is over. With `secret` nobody else is told of
    the digits, by sound, event or log.
    """

    max_digits: int = MOST_DIGITS
    min_digits: int = 1
    terminator: str = "#"
    first_digit_s: float = 5.0
    between_digits_s: float = 3.0
    barge_in: bool = True
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Gathered:
    """What has come, without the terminator, and how it ended."""

    digits: str
    ended: GatherEnd

    def __repr__(self) -> str:
        """Without the digits, so that no log can have them."""
        return f"Gathered({len(self.digits)} digits, {self.ended!r})"


class Gather:
    """One gathering. `on_barge_in` is called at the first key that cuts the prompt short.

    `press`, `prompt_over` and `end` are told from outside; `run` waits for what they make of it.
    """

    def __init__(self, settings: GatherSettings, on_barge_in: Callable[[], None]) -> None:
        self.settings = settings
        self._on_barge_in = on_barge_in
        self._digits = ""
        self._is_prompting = True
        self._ended: GatherEnd | None = None
        self._news = asyncio.Event()

    @property
    def is_secret(self) -> bool:
        """Whether nobody else may know the keys."""
        return self.settings.secret

    def take(self, digit: str) -> None:
        """The party has pressed a key."""
        settings = self.settings
        if self._ended is not None or (self._is_prompting and not settings.barge_in):
            return
        if self._is_prompting:
            self._is_prompting = False
            self._on_barge_in()
        if digit in settings.terminator:
            self.end("terminator" if len(self._digits) >= settings.min_digits else "too_few")
            return
        self._digits += digit
        if len(self._digits) >= settings.max_digits:
            self.end("max_digits")
        self._news.set()

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
        return Gathered(self._digits, self._ended)

    @property
    def _patience_s(self) -> float | None:
        """How long the next key may take; None while the prompt is heard."""
        if self._is_prompting:
            return None
        return self.settings.between_digits_s if self._digits else self.settings.first_digit_s

    @property
    def _late(self) -> GatherEnd:
        if not self._digits:
            return "first_digit"
        return "between_digits" if len(self._digits) >= self.settings.min_digits else "too_few"
