"""The bench part of streams: what became of each frame, and what is in its way."""

import asyncio
import contextlib

import pytest

from media.protocol.messages import Codec
from media.streams.messages import RateHz
from scripts.bench.echo_bot import echo_bot
from scripts.bench.report import Report
from scripts.bench.stream_legs import NumberedLeg
from scripts.bench.streams_part import (
    Shares,
    _add_delays,
    _add_faults,
    _add_share,
    _all_back,
    measured,
)


async def test_a_frame_that_is_late_at_the_end_is_waited_for() -> None:
    leg = NumberedLeg()
    with contextlib.closing(leg.socket):
        leg.sent_at.extend([0.0, 0.02])
        leg.numbers.append(0)
        waiting = asyncio.ensure_future(_all_back([leg], 600.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        leg.numbers.append(1)
        await waiting
        leg.sent_at.append(0.04)
        await _all_back([leg], 0.0)
        assert leg.faults()["lost"] == 1


def test_no_frame_may_be_lost_or_late() -> None:
    report, leg = Report(), NumberedLeg()
    with contextlib.closing(leg.socket):
        leg.sent_at.extend([0.0, 0.02, 0.04])
        leg.numbers.extend([0, 1, 1])
        leg.heard_at.extend([0.05, 0.07, 0.2])
        leg.unread_ms = 40
        _add_delays(report, "all", [leg])
        _add_faults(report, "faults", [leg])
        _add_share(report, "50 streams", Shares(0.5, 0.25), [leg])
    found = {item.name: item for item in report.figures}
    assert found["all, p50"].met and found["all, p99"].met is False
    assert found["all, p50"].note == "of 3 frames; 1 later than 80 ms"
    assert found["faults"].value == 2 and found["faults"].met is False
    assert found["faults"].note == (
        "of 3 frames: 1 lost, 1 doubled; the bot has not read 40 ms in time"
    )
    assert found["50 streams, stream host, of a core"].met
    assert found["50 streams, media worker, of a core"].value == 0.25


@pytest.mark.parametrize("has_worker", [True, False])
@pytest.mark.parametrize("codec", ["PCMU", "L16/16000"])
async def test_what_goes_to_the_bot_comes_back_as_it_was(codec: Codec, has_worker: bool) -> None:
    legs = [NumberedLeg(codec), NumberedLeg(codec)]
    rate_hz: RateHz = 8000 if codec == "PCMU" else 16000
    async with echo_bot() as url:
        shares = await measured(url, legs, 0.5, rate_hz, has_worker=has_worker)
    for leg in legs:
        assert len(leg.sent_at) == 25
        assert set(leg.numbers) and all(delay > 20 for delay in leg.delays_ms())
    assert shares.host > 0 and (has_worker or shares.worker == 0)
