"""What is on a line beside speech: noise, hum, tones, music, and what G.711 makes of all that."""

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.sound.g711 import decode, encode
from media.sound.hold_music import hold_music

RATE_HZ: Final = 8000
Samples = NDArray[np.float64]

KINDS: Final = ("none", "white", "pink", "street", "hum", "babble")


def silence(ms: float) -> Samples:
    """Nothing at all."""
    return np.zeros(round(ms * RATE_HZ / 1000))


def tone(ms: float, *hz: float, amplitude: float = 6000.0, depth: float = 0.0) -> Samples:
    """Sines together, without clicks; `depth` is that of 15 Hz in their strength (ANSam)."""
    at = np.arange(round(ms * RATE_HZ / 1000)) / RATE_HZ
    sound = sum((np.sin(2 * np.pi * one * at) for one in hz), np.zeros(len(at)))
    sound = sound * amplitude / len(hz) * (1 + depth * np.sin(2 * np.pi * 15 * at))
    ramp = min(40, len(sound) // 2)
    if ramp:
        sound[:ramp] *= np.linspace(0, 1, ramp)
        sound[-ramp:] *= np.linspace(1, 0, ramp)
    return sound


def answer_tone(ms: float, rng: random.Random) -> Samples:
    """CED (ITU-T T.30), or ANSam (V.8): its phase is turned every 450 ms."""
    if rng.random() < 0.5:
        return tone(ms, 2100.0)
    sound = tone(ms, 2100.0, depth=0.2)
    turns = (np.arange(len(sound)) // round(0.45 * RATE_HZ)) % 2
    return sound * np.where(turns == 1, -1.0, 1.0)


def background(kind: str, samples: int, rng: random.Random) -> Samples:
    """Noise of a kind, of the loudness 1."""
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(samples)
    if kind == "none":
        return np.zeros(samples)
    if kind == "hum":
        at = np.arange(samples) / RATE_HZ
        noise = 0.1 * noise + sum(np.sin(2 * np.pi * 50 * k * at) / k for k in (1, 2, 3, 5, 7))
    elif kind != "white":
        spectrum = np.fft.rfft(noise)
        hz = np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 20.0)
        slope = {"pink": -0.5, "street": -1.0, "babble": -0.6}[kind]
        spectrum *= hz**slope
        if kind == "babble":
            spectrum[(hz < 250) | (hz > 3000)] = 0.0
        noise = np.fft.irfft(spectrum, samples)
        if kind in ("street", "babble"):  # it comes and goes
            at = np.arange(samples) / RATE_HZ
            period = rng.uniform(0.3, 3.0)
            noise = noise * (1 + 0.5 * np.sin(2 * np.pi * at / period + rng.uniform(0, 6)))
    return np.asarray(noise / max(1e-9, float(np.sqrt(np.mean(noise**2)))))


def click(rng: random.Random) -> Samples:
    """A phone is lifted: some tens of ms of rustle."""
    samples = round(rng.uniform(0.01, 0.06) * RATE_HZ)
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(samples)
    return noise * rng.uniform(300, 3000) * np.hanning(samples)


def music(ms: float, rng: random.Random) -> Samples:
    """A stretch of the hold music."""
    clip = decode(hold_music().payload("PCMU"), "PCMU").astype(np.float64)
    begin = rng.randrange(len(clip))
    wanted = round(ms * RATE_HZ / 1000)
    return np.resize(np.concatenate((clip[begin:], clip[:begin])), wanted) * rng.uniform(0.6, 1.6)


def telephone_band(sound: Samples) -> Samples:
    """Without what lies outside of 250 to 3500 Hz."""
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    low = 1 / (1 + np.exp(-(hz - 250) / 25))
    high = 1 / (1 + np.exp((hz - 3500) / 50))
    return np.asarray(np.fft.irfft(spectrum * low * high, len(sound)))


def through_g711(sound: Samples, codec: str) -> NDArray[np.int16]:
    """What arrives of it."""
    clipped = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return decode(encode(clipped, codec), codec)
