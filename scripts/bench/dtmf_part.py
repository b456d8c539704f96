"""Keys as sound: none is heard in speech, music and noise, and every case of ITU-T Q.24 is right.

The sound goes through both laws of G.711 and the detector, quicker than it would be heard.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from media.relay.implementation import chosen
from media.sound.dtmf.detector import DtmfDetector
from media.sound.g711 import SAMPLE_RATE_HZ
from media.speech.espeak import SpeechError, espeak
from scripts.detection import noise
from scripts.detection.texts import LONG, MENUS, SCREENING, SHORT, VARIANTS, VOICEMAIL

from .instruments import piece
from .options import Options
from .q24 import cases, keys_in
from .report import Report, figure
from .tone_legs import packet_costs_us

PART: Final = "in-band DTMF"
CODECS: Final = ("PCMU", "PCMA")
_LONGEST_S: Final = 60.0
_CHORD_S: Final = (0.12, 0.9)
_PIECE_S: Final = 20.0
_RELAYED_S: Final = 8.0
_RELAYED_LOUDNESS: Final = 3000.0  # root mean square: -21 dBm0
_RELAYED_RUNS: Final = 3
_RELAYED_TARGET: Final = 1.5
_LOUDNESS: Final = (300.0, 9000.0)  # root mean square: -41 to -11 dBm0

Sound = NDArray[np.float64]


async def run(report: Report, options: Options) -> None:
    """The cases, and then so many minutes: three of five of them speech."""
    await asyncio.to_thread(_measure, report, options)


def _measure(report: Report, options: Options) -> None:
    wrong = [
        f"{name}, {codec}"
        for name, sound, wanted in cases()
        for codec in CODECS
        if keys_in(sound, codec, DtmfDetector()) != wanted
    ]
    add = report.figures.append
    add(figure(PART, "ITU-T Q.24 cases wrong", "", [float(len(wrong))], target=0))
    if wrong:
        report.notes.append(f"{PART}: wrong: {'; '.join(wrong[:5])}")
    seconds = options.dtmf_s
    spent_s, heard = 0.0, 0.0
    kinds = {"speech": (_speech, 0.6), "music": (_music, 0.4)}
    for kind, (make, share) in kinds.items():
        sounds = make(random.Random(kind))
        false = ""
        try:
            for codec in itertools.cycle(CODECS):
                if heard >= seconds * share:
                    break
                sound = next(sounds)
                began = time.thread_time()
                false += keys_in(sound, codec, DtmfDetector())
                spent_s += time.thread_time() - began
                heard += len(sound) / SAMPLE_RATE_HZ
        except SpeechError as error:
            report.notes.append(f"{PART}: no speech: {error}")
        heard_min, heard = heard / 60, 0.0
        note = f"{heard_min:.1f} minutes"
        add(figure(PART, f"false digits in {kind}", "", [float(len(false))], target=0, note=note))
    add(figure(PART, "detector, of a core for each line", "%", [100 * spent_s / seconds]))
    _measure_relayed(report)


def _measure_relayed(report: Report) -> None:
    """What a leg costs whose keys come as sound, in the relay that runs here, while it speaks."""
    band = piece(_RELAYED_S, random.Random("relayed"))
    loud = band * (_RELAYED_LOUDNESS / float(np.sqrt(np.mean(band**2))))
    sound = np.clip(np.rint(loud), -32768, 32767).astype(np.int16)
    costs = [packet_costs_us(sound) for _ in range(_RELAYED_RUNS)]
    add = report.figures.append
    add(figure(PART, "relayed packet, keys as sound", "µs", [ours for ours, _ in costs]))
    add(figure(PART, "relayed packet, telephone-events", "µs", [theirs for _, theirs in costs]))
    ratios = [ours / theirs for ours, theirs in costs]
    is_native = chosen().hears_tones
    target = _RELAYED_TARGET if is_native else None
    add(figure(PART, "keys as sound : telephone-events", "×", ratios, target=target))  # noqa: RUF001


def _speech(rng: random.Random) -> Iterator[NDArray[np.int16]]:
    """Sentences in many languages, voices, speeds and loudnesses, each with some noise."""
    texts = [
        (language, text)
        for many in (SHORT, LONG, MENUS, SCREENING, VOICEMAIL)
        for language, those in many.items()
        for text in those
    ]
    speaker = espeak()
    while True:
        language, text = rng.choice(texts)
        spoken = speaker.speak_as(
            text,
            identifier=speaker.voice_identifier(language) + rng.choice(VARIANTS),
            rate_wpm=rng.randint(110, 260),
            max_duration_s=_LONGEST_S,
        )
        wide = np.frombuffer(spoken, np.int16).astype(np.float64)
        yield _on_a_line(soxr.resample(wide, speaker.sample_rate_hz, SAMPLE_RATE_HZ), rng)


def _music(rng: random.Random) -> Iterator[NDArray[np.int16]]:
    """Bands that play pieces; chords of one to four notes, from soft to shrill; the hold music."""
    while True:
        kind = rng.random()
        if kind < 0.05:
            yield _on_a_line(noise.music(20_000, rng), rng)
        elif kind < 0.45:
            yield _on_a_line(np.concatenate([_chord(rng) for _ in range(30)]), rng)
        else:
            yield _on_a_line(piece(_PIECE_S, rng), rng)


def _chord(rng: random.Random) -> Sound:
    at = np.arange(round(rng.uniform(*_CHORD_S) * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = np.zeros(len(at))
    for _ in range(rng.randint(1, 4)):
        hz = 440 * 2 ** ((rng.randint(36, 96) - 69) / 12) * (1 + rng.uniform(-0.004, 0.004))
        brightness = rng.uniform(0.1, 0.8)
        for partial in range(1, 9):
            if hz * partial < 3700:
                shape = np.exp(-at * rng.uniform(0.3, 4.0) * partial)
                sound += brightness**partial * shape * np.sin(2 * np.pi * hz * partial * at)
    return sound


def _on_a_line(sound: Sound, rng: random.Random) -> NDArray[np.int16]:
    loudness = max(1e-9, float(np.sqrt(np.mean(sound**2))))
    wanted = np.exp(rng.uniform(*np.log(_LOUDNESS)))
    hum = noise.background(rng.choice(noise.KINDS), len(sound), rng)
    heard = sound * wanted / loudness + hum * wanted * 10 ** (-rng.uniform(15, 40) / 20)
    return np.asarray(np.clip(np.rint(heard), -32768, 32767).astype(np.int16))
