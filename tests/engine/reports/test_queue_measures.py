"""The formulas of queues and their customers, against figures worked out by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reports.measures import CustomerRow, Definitions, StayRow
from engine.reports.queue_measures import measure_queue

RESULTS = ("answered", "abandoned", "overflowed", "expired", "withdrawn", "lost")
DAY = Definitions(service_level_s=20.0, short_abandon_s=5.0)


def stay(result: str | None, waited_s: float, **more: Any) -> StayRow:
    return StayRow("sales", 0.0, result, waited_s, **more)


# Six answered (four within 20 s), three gave up (one at once, one in time), two overflowed, one was
# withdrawn, one expired, one was lost, one waits.
STAYS = [
    stay("answered", 2.0, talk_s=60.0, handle_s=70.0),
    stay("answered", 8.0, talk_s=120.0, handle_s=150.0),
    stay("answered", 20.0, talk_s=30.0, handle_s=30.0),
    stay("answered", 10.0),
    stay("answered", 21.0, talk_s=90.0, handle_s=110.0),
    stay("answered", 59.0, talk_s=300.0, handle_s=340.0),
    stay("abandoned", 4.9),
    stay("abandoned", 12.0),
    stay("abandoned", 70.0),
    stay("overflowed", 30.0),
    stay("overflowed", 30.0),
    stay("withdrawn", 5.0),
    stay("expired", 100.0),
    stay("lost", 1.0),
    stay(None, 44.0),
]


def test_a_queue_by_hand() -> None:
    figures = measure_queue(STAYS, DAY)
    assert figures == figures | {
        "offered": 15, "answered": 6, "abandoned": 2, "short_abandoned": 1, "overflowed": 2,
        "expired": 1, "withdrawn": 1, "lost": 1, "waiting": 1, "answered_in_service_level": 4,
        # answered in time of answered and abandoned: 4 of 6 + 2
        "service_level_percent": 50.0,
        # Asterisk: completed in time of completed, 4 of 6
        "asterisk_sl_percent": 66.67,
        # and with the abandoned, those within the level counted as good: 4 + 2 of 6 + 3
        "asterisk_sl2_percent": 66.67,
        # of those offered but the short ones: 2 of 14
        "abandoned_percent": 14.29,
        "asa_s": 20.0,  # (2 + 8 + 20 + 10 + 21 + 59) / 6
        "aht_s": 140.0,  # (70 + 150 + 30 + 110 + 340) / 5
        "talk_s": 600.0,
        "longest_wait_s": 100.0,
        "wait_p50_s": 10.0, "wait_p90_s": 59.0,
        "abandon_p50_s": 12.0, "abandon_p99_s": 70.0,
        "talk_p50_s": 90.0, "talk_p95_s": 300.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("abandoned", "short", "overflowed", "percent"),
    [
        (False, False, False, 66.67),  # 4 of 6
        (True, False, False, 50.0),  # 4 of 6 + 2
        (True, True, False, 44.44),  # 4 of 6 + 2 + 1
        (False, True, False, 66.67),  # short ones are a part of the abandoned
        (True, False, True, 40.0),  # 4 of 6 + 2 + 2
        (True, True, True, 36.36),  # 4 of 6 + 2 + 1 + 2
        (False, False, True, 50.0),  # 4 of 6 + 2
    ],
)
def test_the_switches_of_the_service_level(
    abandoned: bool, short: bool, overflowed: bool, percent: float
) -> None:
    definitions = Definitions(
        include_abandoned=abandoned,
        include_short_abandoned=short,
        include_overflowed=overflowed,
    )
    assert measure_queue(STAYS, definitions)["service_level_percent"] == percent


def test_a_queue_in_which_nothing_happened() -> None:
    figures = measure_queue([], DAY)
    assert figures["offered"] == 0
    for name in ("service_level_percent", "asterisk_sl2_percent", "asa_s", "aht_s", "wait_p50_s"):
        assert figures[name] is None


@given(
    st.lists(st.tuples(st.sampled_from([*RESULTS, None]), st.floats(0, 1000)), max_size=60),
    st.floats(0.1, 100),
    st.floats(0, 100),
)
def test_what_was_offered_is_the_sum_of_what_became_of_it(
    found: list[tuple[str | None, float]], level_s: float, short_s: float
) -> None:
    definitions = Definitions(service_level_s=level_s, short_abandon_s=short_s)
    figures = measure_queue([stay(*one) for one in found], definitions)
    became = (
        "answered", "abandoned", "short_abandoned", "overflowed", "expired", "withdrawn", "lost",
        "waiting",
    )  # fmt: skip
    assert figures["offered"] == sum(figures[name] for name in became) == len(found)
    for name in ("service_level_percent", "asterisk_sl_percent", "asterisk_sl2_percent"):
        assert figures[name] is None or 0 <= figures[name] <= 100


@pytest.mark.parametrize(
    ("counted", "percent"),
    [
        ({"include_expired": True}, 44.44),  # 4 of 6 + 2 + 1
        ({"include_withdrawn": True, "include_lost": True}, 40.0),  # 4 of 6 + 2 + 1 + 1
    ],
)
def test_those_sent_away_or_lost_may_count_in_the_service_level(
    counted: dict[str, bool], percent: float
) -> None:
    figures = measure_queue(STAYS, Definitions(**counted))  # type: ignore[arg-type]
    assert figures["service_level_percent"] == percent


def test_a_queue_may_have_a_service_level_of_its_own() -> None:
    found = [stay("answered", 30.0), stay("answered", 5.0)]
    other = [one._replace(queue="help") for one in found]
    definitions = Definitions(service_level_by_queue=(("help", 30.0),))
    assert measure_queue(found, definitions)["service_level_percent"] == 50.0
    assert measure_queue(other, definitions)["service_level_percent"] == 100.0
    assert measure_queue(found + other, definitions)["service_level_percent"] == 75.0


def test_callers_and_callbacks_are_apart_in_every_figure() -> None:
    found = [
        stay("answered", 4.0), stay("abandoned", 40.0),
        stay("answered", 60.0, kind="callback"), stay("answered", 8.0, kind="callback"),
    ]  # fmt: skip
    figures = measure_queue(found, DAY)
    callers, callbacks = figures["callers"], figures["callbacks"]
    assert (callers["offered"], callbacks["offered"], figures["offered"]) == (2, 2, 4)
    assert (callers["asa_s"], callbacks["asa_s"]) == (4.0, 34.0)
    assert (callers["service_level_percent"], callbacks["service_level_percent"]) == (50.0, 50.0)
    assert (callers["longest_wait_s"], callbacks["longest_wait_s"]) == (40.0, 60.0)
    nested = {"callers", "callbacks"}
    assert callers.keys() == callbacks.keys() == figures.keys() - nested


def test_a_customer_counts_once_with_all_of_their_wait() -> None:
    customers = [
        CustomerRow("sales", 0.0, "answered", 50.0),
        CustomerRow("sales", 0.0, "answered", 10.0, "callback"),
        CustomerRow("sales", 0.0, "abandoned", 30.0),
        CustomerRow("sales", 0.0, "abandoned", 2.0),  # at once: not counted as lost
        CustomerRow("sales", 0.0, None, 5.0),
    ]
    figures = measure_queue([], DAY, customers)
    assert figures == figures | {
        "customers": 5, "customers_answered": 2, "customers_abandoned": 1,
        "customers_answered_percent": 40.0, "customers_abandoned_percent": 25.0,
        "customer_wait_s": 30.0, "customer_wait_p99_s": 50.0,
    }  # fmt: skip
    assert figures["callbacks"]["customer_wait_s"] == 10.0
