"""The bench part of streams: what became of each frame."""

import contextlib

import pytest

from media.protocol.messages import Codec
from media.streams.leg_codec import silence
from scripts.bench.streams_part import _frame, _Leg, _number


@pytest.mark.parametrize("codec", ["PCMU", "L16/16000"])
def test_each_frame_has_its_number_and_a_damaged_one_none(codec: Codec) -> None:
    for number in (1, 99, 100, 29_999):
        frame = _frame(number, codec)
        assert len(frame) == len(silence(codec)) and frame != silence(codec)
        assert _number(frame, codec) == number
        assert _number(frame[2:] + frame[:2], codec) is None


def test_what_became_of_each_frame_is_told() -> None:
    leg = _Leg("PCMU")
    with contextlib.closing(leg.socket):
        leg.sent_at = [0.0, 0.02, 0.04, 0.06, 0.08]
        leg.heard = [(0, 0.05), (2, 0.09), (1, 0.09), (1, 0.1)]
        leg.damaged = 1
        assert leg.faults() == {"lost": 1, "doubled": 1, "damaged": 1, "out of order": 1}
        assert leg.delays_ms() == pytest.approx([70, 70, 90, 100])
