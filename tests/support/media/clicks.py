"""Clicks in sound that has nothing above 1 kHz: whatever is above that, was not said."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.codec.formats import Format, decoder_of
from tests.support.phones.wire.sockets import Packet

LOUDEST: Final = 328
"""-40 dBFS."""
_CUT_HZ: Final = 1300
_TAPS_S: Final = 0.008  # of the filter
_MERGED_S: Final = 0.015  # after what a phone conceals


def _high_pass(rate_hz: int) -> NDArray[np.float64]:
    count = int(_TAPS_S * rate_hz) | 1
    place = np.arange(count) - count // 2
    low = np.sinc(place * 2 * _CUT_HZ / rate_hz) * np.kaiser(count, 7.0)
    low /= -low.sum()
    low[count // 2] += 1.0
    return low


def clicks(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
    """What is above the tones, at each sample. Of a step two thirds are left."""
    taps = _high_pass(rate_hz)
    padded = np.pad(samples.astype(np.float64), len(taps) // 2, mode="edge")
    return np.abs(np.convolve(padded, taps, "valid"))


def loudest_click(packets: Sequence[Packet], codec: str, payload_type: int) -> tuple[float, float]:
    """The loudest that a phone hears above the tones, and at which second.

    It conceals what is missing, and makes a way of its own out of that: there nothing is judged.
    """
    form = Format(codec)
    rate_hz = form.rate_hz
    decoder = decoder_of(form, rate_hz)
    pieces: list[NDArray[np.int16]] = []
    made_up: list[tuple[int, int]] = []
    ends, count = None, 0
    for packet in packets:
        if packet.payload_type != payload_type:
            continue
        missing = 0 if ends is None else (packet.timestamp - ends) & 0xFFFFFFFF
        if 0 < missing < 1 << 31:
            samples = min(missing * rate_hz // form.clock_hz, rate_hz)
            pieces.append(decoder.conceal(samples))
            made_up.append((count, count + samples))
            count += samples
        pieces.append(decoder.decode(packet.payload))
        count += len(pieces[-1])
        ends = packet.timestamp + form.ticks(packet.payload)
    found = clicks(np.concatenate(pieces), rate_hz)
    before, after = int(_TAPS_S * rate_hz), int((_TAPS_S + _MERGED_S) * rate_hz)
    for begin, end in made_up:
        found[max(0, begin - before) : end + after] = 0.0
    found[: rate_hz // 50] = 0.0  # a codec that begins
    found[-before:] = 0.0
    at = int(np.argmax(found))
    return float(found[at]), at / rate_hz
