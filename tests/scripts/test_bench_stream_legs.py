"""The legs of the bench whose sound goes to a bot: what they say, and what they hear."""

import contextlib
from array import array
from collections.abc import Iterator

import numpy as np
import pytest

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.streams.leg_codec import silence
from scripts.bench import stream_legs
from scripts.bench.stream_legs import (
    BURST_EVERY,
    PAUSE_FRAMES,
    SAID_FRAMES,
    NumberedLeg,
    ToneLeg,
    frame_of,
    number_of,
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What legs have sent, in place of the network."""
    payloads: list[bytes] = []
    monkeypatch.setattr(
        stream_legs.StreamedLeg, "_send", lambda _leg, payload: payloads.append(payload)
    )
    yield payloads


@pytest.mark.parametrize("codec", ["PCMU", "L16/16000"])
def test_each_frame_has_its_number_and_a_damaged_one_none(codec: Codec) -> None:
    for number in (1, 99, 100, 29_999):
        frame = frame_of(number, codec)
        assert len(frame) == len(silence(codec)) and frame != silence(codec)
        assert number_of(frame, codec) == number
        assert number_of(frame[2:] + frame[:2], codec) is None


def test_what_became_of_each_frame_is_told() -> None:
    leg = NumberedLeg()
    with contextlib.closing(leg.socket):
        leg.sent_at.extend([0.0, 0.02, 0.04, 0.06, 0.08])
        for number, at in ((0, 0.05), (2, 0.09), (1, 0.09), (1, 0.1)):
            leg.hear(frame_of(number, "PCMU"), at)
        leg.hear(silence("PCMU"), 0.11)
        leg.hear(frame_of(0, "PCMU")[1:] + b"\xff", 0.12)
        assert leg.faults() == {"lost": 1, "doubled": 1, "damaged": 1, "out of order": 1}
        assert leg.delays_ms() == pytest.approx([70, 70, 90, 100])


def test_it_pauses_as_people_do(sent: list[bytes]) -> None:
    leg = NumberedLeg()
    with contextlib.closing(leg.socket):
        for _ in range(SAID_FRAMES + PAUSE_FRAMES + 1):
            leg.speak()
        assert len(leg.sent_at) == SAID_FRAMES + 1
        assert sent.count(silence("PCMU")) == PAUSE_FRAMES


def test_tones_are_known_by_their_beginnings(sent: list[bytes]) -> None:
    if unavailable():
        pytest.skip(unavailable()["opus"])
    leg = ToneLeg()
    with contextlib.closing(leg.socket):
        for _ in range(4 * BURST_EVERY):
            leg.speak()
        assert len(leg.sent_at) == 4
        leg.sent_at[:] = array("d", [0.0, 0.5, 1.0, 1.5])
        # Each comes 50 ms after it was sent, but for the third; the last one comes twice.
        for nth, payload in enumerate(sent):
            at = nth * 0.02 + 0.05
            if not 1.0 <= at < 1.3:
                leg.hear(payload, at)
        again = encoder_of(Format("opus"), 16000)
        tone = 9000 * np.sin(2 * np.pi * 1000 * np.arange(320) / 16000)
        for at in (1.8, 1.82):
            leg.hear(again.encode(np.rint(tone).astype(np.int16)), at)
        assert leg.faults() == {"lost": 1, "doubled": 1}
        first, second, last, _twice = leg.delays_ms()
        for delay in (first, second, last):
            assert 70 <= delay <= 90
