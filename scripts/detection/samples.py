"""Makes samples of what answers a phone: each has its label, and the same seed gives the same.

That is to the bit for those that are made first in a process: espeak-ng draws its breath at random.

A sample begins with the answer. Half of the samples of each label, chosen by a hash of their
names, are for tuning; the others are for the test alone.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from media.detection_limits import Label
from media.speech.espeak import espeak

from . import noise
from .noise import RATE_HZ, Samples
from .texts import LONG, MENUS, ONE_WORD, SCREENING, SHORT, VARIANTS, VOICEMAIL

Half = Literal["tuning", "test"]

# Of a hundred samples. Most of those who are called back are people.
SHARES: Final[dict[Label, int]] = {
    "human": 60,
    "voicemail": 16,
    "ivr": 8,
    "screening": 5,
    "fax": 4,
    "silence": 4,
    "unknown": 3,
}
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer: int16 samples, 8,000 a second. `beep_ms` is when the beep of a mailbox ends."""

    name: str
    label: Label
    half: Half
    sound: NDArray[np.int16]
    text: str = ""
    beep_ms: float | None = None
    language: str = ""


def make(count: int = 400, seed: int = 1, half: Half | None = None) -> Iterator[Sample]:
    """So many samples, or those of one half of them. Raises SpeechError without espeak-ng."""
    for label, share in SHARES.items():
        names = [f"{label}-{number:03}" for number in range(max(2, count * share // 100))]
        ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        for place, name in enumerate(ordered):
            its_half: Half = "tuning" if place % 2 else "test"
            if half in (None, its_half):
                rng = random.Random(f"{seed} {name}")
                yield _Maker(rng).sample(name, label, its_half)


class _Maker:
    """Makes one sample of what `rng` gives."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._text = ""
        self._language = ""  # of what is said first
        self._beep_ms: float | None = None
        self._parts: list[Samples] = []
        self._makers: dict[Label, Callable[[], None]] = {
            "human": self._human,
            "voicemail": self._voicemail,
            "ivr": self._menu,
            "screening": self._screening,
            "fax": self._fax,
            "silence": lambda: self._add(noise.silence(8000)),
            "unknown": self._unknown,
        }

    def sample(self, name: str, label: Label, half: Half) -> Sample:
        """The sample of this name."""
        rng = self._rng
        if label not in ("silence", "unknown") and rng.random() < 0.12:
            self._ringback()
        self._makers[label]()
        sound = np.concatenate(self._parts)
        kind = rng.choice(noise.KINDS)
        # Of speech at 2,000: from 34 dB below it up to 15.
        loudness = 2000 * 10 ** (-rng.uniform(15, 34) / 20)
        if label == "silence":
            loudness = min(loudness, 80.0)
        sound = sound + noise.background(kind, len(sound), rng) * loudness
        sound = noise.telephone_band(sound) * 10 ** (-rng.uniform(-3, 12) / 20)
        codec = rng.choice(("PCMU", "PCMA"))
        heard = noise.through_g711(sound, codec)
        return Sample(name, label, half, heard, self._text, self._beep_ms, self._language)

    # -- who answers --------------------------------------------------------------------------

    def _human(self) -> None:
        rng = self._rng
        if rng.random() < 0.4:
            self._add(noise.click(rng))
        self._pause(min(1800.0, rng.lognormvariate(5.9, 0.55)))
        (said,) = rng.choices((ONE_WORD, SHORT, LONG), (60, 22, 18))
        self._say(said, rng.randint(150, 215))
        self._pause(rng.uniform(1500, 3500))
        if rng.random() < 0.5:  # nobody answers: once more
            self._say(ONE_WORD, rng.randint(150, 215))
        self._pause(4000)

    def _voicemail(self) -> None:
        rng = self._rng
        self._pause(rng.uniform(200, 1200))
        self._say(VOICEMAIL, rng.randint(135, 185))
        self._pause(rng.uniform(150, 1500))
        hz = rng.choice((440, 500, 620, 800, 950, 1000, 1100, 1400, 1750, 2000))
        self._add(noise.tone(rng.uniform(200, 1200), hz, amplitude=rng.uniform(2500, 9000)))
        self._beep_ms = self._length_ms
        self._pause(5000)

    def _menu(self) -> None:
        rng = self._rng
        language, text = self._choose(MENUS)
        rate, voice = rng.randint(135, 180), self._voice(language)
        self._pause(rng.uniform(200, 1500))
        for _ in range(2):
            for sentence in text.split(". "):
                self._speak(sentence, voice, rate)
                self._pause(rng.uniform(250, 700))
            self._pause(rng.uniform(3000, 5000))

    def _screening(self) -> None:
        rng = self._rng
        self._pause(rng.uniform(200, 1000))
        self._say(SCREENING, rng.randint(145, 185))
        self._pause(9000)

    def _fax(self) -> None:
        rng = self._rng
        self._pause(rng.uniform(200, 2200))
        if rng.random() < 0.6:
            self._add(noise.answer_tone(rng.uniform(2600, 4000), rng))
            self._pause(3000)
        else:
            for _ in range(2):
                self._add(noise.tone(500, 1100 + rng.uniform(-30, 30), amplitude=5000))
                self._pause(3000)

    def _unknown(self) -> None:
        rng = self._rng
        self._pause(rng.uniform(0, 400))
        kind = rng.choice(("music", "dial", "busy", "special"))
        if kind == "music":
            self._add(noise.music(25_000, rng))
        elif kind == "dial":
            self._add(noise.tone(15_000, *rng.choice(((425,), (350, 440)))))
        elif kind == "busy":
            hz = rng.choice(((425,), (480, 620)))
            for _ in range(15):
                self._add(noise.tone(500, *hz))
                self._pause(500)
        else:
            for _ in range(3):
                for hz_of_it in (950, 1400, 1800):
                    self._add(noise.tone(330, hz_of_it))
                self._pause(4000)

    # -- parts --------------------------------------------------------------------------------

    @property
    def _length_ms(self) -> float:
        return sum(len(part) for part in self._parts) * 1000 / RATE_HZ

    def _add(self, part: Samples) -> None:
        self._parts.append(part)

    def _pause(self, ms: float) -> None:
        self._add(noise.silence(ms))

    def _ringback(self) -> None:
        """The end of a ringing tone, which some exchanges let through after the answer."""
        hz = self._rng.choice(((425,), (440, 480), (400, 450)))
        self._add(noise.tone(self._rng.uniform(100, 900), *hz, amplitude=4000))

    def _choose(self, texts: dict[str, tuple[str, ...]]) -> tuple[str, str]:
        every = [(language, text) for language, those in texts.items() for text in those]
        language, text = self._rng.choice(every)
        self._language = self._language or language
        return language, text

    def _voice(self, language: str) -> str:
        return espeak().voice_identifier(language) + self._rng.choice(VARIANTS)

    def _say(self, texts: dict[str, tuple[str, ...]], rate_wpm: int) -> None:
        language, text = self._choose(texts)
        self._speak(text, self._voice(language), rate_wpm)

    def _speak(self, text: str, voice: str, rate_wpm: int) -> None:
        self._text = f"{self._text} {text}".strip()
        speaker = espeak()
        spoken = speaker.speak_as(
            text, identifier=voice, rate_wpm=rate_wpm, max_duration_s=_LONGEST_S
        )
        wide = np.frombuffer(spoken, np.int16).astype(np.float64)
        narrow = soxr.resample(wide, speaker.sample_rate_hz, RATE_HZ)
        loud = np.flatnonzero(np.abs(narrow) > 200)
        if len(loud):
            narrow = narrow[loud[0] : loud[-1] + 1]
        loudness = float(np.sqrt(np.mean(narrow**2))) if len(narrow) else 1.0
        self._add(narrow * (2000 / max(1.0, loudness)))
