"""What words say of who answers."""

import pytest

from media.detection.words import GreetingWords
from media.detection_phrases import BUILT_IN, Phrases, phrases_of


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("en-GB", "Please leave a message after the tone", "voicemail"),
        ("de", "Sie haben die MAILBOX erreicht.", "voicemail"),
        ("en", "For sales press one, for support press two", "ivr"),
        ("en", "Can I ask who is calling? Say your name", "screening"),
        ("fr", "Laissez-moi un message après le bip", "voicemail"),
        ("en", "Brown and Sons, how can I help you?", "human"),
        ("en", "Acme, how can I help you? Press one", "ivr"),
        ("en", "hello", None),
        ("en", "", None),
        ("en", "Say your name, and leave a message after the beep", "voicemail"),
        ("en", "he is impressed, one may say", None),
    ],
)
def test_signs_of_who_speaks(language: str, text: str, label: str | None) -> None:
    phrases = phrases_of(language)
    assert phrases is not None
    assert GreetingWords(phrases).hear(text) == label


def test_guesses_give_way_to_what_follows_and_finals_add_up() -> None:
    words = GreetingWords(BUILT_IN["en"])
    assert words.hear("who is calling", is_final=False) == "screening"
    assert words.hear("whose calling card", is_final=False) is None
    assert words.hear("please leave a") is None
    assert words.hear("message") == "voicemail"


def test_no_phrases_tell_nothing() -> None:
    assert GreetingWords(Phrases(ivr=("...",))).hear("press one") is None


def test_a_language_has_its_own_phrases_or_those_built_in() -> None:
    own = {"DE": Phrases(voicemail=("piep",)), "en-AU": Phrases(voicemail=("cheerio",))}
    assert phrases_of("de-AT", own) == own["DE"]
    assert phrases_of("en-au", own) == own["en-AU"]
    assert phrases_of("en-GB", own) == BUILT_IN["en"]
    assert phrases_of("tlh", own) is None
    assert list(Phrases(human=("a", "b"), ivr=("b",))) == ["b", "a"]


def test_those_built_in_are_no_more_than_a_recogniser_takes() -> None:
    for phrases in BUILT_IN.values():
        assert len(list(phrases)) <= 200
        assert all(phrases)
