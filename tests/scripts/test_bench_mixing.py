"""The mixing that the bench measures is mixing: everybody gets a packet for each frame."""

import pytest

from scripts.bench import mixing_part
from scripts.bench.mixing_part import Streams
from scripts.bench.options import Options
from scripts.bench.report import Report


@pytest.mark.parametrize("size", [2, 3, 6])
def test_every_leg_hears_a_frame_for_each_that_it_says(size: int) -> None:
    streams = Streams(6, size)
    try:
        assert [streams.frame() >= 0.0 for _ in range(5)] == [True] * 5
        assert streams.sent == 6 * 5
    finally:
        streams.close()


async def test_both_sizes_are_measured() -> None:
    report = Report()
    await mixing_part.run(report, Options(mixed_streams=6, mixing_runs=2, mixing_frames=3))
    assert [item.unit for item in report.figures] == ["ms"] * 4
    assert all(item.value > 0.0 for item in report.figures)
