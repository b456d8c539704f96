"""The bench part of streams: what became of each frame."""

import asyncio
import contextlib

import pytest

from media.protocol.messages import Codec
from media.streams.leg_codec import silence
from scripts.bench.streams_part import _all_back, _frame, _Leg, _number


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


async def test_a_frame_that_is_late_at_the_end_is_waited_for() -> None:
    leg = _Leg("PCMU")
    with contextlib.closing(leg.socket):
        leg.sent_at = [0.0, 0.02]
        leg.heard = [(0, 0.05)]
        waiting = asyncio.ensure_future(_all_back([leg], 600.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        leg.heard.append((1, 1.9))
        await waiting
        leg.sent_at.append(0.04)
        await _all_back([leg], 0.0)
        assert leg.faults()["lost"] == 1
