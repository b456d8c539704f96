"""Sums of speech: who hears whom, in exact integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.sound.g711 import FRAME_SAMPLES
from media.sound.mix import MixPlan, limited, passing


def frames(*levels: int) -> np.ndarray:
    return np.repeat(np.array(levels, np.int16)[:, None], FRAME_SAMPLES, axis=1)


def test_each_of_three_hears_the_other_two() -> None:
    plan = MixPlan([[1, 2], [0, 2], [0, 1]], [0, 1, 2])
    assert plan.mix(frames(1, 20, 300))[:, 0].tolist() == [320, 301, 21]


def test_who_listens_is_in_nobodys_sum() -> None:
    plan = MixPlan([[1], [0], [0, 1]], [0, 1, 2])
    loud = np.random.default_rng(1).integers(-32768, 32767, (3, FRAME_SAMPLES), np.int16)
    heard = plan.mix(loud)
    assert (heard[0] == loud[1]).all() and (heard[1] == loud[0]).all()


def test_nobody_in_a_sum_is_silence() -> None:
    assert not MixPlan([[], [0]], [0, -1]).mix(frames(500))[0].any()
    assert MixPlan([], []).mix(frames()).shape == (0, FRAME_SAMPLES)


@given(st.integers(1, 8).flatmap(lambda count: st.lists(
    st.lists(st.integers(0, count - 1), unique=True), min_size=count, max_size=count)))  # fmt: skip
def test_any_plan_gives_the_sums_that_it_names(rows: list[list[int]]) -> None:
    levels = [3**nth for nth in range(len(rows))]
    own = list(range(len(rows)))
    rows = [[one for one in row if one != mine] for mine, row in enumerate(rows)]
    heard = MixPlan(rows, own).mix(frames(*levels))
    assert heard[:, 7].tolist() == [sum(levels[one] for one in row) for row in rows]


@pytest.mark.parametrize(("level", "sum_"), [(30000, 32767), (-30000, -32768)])
def test_a_sum_beyond_full_scale_is_cut_there(level: int, sum_: int) -> None:
    assert MixPlan([[0, 1]], [-1]).mix(frames(level, level))[0, 0] == sum_
    assert limited(np.array([2 * level], np.int32))[0] == sum_


def test_a_change_passes_in_10_ms() -> None:
    before = np.full(FRAME_SAMPLES, 8000, np.int32)
    heard = passing(before, np.zeros(FRAME_SAMPLES, np.int32))
    assert heard[0] > 7900 and heard[79] < 100 and not heard[80:].any()
    assert (passing(before, before) == 8000).all()
