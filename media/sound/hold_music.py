"""The built-in hold music: a quiet tune of soft notes over slow chords, composed here.

Sixteen bars of a waltz in C, 24 s at 8 kHz, synthesised once. Notes that ring beyond the end go on
at the beginning, so that the loop has no seam. All partials stay within the telephone band.
"""

from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .clip import Clip
from .g711 import SAMPLE_RATE_HZ

LEVEL_DBFS: Final = -18.3  # RMS, of a full-scale sine: -22 LUFS, a little under speech
BEAT_S: Final = 0.5
_BAR_BEATS = 3

# One chord a bar, as MIDI note numbers: bass, then the two notes of beats two and three.
_CHORDS = {
    "C": (48, 64, 67),
    "Am": (45, 60, 64),
    "F": (53, 60, 69),
    "G": (43, 59, 65),
    "Em": (52, 59, 67),
    "Dm": (50, 62, 65),
}
_HARMONY = ("C", "Em", "Am", "F", "C", "Am", "Dm", "G", "F", "G", "Em", "Am", "Dm", "G", "C", "G")
# (bar, beat, MIDI note, beats held)
_MELODY = (
    (0, 0, 76, 2), (0, 2, 79, 1), (1, 0, 83, 2), (1, 2, 79, 1),
    (2, 0, 81, 2), (2, 2, 76, 1), (3, 0, 77, 3),
    (4, 0, 76, 1), (4, 1, 79, 1), (4, 2, 84, 1), (5, 0, 81, 3),
    (6, 0, 77, 2), (6, 2, 74, 1), (7, 0, 74, 3),
    (8, 0, 81, 2), (8, 2, 84, 1), (9, 0, 83, 2), (9, 2, 79, 1),
    (10, 0, 79, 2), (10, 2, 76, 1), (11, 0, 76, 3),
    (12, 0, 77, 1), (12, 1, 76, 1), (12, 2, 74, 1), (13, 0, 79, 3),
    (14, 0, 72, 3), (15, 0, 74, 1), (15, 1, 71, 1), (15, 2, 74, 1),
)  # fmt: skip
_PARTIALS = ((1, 1.0), (2, 0.28), (3, 0.09))


def _note(midi: int, held_s: float, loudness: float) -> NDArray[np.float64]:
    """A soft mallet: quick round onset, exponential decay, faded out within its tail."""
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    t = np.arange(round((held_s + 0.9) * SAMPLE_RATE_HZ), dtype=np.float64) / SAMPLE_RATE_HZ
    wave = np.zeros_like(t)
    for multiple, amplitude in _PARTIALS:
        if hz * multiple < 3300:
            decay = np.exp(-t * (0.9 + 0.7 * multiple))
            wave += amplitude * decay * np.sin(2 * np.pi * hz * multiple * t)
    onset = np.minimum(1.0, t / 0.012)
    release = np.clip((t[-1] - t) / 0.5, 0.0, 1.0)
    shaped: NDArray[np.float64] = wave * loudness * np.sin(np.pi / 2 * onset) ** 2 * release**2
    return shaped


def render() -> NDArray[np.int16]:
    """int16 samples at 8 kHz of one round of the tune."""
    total = np.zeros(round(len(_HARMONY) * _BAR_BEATS * BEAT_S * SAMPLE_RATE_HZ), np.float64)
    note = cache(_note)  # most are struck again and again

    def strike(beat: float, midi: int, beats: float, loudness: float) -> None:
        wave = note(midi, beats * BEAT_S, loudness)
        at = (round(beat * BEAT_S * SAMPLE_RATE_HZ) + np.arange(len(wave))) % len(total)
        total[at] += wave

    for bar, chord in enumerate(_HARMONY):
        bass, *upper = _CHORDS[chord]
        strike(bar * _BAR_BEATS, bass + 12, 3, 0.55)
        for beat in (1, 2):
            for midi in upper:
                strike(bar * _BAR_BEATS + beat, midi, 1, 0.3)
    for bar, beat, midi, beats in _MELODY:
        strike(bar * _BAR_BEATS + beat, midi, beats, 1.0)

    rms = float(np.sqrt(2 * np.mean(total**2)))
    scaled = total * (32767 * 10 ** (LEVEL_DBFS / 20) / rms)
    samples: NDArray[np.int16] = np.rint(scaled).clip(-32768, 32767).astype(np.int16)
    return samples


@lru_cache(maxsize=1)
def hold_music() -> Clip:
    """The tune as a clip to be looped, synthesised at the first call."""
    return Clip.of(render())
