"""Phrases that pocketsphinx spots in running speech."""

import io
from pathlib import Path

import numpy as np
import pytest

from media.detection.words import GreetingWords
from media.detection_phrases import BUILT_IN
from media.recognition import sphinx_process
from media.recognition.recogniser_messages import Error, Speech, Words, read_line
from media.recognition.vocabulary import Vocabulary
from media.sound.g711 import decode
from media.streams.sample_rate import RateConverter

pytest.importorskip("pocketsphinx", reason="pip install 'ringback[recognition]'")

from media.recognition.sphinx_spotter import SphinxSpotter

PHRASES = tuple(BUILT_IN["en"])


def recorded() -> bytes:
    """ "Please leave your name and number after the tone": espeak-ng, through a telephone."""
    with np.load(Path(__file__).parent / "phrase.npz") as kept:
        narrow = decode(kept["pcma"].tobytes(), "PCMA")
    return RateConverter(8000, 16000).convert(narrow).tobytes()


def heard(sound: bytes, *phrases: str) -> list[object]:
    sink = io.BytesIO()
    sphinx_process.recognise(io.BytesIO(sound), sink, Vocabulary(phrases, is_spotted=True))
    return [read_line(line) for line in sink.getvalue().splitlines()]


def test_a_phrase_is_found_in_what_else_is_said() -> None:
    began, words = heard(recorded(), *PHRASES)
    assert began == Speech()
    assert isinstance(words, Words)
    assert GreetingWords(BUILT_IN["en"]).hear(words.text) == "voicemail"
    assert words.from_ms is not None and words.to_ms is not None
    assert words.from_ms < 500 and 3000 < words.to_ms < 4200


def test_other_phrases_are_not_found() -> None:
    assert heard(recorded(), "press the pound key", "screening service") == [Speech()]


def test_phrases_that_it_cannot_know_are_left_out() -> None:
    *_, words = heard(recorded(), "naciśnij jeden", "one", "leave your name")
    assert isinstance(words, Words)
    assert words.text == "leave your name"
    with pytest.raises(ValueError, match="any of the phrases"):
        SphinxSpotter(Vocabulary(("naciśnij jeden", "one"), is_spotted=True))


def test_the_process_may_not_write_and_listens_all_the_same() -> None:
    assert not isinstance(heard(bytes(32000), *PHRASES), Error)
