"""Lost packets in speech: what is made up in their place, beside the last frame again.

PESQ (ITU-T P.862) judges, where its package is installed.
"""

import asyncio
import importlib
import statistics
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from media.codec.g711 import G711Decoder, G711Encoder
from media.speech.espeak import SpeechError, espeak

from .options import Options
from .report import Report, figure

PART: Final = "concealment at 5 % random loss"
LOSS: Final = 0.05
RATE_HZ: Final = 8000
FRAME: Final = 160
TEXTS: Final = {
    "en-gb": "The quick brown fox jumps over the lazy dog, while a stranger counts the coins.",
    "de": "Guten Morgen, ich rufe wegen der Rechnung vom letzten Monat an.",
    "fr": "Bonjour, je voudrais parler avec quelqu'un du service, s'il vous plait.",
}

Samples = NDArray[np.int16]


async def run(report: Report, options: Options) -> None:
    """Each sentence with several patterns of loss, both ways."""
    try:
        judge = importlib.import_module("pesq")
        sentences = [_spoken(text, voice) for voice, text in TEXTS.items()]
    except (ImportError, SpeechError) as error:
        report.notes.append(f"{PART}: not judged: {error}")
        return
    await asyncio.to_thread(_measure, report, options, judge, sentences)


def _measure(report: Report, options: Options, judge: Any, sentences: list[Samples]) -> None:
    scores: dict[bool, list[float]] = {False: [], True: []}
    for said in sentences:
        for seed in range(options.concealment_seeds):
            lost = np.random.default_rng(seed).random(len(said) // FRAME) < LOSS
            for repeat, found in scores.items():
                heard = received(said, lost, repeat=repeat)
                found.append(float(judge.pesq(RATE_HZ, said[: len(heard)], heard, "nb")))
    repeated = statistics.fmean(scores[True])
    add = report.figures.append
    add(figure(PART, "PESQ, the last frame again", "", [repeated]))
    concealed = statistics.fmean(scores[False])
    add(figure(PART, "PESQ, concealed", "", [concealed], at_least=repeated))


def _spoken(text: str, voice: str) -> Samples:
    speaker = espeak()
    sound = speaker.speak_as(
        text, identifier=speaker.voice_identifier(voice), rate_wpm=160, max_duration_s=20.0
    )
    wide = np.frombuffer(sound, np.int16)
    return np.asarray(soxr.resample(wide, speaker.sample_rate_hz, RATE_HZ).astype(np.int16))


def received(said: Samples, lost: NDArray[np.bool_], *, repeat: bool) -> Samples:
    """What is heard where these packets are lost; `repeat`: with the last frame in their place."""
    encoder, decoder = G711Encoder("PCMU"), G711Decoder("PCMU")
    frames, last = [], np.zeros(FRAME, np.int16)
    for number, is_lost in enumerate(lost):
        if not is_lost:
            last = decoder.decode(encoder.encode(said[number * FRAME : number * FRAME + FRAME]))
        frames.append(last if not is_lost or repeat else decoder.conceal(FRAME))
    return np.concatenate(frames)
