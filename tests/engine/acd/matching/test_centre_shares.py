"""Centres' shares: whatever the per cents, nobody is ahead or behind by more than one."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from config.queues import Centre, Share
from engine.acd.matching.centre_shares import CentreShares

NAMES = ("london", "leeds", "york", "bath")


def everybody(_centre: str) -> bool:
    """Every centre can take a call."""
    return True


CENTRES = {name: Centre(name=name) for name in NAMES}


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=4).filter(any),
    st.integers(1, 400),
)
def test_each_has_its_share_after_any_number(percents: list[int], count: int) -> None:
    shares = CentreShares(
        [
            Share(centre=name, percent=percent)
            for name, percent in zip(NAMES, percents, strict=False)
        ],
        CENTRES,
        {},
    )
    total = sum(percents)
    given_to: Counter[str | None] = Counter()
    for number in range(1, count + 1):
        given_to[shares.pick(None, None, 0.0, everybody)] += 1
        for name, percent in zip(NAMES, percents, strict=False):
            exact = number * percent / total
            assert abs(given_to[name] - exact) < len(percents)
            assert percent or not given_to[name]
    assert shares.given == {name: number for name, number in given_to.items() if name}


def test_a_reload_that_changes_no_share_goes_on_where_it_was() -> None:
    halves = [Share(centre="london", percent=50), Share(centre="leeds", percent=50)]
    shares, chosen = CentreShares(halves, CENTRES, {}), []
    for _ in range(4):
        chosen.append(shares.pick(None, None, 0.0, everybody))
        shares = CentreShares([share.model_copy() for share in halves], CENTRES, {}, shares)
    assert chosen == ["london", "leeds", "london", "leeds"]
    assert shares.given == {"london": 2, "leeds": 2}
    thirds = [*halves, Share(centre="york", percent=50)]
    assert CentreShares(thirds, CENTRES, {}, shares).pick(None, None, 0.0, everybody) == "london"


def test_without_shares_there_is_no_centre() -> None:
    assert CentreShares([], {}, {}).pick("+442079460000", "GB", 0.0, everybody) is None


def test_a_share_that_names_the_place_has_all_of_it() -> None:
    shares = CentreShares(
        [
            Share(centre="london", percent=1, prefixes=["+4420"]),
            Share(centre="leeds", percent=99),
        ],
        CENTRES,
        {},
    )
    assert {shares.pick("+442079460000", "GB", 0.0, everybody) for _ in range(50)} == {"london"}
    assert {shares.pick("+441139460000", "GB", 0.0, everybody) for _ in range(50)} == {"leeds"}
    assert {shares.pick(None, None, 0.0, everybody) for _ in range(50)} == {"leeds"}


def test_only_centres_that_can_take_a_call_have_a_turn() -> None:
    thirds = [Share(centre=name, percent=1) for name in ("london", "leeds", "york")]
    shares = CentreShares(thirds, CENTRES, {})
    there = {"london", "york"}
    chosen = [shares.pick(None, None, 0.0, there.__contains__) for _ in range(4)]
    assert Counter(chosen) == {"london": 2, "york": 2}
    assert shares.next(None, None, 0.0, {"leeds"}.__contains__) == "leeds"


def test_where_none_can_all_have_their_turns() -> None:
    halves = [Share(centre="london", percent=50), Share(centre="leeds", percent=50)]
    shares = CentreShares(halves, CENTRES, {})
    chosen = [shares.pick(None, None, 0.0, lambda _centre: False) for _ in range(4)]
    assert Counter(chosen) == {"london": 2, "leeds": 2}
    assert bool(shares) and not CentreShares((), {}, {})
