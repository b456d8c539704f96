"""Which phrase a recognised text is."""

import pytest

from media.recognition.vocabulary import MOST_DIGITS, Vocabulary


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yes", "Yes"),
        ("  YES!", "Yes"),
        ("yes, of course", "Yes"),
        ("yes please", "yes please"),
        ("oh yes please do", "yes please"),
        ("no", "no"),
        ("yes or no", None),
        ("yesterday", None),
        ("", None),
        ("o\u2019connor", "O'Connor"),
    ],
)
def test_a_text_is_the_one_phrase_that_it_has(text: str, word: str | None) -> None:
    vocabulary = Vocabulary(("Yes", "yes please", "no", "O'Connor"))
    assert vocabulary.match(text) == word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("four seven one", "471"),
        ("oh zero 12", "0012"),
        ("four apples", None),
        ("operator", "operator"),
        ("1" * (MOST_DIGITS + 1), None),
        ("\u0664", None),
    ],
)
def test_rows_of_digits_come_in_figures(text: str, word: str | None) -> None:
    assert Vocabulary(("operator",), True).match(text) == word


def test_without_words_and_digits_anything_may_be_said() -> None:
    assert Vocabulary().is_open
    assert Vocabulary().match("whatever") is None
    assert not Vocabulary((), True).is_open
