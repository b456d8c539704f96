"""A flow as an object and as a row of a table is the same memory."""

import numpy as np

from media.rtp.flow import Flow
from media.worker.fast_path import FLOW


def test_a_new_flow_expects_nothing_and_goes_nowhere() -> None:
    flow = Flow()
    assert (flow.expect, flow.out_fd, flow.failures) == (0, -1, 0)


def test_a_row_is_seen_from_both_sides() -> None:
    table = np.zeros(3, FLOW)
    flow = Flow.from_buffer(table.data, FLOW.itemsize)
    flow.expect = 0x80000001_000000A0
    flow.jitter = 1.5
    table["heard_at"][1] = 7.25
    assert (table["expect"][1], table["jitter"][1]) == (0x80000001_000000A0, 1.5)
    assert flow.heard_at == 7.25
    assert not table["expect"][0] and not table["expect"][2]


def test_a_difference_below_zero_wraps() -> None:
    flow = Flow()
    flow.delta = -1
    assert flow.delta == 2**64 - 1
