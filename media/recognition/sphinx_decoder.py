"""Recognises small vocabularies in English with pocketsphinx, by the model that its wheel carries.

An utterance is decoded once it is over: so the mean of its whole sound is taken off, which tells
words on a telephone line apart better than the mean of what came before.
"""

import math
from typing import Any, Final

import pocketsphinx  # type: ignore[import-untyped]

from .filler_words import FILLER_WORDS
from .result import Recognised
from .utterances import FRAME_MS, Utterances
from .vocabulary import DIGIT_WORDS, Vocabulary, words_of

RATE_HZ: Final = 16000
FRAME_BYTES: Final = 2 * RATE_HZ * FRAME_MS // 1000
_PAUSE_MS: Final = 450
_PAUSE_IN_DIGITS_MS: Final = 900
UNKNOWN: Final = "[unknown]"
"""The text of what is none of the phrases."""
POLITE: Final = "please"
# Measured with 400 words by espeak-ng in telephone quality (docs/speech.md).
_EVEN_MARGIN: Final = 40.0
_MARGIN_SPREAD: Final = 20.0
_FIGURES: Final = {figure: word for word, figure in DIGIT_WORDS.items() if word != "oh"}


class SphinxDecoder:
    """Finds the phrases of a vocabulary. Raises ValueError where it cannot."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._phrases = {_spoken(phrase): phrase for phrase in vocabulary.phrases}
        self._digits = set(DIGIT_WORDS) if vocabulary.has_digits else set()
        known = {word for spoken in self._phrases for word in spoken.split()} | self._digits
        rules = [*self._phrases]
        if self._digits:
            rules.append(f"({' | '.join(DIGIT_WORDS)})+")
        self._wanted = _decoder(known, f"({' | '.join(rules)}) [{POLITE}]")
        fillers = [word for word in FILLER_WORDS if word not in known]
        self._others = _decoder(set(fillers), " | ".join(fillers))
        self._vad = pocketsphinx.Vad(
            mode=pocketsphinx.Vad.MEDIUM_STRICT, sample_rate=RATE_HZ, frame_length=FRAME_MS / 1000
        )
        self._utterances = Utterances(_PAUSE_IN_DIGITS_MS if self._digits else _PAUSE_MS)

    @property
    def is_speaking(self) -> bool:
        """Whether the party speaks now."""
        return self._utterances.is_speaking

    def feed(self, frame: bytes) -> Recognised | None:
        """The next FRAME_BYTES of sound. What was said, once that is over."""
        utterance = self._utterances.add_frame(frame, is_voiced=self._vad.is_speech(frame))
        return None if utterance is None else self._decode(utterance)

    def _decode(self, utterance: bytes) -> Recognised:
        """What an utterance is; one that is none of the phrases is UNKNOWN."""
        spoken, score = _best(self._wanted, utterance)
        words = spoken.removesuffix(f" {POLITE}")
        text = self._phrases.get(words)
        if text is None and words and self._digits.issuperset(words.split()):
            text = words
        confidence = 0.0
        if text is not None:
            _, score_of_others = _best(self._others, utterance)
            confidence = confidence_of(score - score_of_others)
        return Recognised(
            text or UNKNOWN,
            confidence=confidence,
            from_ms=self._utterances.from_ms,
            to_ms=self._utterances.to_ms,
        )


def confidence_of(margin: float) -> float:
    """How likely a text is right whose score is by `margin` better than that of any other word."""
    exponent = min(max((_EVEN_MARGIN - margin) / _MARGIN_SPREAD, -50.0), 50.0)
    return round(1.0 / (1.0 + math.exp(exponent)), 2)


def _decoder(words: set[str], rule: str) -> Any:
    """A decoder of one grammar (JSGF). Raises ValueError for a word that it does not know."""
    model = f"{pocketsphinx.get_model_path()}/en-us"
    decoder = pocketsphinx.Decoder(
        hmm=f"{model}/en-us", dict=f"{model}/cmudict-en-us.dict", lm=None, loglevel="FATAL"
    )
    for word in sorted(words):
        if decoder.lookup_word(word) is None:
            raise ValueError(f"nothing is known of how {word!r} is spoken")
    decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <said> = {rule};")
    decoder.activate_search("words")
    return decoder


def _best(decoder: Any, utterance: bytes) -> tuple[str, float]:
    """What an utterance is most likely, and its score: a logarithm, higher is better."""
    decoder.start_utt()
    decoder.process_raw(utterance, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return ("", 0.0) if hypothesis is None else (hypothesis.hypstr, 1000.0 * hypothesis.score)


def _spoken(phrase: str) -> str:
    """The words of a phrase as the dictionary has them."""
    return " ".join(_FIGURES.get(word, word) for word in words_of(phrase))
