"""Keys as sound, by the cases of ITU-T Q.24: what has to be a key, and what must not be one."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.sound.dtmf.detector import HIGH_HZ, KEYS, LOW_HZ, DtmfDetector
from media.sound.g711 import FULL_SCALE_DBM0, SAMPLE_RATE_HZ, decode, encode

Sound = NDArray[np.float64]
_FULL: Final = 32767.0


def key(
    name: str, ms: float, *, dbm0: float = -10.0, off: float = 0.0, twist_db: float = 0.0
) -> Sound:
    """The two tones of a key, each at this level; `twist_db`: how much louder the high one is."""
    low, high = divmod(KEYS.index(name), 4)
    at = np.arange(round(ms * SAMPLE_RATE_HZ / 1000)) / SAMPLE_RATE_HZ
    amplitude = _FULL * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20)
    one = np.sin(2 * np.pi * LOW_HZ[low] * (1 + off) * at + 0.7) * 10 ** (-twist_db / 40)
    other = np.sin(2 * np.pi * HIGH_HZ[high] * (1 + off) * at + 2.1) * 10 ** (twist_db / 40)
    found: Sound = amplitude * (one + other)
    return found


def pause(ms: float) -> Sound:
    """Nothing at all."""
    return np.zeros(round(ms * SAMPLE_RATE_HZ / 1000))


def presses_in(
    samples: NDArray[np.int16], codec: str, detector: DtmfDetector
) -> list[tuple[str, int]]:
    """What the detector finds, with its length in ms, in packets of 20 ms of a codec."""
    found = []
    for at in range(0, len(samples) - 159, 160):
        payload = encode(samples[at : at + 160], codec)
        found += detector.feed(decode(payload, codec))
    return found


def keys_in(samples: NDArray[np.int16], codec: str, detector: DtmfDetector) -> str:
    """The keys of `presses_in`."""
    return "".join(name for name, _ms in presses_in(samples, codec, detector))


def whole(*parts: Sound) -> NDArray[np.int16]:
    """The parts one after the other, with a pause before and behind."""
    sound = np.concatenate((pause(60), *parts, pause(100)))
    return np.rint(sound).clip(-32768, 32767).astype(np.int16)


def cases() -> Iterator[tuple[str, NDArray[np.int16], str]]:
    """The name of each case, its sound, and the keys that are to be found in it."""
    noise = np.random.default_rng(1)
    power = (_FULL * 10 ** ((-10 - FULL_SCALE_DBM0) / 20)) ** 2
    for name in KEYS:
        for begin_ms in range(0, 20, 3):
            sound = whole(pause(begin_ms), key(name, 40))
            yield f"{name}: 40 ms, {begin_ms} ms into a packet", sound, name
            yield f"{name}: 23 ms", whole(pause(begin_ms), key(name, 23)), ""
        for off in (0.015, -0.015):
            yield f"{name}: off by {off:.1%}", whole(key(name, 60, off=off)), name
        for off in (0.035, -0.035):
            yield f"{name}: off by {off:.1%}", whole(key(name, 200, off=off)), ""
        for twist_db, wanted in ((4.0, name), (-8.0, name), (12.0, ""), (-14.0, "")):
            yield f"{name}: twist {twist_db:g} dB", whole(key(name, 60, twist_db=twist_db)), wanted
        for dbm0, wanted in ((0.0, name), (-25.0, name), (-29.0, name), (-55.0, "")):
            yield f"{name}: {dbm0:g} dBm0", whole(key(name, 50, dbm0=dbm0)), wanted
        held = key(name, 120)
        held[480:560] = 0.0
        yield f"{name}: interrupted for 10 ms", whole(held), name
        yield f"{name}: a pause of 40 ms", whole(key(name, 50), pause(40), key(name, 50)), 2 * name
        clean = key(name, 60)
        noisy = clean + noise.normal(0, (power * 10**-1.5) ** 0.5, len(clean))
        yield f"{name}: noise 15 dB below", whole(noisy), name
