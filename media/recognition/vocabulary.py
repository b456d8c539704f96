"""The phrases that are listened for, and which of them a recognised text is."""

import re
import unicodedata
from typing import Final

import msgspec

MOST_PHRASES: Final = 200
MAX_PHRASE_CHARACTERS: Final = 100
MOST_DIGITS: Final = 64

# English alone: a recogniser for other languages writes figures, or gets words.
DIGIT_WORDS: Final = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip


class Vocabulary(msgspec.Struct, frozen=True, array_like=True):
    """`phrases` as they are given, and with `has_digits` any row of spoken digits.

    Where they are `is_spotted`, anything may be said before and after each.
    """

    phrases: tuple[str, ...] = ()
    has_digits: bool = False
    is_spotted: bool = False

    @property
    def is_open(self) -> bool:
        """Whether anything may be said."""
        return not self.phrases and not self.has_digits

    def match(self, text: str) -> str | None:
        """What a recognised text is: one of `phrases`, the digits in figures, or neither.

        A text that has more words than a phrase is that phrase where it has no other besides.
        """
        said = words_of(text)
        found = [phrase for phrase in self.phrases if _has(said, words_of(phrase))]
        # "yes" is said with "yes please", and does not count besides.
        longest = [
            one
            for one in found
            if not any(
                len(words_of(other)) > len(words_of(one)) and _has(words_of(other), words_of(one))
                for other in found
            )
        ]
        if len(longest) == 1:
            return longest[0]
        return digits_in(said) if self.has_digits and not longest else None


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return re.findall(r"\w+(?:'\w+)*", plain)


def digits_in(words: list[str]) -> str | None:
    """The digits that these words are, in figures; None where they are not digits alone."""
    figures = [DIGIT_WORDS.get(word, word) for word in words]
    if not figures or not all(one.isascii() and one.isdigit() for one in figures):
        return None
    digits = "".join(figures)
    return digits if len(digits) <= MOST_DIGITS else None


def _has(said: list[str], phrase: list[str]) -> bool:
    length = len(phrase)
    return bool(phrase) and any(
        said[at : at + length] == phrase for at in range(len(said) - length + 1)
    )
