"""Fades of 10 ms between two sounds of one form, so that no change of source clicks."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .form import SILENCE, WIDE, decode, encode, rate_hz, tick_bytes
from .g711 import SAMPLE_RATE_HZ

_FADES_A_SECOND: Final = 100
_TURNS_A_SECOND: Final = 500
FADE_SAMPLES: Final = SAMPLE_RATE_HZ // _FADES_A_SECOND


def rising(samples: int) -> NDArray[np.float32]:
    """The gain of each of `samples` samples in which a sound rises from nothing."""
    return ((np.arange(samples) + 0.5) / samples).astype(np.float32)


_RISE = rising(FADE_SAMPLES)
_WIDE_RISE = rising(2 * FADE_SAMPLES)


def going_on(last: bytes, form: str) -> bytes:
    """What a sound is faded out with that has ended with these last 10 ms, or less.

    The last sample is held. For 2 ms what was before it is turned about it, ever less, so that the
    slope does not break off either. Nothing goes on as silence. KeyError for what is no form.
    """
    count = FADE_SAMPLES * tick_bytes(form)
    samples = decode(last[-count:], form)
    if not len(samples):
        return SILENCE[form][:count]
    hz = rate_hz(form)
    return encode(samples_going_on(samples, hz // _FADES_A_SECOND, hz), form)


def samples_going_on(
    last: NDArray[np.int16], count: int, hz: int = SAMPLE_RATE_HZ
) -> NDArray[np.int16]:
    """The same of int16 samples, for so many of them."""
    samples = last[-count:].astype(np.float32)
    made = np.full(count, samples[-1])
    turned = samples[-1] - samples[-2::-1][: min(count, hz // _TURNS_A_SECOND)]
    made[: len(turned)] += turned * rising(len(turned))[::-1]
    on: NDArray[np.int16] = np.rint(made).clip(-32768, 32767).astype(np.int16)
    return on


def risen(samples: NDArray[np.int16], before: NDArray[Any]) -> NDArray[np.int16]:
    """`samples`, which rise while `before`, what would have come instead, falls.

    That is as far as `before` goes, or they.
    """
    count = min(len(samples), len(before))
    rise = rising(count)
    made = samples.copy()
    made[:count] = np.rint(samples[:count] * rise + before[:count] * (1 - rise))
    return made


def crossfade(before: bytes, payload: bytes, form: str) -> bytes:
    """`payload`, whose first 10 ms rise while `before`, what would have come instead, falls.

    `before` has FADE_SAMPLES ticks in the same form; a shorter `payload` is faded as far as it
    goes. KeyError for what is no form.
    """
    count = min(len(before), len(payload), FADE_SAMPLES * tick_bytes(form))
    new, old = decode(payload[:count], form), decode(before[:count], form)
    rise = (_WIDE_RISE if form == WIDE else _RISE)[: len(new)]
    mixed = new * rise + old * (1 - rise)
    return encode(np.rint(mixed).astype(np.int16), form) + payload[count:]


def seamless(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """int16 samples of 8 kHz for a loop: where it would click, `without_seam`.

    One that goes on at its beginning as it ends stays as it is.
    """
    return without_seam(samples) if has_seam(samples) else samples


def has_seam(samples: NDArray[np.int16], rate_hz: int = SAMPLE_RATE_HZ) -> bool:
    """Whether int16 samples click in a loop."""
    count = rate_hz // 100
    if len(samples) < 4 * count:
        return False
    wide = samples.astype(np.float32)
    near = np.concatenate((np.diff(wide[:count]), np.diff(wide[-count:])))
    return bool(abs(wide[0] - wide[-1]) > np.abs(near).max())


def without_seam(samples: NDArray[np.int16], rate_hz: int = SAMPLE_RATE_HZ) -> NDArray[np.int16]:
    """The same 10 ms shorter: the end passes into the beginning."""
    count, rise = rate_hz // 100, rising(rate_hz // 100)
    wide = samples.astype(np.float32)
    wide[-count:] = wide[-count:] * (1 - rise) + wide[:count] * rise
    looped: NDArray[np.int16] = np.rint(wide[count:]).astype(np.int16)
    return looped


def fade_out(payload: bytes, left: int, form: str) -> bytes:
    """`payload` of a sound that ends `left` ticks after its first byte: the last 10 ms fall."""
    samples = decode(payload, form)
    per_tick = 2 if form == WIDE else 1
    gain = (left - (np.arange(len(samples)) + 0.5) / per_tick) / FADE_SAMPLES
    if gain[-1] >= 1.0:
        return payload
    faded = samples * gain.clip(0.0, 1.0)
    return encode(np.rint(faded).astype(np.int16), form)
