"""Music of instruments that are made here: bands that play pieces, with attacks, vibrato and drums.

Sounds are at 8 kHz, as a telephone has them, and as loud as they come out.
"""

import random
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 8000
HIGHEST_HZ: Final = 3700.0
Sound = NDArray[np.float64]
Instrument = Callable[[float, float, random.Random], Sound]
"""Plays a note of this frequency for so many seconds."""

SCALES: Final = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # minor
    (0, 2, 3, 5, 7, 9, 10),  # Dorian
    (0, 3, 5, 6, 7, 10),  # blues
    (0, 2, 4, 7, 9),  # pentatonic
)
CHORDS: Final = ((0, 3, 4, 0), (0, 5, 3, 4), (1, 4, 0, 0), (0, 4, 5, 3))  # degrees of a scale
# How strong vowels are around three frequencies: of a, e, i, o, u.
VOWELS: Final = (
    (730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240),
)  # fmt: skip


def piece(seconds: float, rng: random.Random) -> Sound:
    """A band plays in one key and tempo: chords, a bass, a melody, mostly drums."""
    sound = np.zeros(round(seconds * RATE_HZ))
    beat_s = 60 / rng.uniform(60, 170)
    scale, root = rng.choice(SCALES), rng.randint(45, 57)
    bars, tuning = rng.choice(CHORDS), 1 + rng.uniform(-0.01, 0.01)
    lead, comp = rng.choice(LEADS), rng.choice(ACCOMPANIMENTS)
    drums = rng.random() < 0.8

    def play(instrument: Instrument, at_s: float, note: int, length_s: float, level: float) -> None:
        hz = 440 * tuning * 2 ** ((note - 69) / 12)
        add(sound, at_s, level * instrument(hz, length_s, rng))

    def degree(number: int) -> int:
        octave, place = divmod(number, len(scale))
        return root + 12 * octave + scale[place]

    for beat in range(int(seconds / beat_s)):
        at_s, chord = beat * beat_s, bars[beat // 4 % len(bars)]
        play(bass, at_s, degree(chord) - 12, beat_s * 0.9, 0.8)
        if beat % 4 == 0 or rng.random() < 0.3:
            for third in (0, 2, 4):
                held_s = beat_s * rng.choice((1, 2, 4))
                play(comp, at_s, degree(chord + third) + 12, held_s, 0.35)
        step_s = beat_s / rng.choice((1, 2, 2, 4))
        walk = chord + rng.randint(5, 14)
        for step in range(round(beat_s / step_s)):
            walk += rng.choice((-2, -1, -1, 0, 1, 1, 2))
            if rng.random() < 0.8:
                play(lead, at_s + step * step_s, degree(walk) + 12, step_s * 1.1, 0.6)
        if drums:
            add(sound, at_s, kick(rng) if beat % 2 == 0 else snare(rng))
            for half in (0.0, 0.5):
                add(sound, at_s + half * beat_s, 0.3 * hat(rng))
            if rng.random() < 0.1:
                add(sound, at_s, 0.4 * cowbell(rng))
    return sound


def add(sound: Sound, at_s: float, note: Sound) -> None:
    """Mix a note in, as far as there is room."""
    at = round(at_s * RATE_HZ)
    room = max(0, min(len(note), len(sound) - at))
    sound[at : at + room] += note[:room]


def envelope(seconds: float, attack_s: float, release_s: float, sustain: float = 0.8) -> Sound:
    """From nothing to full in the attack, down to what is held, and to nothing at the end."""
    at = np.arange(round((seconds + release_s) * RATE_HZ)) / RATE_HZ
    times = (0.0, attack_s, 3 * attack_s, max(3 * attack_s + 1e-3, seconds), seconds + release_s)
    return np.asarray(np.interp(at, times, (0.0, 1.0, sustain, sustain, 0.0)))


def phase(hz: float, samples: int, rng: random.Random, *, vibrato: float = 0.0) -> Sound:
    """How far a note has turned; `vibrato` is its depth, which comes after a while."""
    at = np.arange(samples) / RATE_HZ
    depth = vibrato * np.minimum(1.0, at / 0.3)
    bend = 1 + depth * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * at + rng.uniform(0, 6))
    return np.asarray(2 * np.pi * np.cumsum(hz * bend) / RATE_HZ)


def partials(turned: Sound, hz: float, levels: Callable[[int], Sound | float]) -> Sound:
    """A tone with its overtones, as far as a telephone has them."""
    sound = np.zeros(len(turned))
    for number in range(1, max(2, int(HIGHEST_HZ / hz) + 1)):
        if number * hz < HIGHEST_HZ:
            sound += levels(number) * np.sin(number * turned)
    return sound


def plucked(hz: float, seconds: float, rng: random.Random) -> Sound:
    """A string that is plucked: a burst of noise that goes round in it, and fades."""
    length = max(2, round(RATE_HZ / hz))
    string = np.random.default_rng(rng.getrandbits(32)).uniform(-1, 1, length)
    rounds = round((seconds + 0.3) * RATE_HZ) // length + 1
    sound = np.empty(rounds * length)
    damping = rng.uniform(0.985, 0.998)
    for number in range(rounds):
        sound[number * length : (number + 1) * length] = string
        string = damping * 0.5 * (string + np.roll(string, 1))
    return sound


def struck(hz: float, seconds: float, rng: random.Random) -> Sound:
    """A piano: a hammer, and overtones that fade the quicker the higher they are."""
    env = envelope(seconds, 0.004, 0.25, 1.0)
    at = np.arange(len(env)) / RATE_HZ
    stretch = rng.uniform(0.0002, 0.0008)
    sound = np.zeros(len(env))
    for number in range(1, 12):
        high = hz * number * np.sqrt(1 + stretch * number**2)
        if high < HIGHEST_HZ:
            fades = np.exp(-at * (1.2 + 0.8 * number))
            sound += fades / number * np.sin(2 * np.pi * high * at + rng.uniform(0, 6))
    return np.asarray(env * sound)


def flute(hz: float, seconds: float, rng: random.Random) -> Sound:
    """Nearly a sine, with breath in it and vibrato."""
    env = envelope(seconds, rng.uniform(0.03, 0.09), 0.08)
    turned = phase(hz, len(env), rng, vibrato=rng.uniform(0.0, 0.008))
    breath = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.04, len(env))
    return np.asarray(env * (partials(turned, hz, lambda n: 0.12 ** (n - 1)) + breath))


def clarinet(hz: float, seconds: float, rng: random.Random) -> Sound:
    """Odd overtones."""
    env = envelope(seconds, 0.03, 0.06)
    turned = phase(hz, len(env), rng, vibrato=0.002)
    return np.asarray(env * partials(turned, hz, lambda n: (1.0 if n % 2 else 0.08) / n))


def brass(hz: float, seconds: float, rng: random.Random) -> Sound:
    """The louder, the brighter."""
    env = envelope(seconds, rng.uniform(0.03, 0.08), 0.1)
    turned = phase(hz, len(env), rng, vibrato=0.004)
    return np.asarray(env * partials(turned, hz, lambda n: env ** (0.7 * n) / n))


def strings(hz: float, seconds: float, rng: random.Random) -> Sound:
    """Several violins that are not quite in tune with each other."""
    env = envelope(seconds, rng.uniform(0.06, 0.2), 0.2)
    sound = np.zeros(len(env))
    for _ in range(4):
        turned = phase(hz * (1 + rng.uniform(-0.004, 0.004)), len(env), rng, vibrato=0.006)
        sound += partials(turned, hz, lambda n: 0.3 / n)
    return np.asarray(env * sound)


def organ(hz: float, seconds: float, rng: random.Random) -> Sound:
    """Pipes of 8, 4 and 2 feet and more: pure tones together, held."""
    env = envelope(seconds, 0.01, 0.03, 1.0)
    turned = phase(hz, len(env), rng)
    pipes = {1: 1.0, 2: 0.7, 3: 0.4, 4: 0.5, 6: 0.2, 8: 0.3}
    return np.asarray(env * partials(turned, hz, lambda n: pipes.get(n, 0.0)))


def bell(hz: float, seconds: float, rng: random.Random) -> Sound:
    """A vibraphone or a bell: overtones that are no multiples."""
    env = envelope(seconds, 0.003, 0.6, 1.0)
    at = np.arange(len(env)) / RATE_HZ
    depth = rng.uniform(0.5, 4.0) * np.exp(-3 * at)
    bent = depth * np.sin(2 * np.pi * hz * rng.choice((1.41, 2.76, 3.5)) * at)
    fades = np.exp(-at * rng.uniform(0.8, 3.0))
    return np.asarray(env * fades * np.sin(2 * np.pi * hz * at + bent))


def voice(hz: float, seconds: float, rng: random.Random) -> Sound:
    """Somebody sings a vowel."""
    env = envelope(seconds, 0.08, 0.12)
    turned = phase(hz, len(env), rng, vibrato=rng.uniform(0.005, 0.02))
    formants = rng.choice(VOWELS)

    def strength(number: int) -> float:
        return sum(1 / (1 + ((number * hz - one) / 120) ** 2) for one in formants) + 0.02

    return np.asarray(env * partials(turned, hz, strength))


def bass(hz: float, seconds: float, rng: random.Random) -> Sound:
    """A bass guitar."""
    return np.asarray(struck(hz, seconds, rng) + 0.3 * plucked_to(hz, seconds, rng))


def plucked_to(hz: float, seconds: float, rng: random.Random) -> Sound:
    """As `plucked`, as long as `struck`."""
    wanted = len(envelope(seconds, 0.004, 0.25))
    sound = plucked(hz, seconds, rng)[:wanted]
    return np.pad(sound, (0, wanted - len(sound)))


def kick(rng: random.Random) -> Sound:
    """A bass drum: a tone that falls."""
    at = np.arange(round(0.25 * RATE_HZ)) / RATE_HZ
    hz = 45 + rng.uniform(80, 160) * np.exp(-at * 30)
    return np.asarray(1.5 * np.exp(-at * 12) * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ))


def snare(rng: random.Random) -> Sound:
    """Noise, and two tones of the skin."""
    at = np.arange(round(0.2 * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, 0.6, len(at))
    skin = np.sin(2 * np.pi * 185 * at) + np.sin(2 * np.pi * 330 * at)
    return np.asarray(np.exp(-at * 20) * (noise + 0.4 * skin))


def hat(rng: random.Random) -> Sound:
    """Metal: squares that are no multiples of each other, without their lows."""
    at = np.arange(round(rng.choice((0.05, 0.05, 0.3)) * RATE_HZ)) / RATE_HZ
    high = (205.3, 304.4, 369.6, 522.7, 800.0, 540.0)
    metal = sum((np.sign(np.sin(2 * np.pi * one * 5 * at)) for one in high), np.zeros(len(at)))
    return np.asarray(np.exp(-at * 25) * np.diff(metal, prepend=0.0) / 6)


def cowbell(rng: random.Random) -> Sound:
    """Two tones at once, as keys have them, but others."""
    at = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    off = rng.uniform(0.97, 1.03)
    tones = sum((np.sin(2 * np.pi * one * off * at) for one in (540, 800, 1620)), np.zeros(len(at)))
    return np.asarray(np.exp(-at * 12) * tones)


LEADS: Final[tuple[Instrument, ...]] = (flute, clarinet, brass, voice, bell, plucked, strings)
ACCOMPANIMENTS: Final[tuple[Instrument, ...]] = (struck, organ, strings, plucked, bell, voice)
