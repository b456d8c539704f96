"""Spots phrases in running speech in English with pocketsphinx.

An utterance is searched once it is over, for the reason that sphinx_decoder.py gives.
"""

import os
from typing import Any, Final

import pocketsphinx  # type: ignore[import-untyped]

from .result import Recognised
from .sphinx_decoder import RATE_HZ
from .utterances import FRAME_MS, Utterances
from .vocabulary import Vocabulary, words_of

_PAUSE_MS: Final = 300
# The longer a phrase, the less likely is each of its sounds: by so many powers of ten a letter.
# Measured with greetings by espeak-ng in telephone quality (docs/detection.md).
_POWERS_A_LETTER: Final = 2.0
_LEAST_LETTERS: Final = 10  # what is shorter is heard everywhere
_MOST_BYTES: Final = 64 << 10  # that a pipe has room for: 200 phrases are less


class SphinxSpotter:
    """Finds phrases of a vocabulary. Those that it does not know are left out.

    Raises ValueError where none is left.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        model = f"{pocketsphinx.get_model_path()}/en-us"
        self._decoder: Any = pocketsphinx.Decoder(
            hmm=f"{model}/en-us", dict=f"{model}/cmudict-en-us.dict", lm=None, loglevel="FATAL"
        )
        known = [phrase for phrase in map(_spoken, vocabulary.phrases) if self._is_known(phrase)]
        if not known:
            raise ValueError("nothing is known of how any of the phrases is spoken")
        self._listen_for(known)
        self._vad = pocketsphinx.Vad(
            mode=pocketsphinx.Vad.MEDIUM_STRICT, sample_rate=RATE_HZ, frame_length=FRAME_MS / 1000
        )
        self._utterances = Utterances(_PAUSE_MS)

    def _is_known(self, phrase: str) -> bool:
        is_long = len(phrase.replace(" ", "")) >= _LEAST_LETTERS
        return is_long and all(
            self._decoder.lookup_word(word) is not None for word in phrase.split()
        )

    def _listen_for(self, phrases: list[str]) -> None:
        """Take the phrases: from a file, which this process must not write. So it is a pipe."""
        lines = (f"{phrase} /1e-{_powers(phrase)}/\n" for phrase in dict.fromkeys(phrases))
        reader, writer = os.pipe()
        try:
            with open(writer, "wb") as pipe:
                pipe.write("".join(lines).encode()[:_MOST_BYTES])
            self._decoder.add_kws("phrases", f"/dev/fd/{reader}")
        finally:
            os.close(reader)
        self._decoder.activate_search("phrases")

    @property
    def is_speaking(self) -> bool:
        """Whether the party speaks now."""
        return self._utterances.is_speaking

    def feed(self, frame: bytes) -> Recognised | None:
        """The next FRAME_BYTES of sound. The phrases of an utterance, once it is over."""
        utterance = self._utterances.add_frame(frame, is_voiced=self._vad.is_speech(frame))
        if utterance is None:
            return None
        self._decoder.start_utt()
        self._decoder.process_raw(utterance, full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return None
        text = ". ".join(segment.word.strip() for segment in self._decoder.seg())
        return Recognised(text, from_ms=self._utterances.from_ms, to_ms=self._utterances.to_ms)


def _powers(phrase: str) -> int:
    return round(_POWERS_A_LETTER * len(phrase.replace(" ", "")))


def _spoken(phrase: str) -> str:
    return " ".join(words_of(phrase))
