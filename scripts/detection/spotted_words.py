"""Words for the detection, by pocketsphinx, as the process of a recognition hears them."""

import numpy as np
from numpy.typing import NDArray

from media.detection_phrases import phrases_of
from media.recognition.sphinx_decoder import FRAME_BYTES, RATE_HZ
from media.recognition.sphinx_spotter import SphinxSpotter
from media.recognition.vocabulary import Vocabulary
from media.streams.sample_rate import RateConverter

from .noise import RATE_HZ as SAMPLE_RATE_HZ
from .samples import Sample


class SpottedWords:
    """What is heard of one sample in English."""

    def __init__(self) -> None:
        phrases = phrases_of("en")
        assert phrases is not None
        self._spotter = SphinxSpotter(Vocabulary(phrases.machines, is_spotted=True))
        self._converter = RateConverter(SAMPLE_RATE_HZ, RATE_HZ)
        self._sound = bytearray()

    def hear(self, samples: NDArray[np.int16]) -> str:
        """See HearsWords."""
        self._sound += self._converter.convert(samples).tobytes()
        found = []
        while len(self._sound) >= FRAME_BYTES:
            heard = self._spotter.feed(bytes(self._sound[:FRAME_BYTES]))
            del self._sound[:FRAME_BYTES]
            if heard is not None:
                found.append(heard.text)
        return ". ".join(found)


def recogniser_of(sample: Sample) -> SpottedWords | None:
    """One that understands English, for what is said in English, and for silence and tones."""
    return SpottedWords() if sample.language.startswith("en") else None
