"""What pocketsphinx hears in texts that espeak-ng speaks, in telephone quality."""

import io
import subprocess
from functools import cache

import msgspec
import numpy as np
import pytest
import soxr

from media.child_process import python_process
from media.recognition import sphinx_process
from media.recognition.recogniser_messages import Error, Speech, Words, read_line
from media.recognition.vocabulary import Vocabulary
from media.sound.g711 import decode, encode
from media.speech.speech_pool import pool

pytest.importorskip("pocketsphinx", reason="pip install 'ringback[recognition]'")

from media.recognition.sphinx_decoder import UNKNOWN, confidence_of

RATE_HZ = 16000


@cache
def telephone(text: str) -> bytes:
    """A text as a telephone carries it, at RATE_HZ, with a second of its line around."""
    spoken = pool.speak(text, voice="en-us", rate_wpm=140, max_duration_s=20.0)
    samples = np.frombuffer(spoken.samples, np.int16).astype(np.float32) / 2
    narrow = soxr.resample(samples, spoken.rate_hz, 8000)
    sound = np.concatenate((np.zeros(8000), narrow, np.zeros(12000)))
    sound += np.random.default_rng(1).normal(0.0, 20.0, len(sound))
    heard = decode(encode(np.clip(sound, -32768, 32767).astype(np.int16), "PCMU"), "PCMU")
    wide = soxr.resample(heard.astype(np.float32), 8000, RATE_HZ)
    return bytes(np.clip(wide, -32768, 32767).astype("<i2").tobytes())


def heard(sound: bytes, vocabulary: Vocabulary) -> list[object]:
    sink = io.BytesIO()
    sphinx_process.recognise(io.BytesIO(sound), sink, vocabulary)
    return [read_line(line) for line in sink.getvalue().splitlines()]


def test_words_are_heard() -> None:
    vocabulary = Vocabulary(("Yes", "no", "sales"))
    began, yes = heard(telephone("yes"), vocabulary)
    assert began == Speech()
    assert isinstance(yes, Words)
    assert vocabulary.match(yes.text) == "Yes"
    assert yes.confidence is not None
    assert yes.confidence > 0.3  # espeak-ng never speaks a text twice alike
    assert yes.from_ms is not None
    assert yes.to_ms is not None
    assert 500 <= yes.from_ms < yes.to_ms < 2500


def test_digits_are_heard_after_words() -> None:
    # espeak-ng never speaks a text twice alike: which digits it is taken for may differ.
    vocabulary = Vocabulary(("yes", "no"), True)
    _, word, _, digits = heard(telephone("yes") + telephone("three"), vocabulary)
    assert isinstance(word, Words)
    assert isinstance(digits, Words)
    assert (vocabulary.match(digits.text) or "").isdigit()


def test_what_is_none_of_the_words_is_not_taken_for_one() -> None:
    _, other = heard(telephone("computer"), Vocabulary(("yes", "no")))
    assert isinstance(other, Words)
    assert other.text == UNKNOWN or (other.confidence or 0.0) < 0.4


def test_confidence_grows_with_the_margin() -> None:
    assert confidence_of(-1e9) == 0.0
    assert confidence_of(40.0) == 0.5
    assert confidence_of(1e9) == 1.0


def test_the_process_says_which_word_it_does_not_know() -> None:
    command, environment = python_process("media.recognition.sphinx_process", imports_site=False)
    vocabulary = msgspec.json.encode(Vocabulary(("xylqwe",)))
    said = subprocess.run(
        command, input=vocabulary + b"\n", env=environment, capture_output=True, timeout=60
    )
    message = read_line(said.stdout)
    assert isinstance(message, Error)
    assert "'xylqwe'" in message.reason


def test_a_word_without_a_known_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="'xylqwe'"):
        heard(b"", Vocabulary(("xylqwe",)))
