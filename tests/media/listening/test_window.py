"""What one leg sends in a stretch of time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.listening.window import Packet, look_at
from media.sound.g711 import encode
from tests.support.voices import tone, voice

Sound = NDArray[np.int16]


def packets(sound: Sound, at: float = 100.0) -> list[Packet]:
    coded = encode(sound, "PCMU")
    return [
        (at + begin / 8000, coded[begin : begin + 160], "PCMU")
        for begin in range(0, len(coded), 160)
    ]


def test_speech_and_its_levels_are_where_it_came() -> None:
    window = look_at(packets(voice(0.6), at=100.4), 100.0, 102.0, has_other_packets=True)
    assert window.talk_ms >= 400
    assert window.is_alive and window.has_packets
    assert len(window.levels_dbfs) == 200
    loud = np.flatnonzero(window.levels_dbfs > -50)
    assert 38 <= loud[0] <= 46 and 90 <= loud[-1] <= 102


def test_late_packets_stay_in_turn_and_a_gap_stays_a_gap() -> None:
    given = packets(voice(1.0))
    late = [
        (now + 0.015 * (n % 3), payload, codec) for n, (now, payload, codec) in enumerate(given)
    ]
    even = look_at(given, 100.0, 102.0, has_other_packets=True)
    uneven = look_at(late, 100.0, 102.0, has_other_packets=True)
    assert np.array_equal(even.levels_dbfs, uneven.levels_dbfs)
    halves = [*packets(voice(0.2)), *packets(voice(0.2), at=101.0)]
    window = look_at(halves, 100.0, 102.0, has_other_packets=True)
    assert (window.levels_dbfs[30:90] == -96).all()
    assert (window.levels_dbfs[100:115] > -60).any()


def test_full_scale_is_clipped() -> None:
    loud = np.clip(tone(400.0, 0.5).astype(np.int32) * 40, -32768, 32767).astype(np.int16)
    assert look_at(packets(loud), 100.0, 101.0, has_other_packets=True).clipped > 0.3
    assert look_at(packets(tone(400.0, 0.5)), 100.0, 101.0, has_other_packets=True).clipped == 0.0


@pytest.mark.parametrize(
    ("sound", "has_other", "has_packets", "is_alive"),
    [
        (np.zeros(800, np.int16), True, True, False),
        (np.full(800, 40, np.int16), True, True, True),  # noise of a line
        (np.zeros(0, np.int16), True, True, True),  # comfort noise alone
        (np.zeros(0, np.int16), False, False, False),
    ],
)
def test_digital_silence_is_no_sign_of_life(
    sound: Sound,
    has_other: bool,
    has_packets: bool,
    is_alive: bool,
) -> None:
    window = look_at(packets(sound), 100.0, 101.0, has_other_packets=has_other)
    assert (window.has_packets, window.is_alive) == (has_packets, is_alive)
