"""A sum as a source: it rises out of what was heard, and what follows rises out of it."""

from collections.abc import Iterator

import numpy as np
import pytest

from media.sound.clip import Clip
from media.sound.g711 import FRAME_SAMPLES, SILENCE, decode, encode
from tests.support.media.coded_peers import Hearer, Talker

LOUD = encode(np.full(FRAME_SAMPLES, 8000, np.int16), "PCMU")
LOOP = Clip.of(np.full(8000, 4000, np.int16))
LAST = slice(-FRAME_SAMPLES // 2, None)
STEP = 300  # the widest of G.711 at this level; a click is thousands


@pytest.fixture
def hearer() -> Iterator[Hearer]:
    made = Hearer("PCMU")
    yield made
    made.close()


def payloads(hearer: Hearer) -> list[bytes]:
    return [packet.payload for packet in hearer.packets()]


def steps(frames: list[bytes]) -> int:
    """The widest step between two samples."""
    samples = decode(b"".join(frames), "PCMU").astype(int)
    return int(np.abs(np.diff(samples)).max())


def test_the_first_frame_rises_out_of_the_clip_and_the_clip_is_heard_no_more(
    hearer: Hearer,
) -> None:
    hearer.playout.hear_clip(1, LOOP, hearer.now, loop=True)
    hearer.tick()
    hearer.playout.begin_mix(hearer.now, goes_on=False)
    for _ in range(2):
        hearer.tick()
        hearer.playout.send_mixed(LOUD, hearer.now)
    heard = payloads(hearer)
    assert len(heard) == 3
    assert heard[1] != LOUD and heard[1][LAST] == LOUD[LAST] and heard[2] == LOUD
    assert steps(heard[1:]) < STEP


def test_what_goes_on_is_sent_as_it_is(hearer: Hearer) -> None:
    hearer.playout.begin_mix(hearer.now, goes_on=True)
    hearer.playout.send_mixed(LOUD, hearer.now)
    assert payloads(hearer) == [LOUD]


def test_silence_rises_out_of_the_last_sample_of_a_sum_that_is_over(hearer: Hearer) -> None:
    hearer.playout.begin_mix(hearer.now, goes_on=True)
    hearer.playout.send_mixed(LOUD, hearer.now)
    hearer.playout.end_mix(hearer.now, falls=True)
    hearer.playout.hear_silence(hearer.now)
    hearer.tick()
    heard = payloads(hearer)
    assert heard[1] != SILENCE["PCMU"] and heard[1][LAST] == SILENCE["PCMU"][LAST]
    assert steps(heard) < STEP


def test_who_was_alone_in_the_sum_goes_on_without_a_rise(hearer: Hearer) -> None:
    talker = Talker("PCMU")
    hearer.playout.begin_mix(hearer.now, goes_on=True)
    talker.send(talker.payload_type, LOUD, hearer.now + 0.001)
    hearer.playout.send_mixed(LOUD, hearer.now)
    hearer.playout.end_mix(hearer.now, falls=False)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.tick()
    talker.send(talker.payload_type, LOUD, hearer.now)
    hearer.tick()
    assert payloads(hearer) == [LOUD, LOUD], "no silence between the two"


def test_a_sum_that_its_mixer_keeps_back_is_no_missing_source(hearer: Hearer) -> None:
    """The mixer sends in each frame: silence beside it would be heard in between."""
    hearer.tick()
    hearer.playout.begin_mix(hearer.now, goes_on=False)
    hearer.agree("PCMA")  # nothing is relayed from here on
    hearer.packets()
    for _ in range(5):
        hearer.tick()
    assert payloads(hearer) == []
