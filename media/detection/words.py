"""What the words of a greeting say of who answers, where a recogniser hears them."""

import re
from collections import Counter
from typing import Final

from ..detection_limits import Label
from ..detection_phrases import Phrases
from ..recognition.vocabulary import words_of

_MOST_CHARACTERS: Final = 2000


class GreetingWords:
    """The words that were heard so far, and who says such."""

    __slots__ = ("_guess", "_labels", "_pattern", "_text")

    def __init__(self, phrases: Phrases) -> None:
        self._labels: dict[str, Label] = {}
        said_by: tuple[tuple[Label, tuple[str, ...]], ...] = (
            ("human", phrases.human),
            ("ivr", phrases.ivr),
            ("voicemail", phrases.voicemail),
            ("screening", phrases.screening),
        )
        for label, those in said_by:
            self._labels.update((_plain(phrase), label) for phrase in those if _plain(phrase))
        # The longest first: what is a part of it is not said besides.
        longest_first = sorted(self._labels, key=len, reverse=True)
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")
        self._text = ""
        self._guess = ""

    def hear(self, text: str, *, is_final: bool = True) -> Label | None:
        """A recogniser has heard this after what it gave before, or (not `is_final`) seems to.

        Returns who says what was heard so far; None where the words do not tell.
        """
        if is_final:
            self._text, self._guess = f"{self._text} {text}"[-_MOST_CHARACTERS:], ""
        else:
            self._guess = text[:_MOST_CHARACTERS]
        return self._label()

    def _label(self) -> Label | None:
        """Whoever has most of the phrases; a person only where nothing is said of a machine."""
        said = self._pattern.findall(_plain(f"{self._text} {self._guess}"))
        counts = Counter(self._labels[phrase] for phrase in said if phrase)
        if len(counts) > 1:
            del counts["human"]
        return counts.most_common(1)[0][0] if counts else None


def _plain(text: str) -> str:
    return " ".join(words_of(text))
