"""Every formula of the reports, against figures worked out by hand."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reports.measures import (
    AgentPeriod,
    JobRow,
    flat,
    measure_agents,
    measure_alone,
    measure_jobs,
    percentile,
    share,
)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.sampled_from([50, 90, 95, 99]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: int
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found is not None
    needed = math.ceil(len(values) * percent / 100)
    assert sum(value <= found for value in values) >= needed
    assert sum(value < found for value in values) < needed


def test_percentiles_by_hand() -> None:
    ten = [float(value) for value in range(1, 11)]
    assert [percentile(ten, p) for p in (0.1, 10, 50, 90, 91, 99, 100)] == [
        1, 1, 5, 9, 10, 10, 10,
    ]  # fmt: skip
    assert percentile([], 50) is None
    assert (share(1, 3), share(1, 0)) == (33.33, None)


# -- agents -------------------------------------------------------------------------------------


MISSES = ("no answer", "3 offers unanswered in a row")


def periods(*steps: tuple[str, float, str | None, str | None], end: float) -> list[AgentPeriod]:
    """state, since, work, reason."""
    ends = [step[1] for step in steps[1:]] + [end]
    return [
        AgentPeriod("alice", state, since, until, work, reason, reason in MISSES)
        for (state, since, work, reason), until in zip(steps, ends, strict=True)
    ]


ALICE = periods(
    ("available", 0.0, None, None),
    ("reserved", 100.0, "j1", None),
    ("ringing", 101.0, "j1", None),
    ("talking", 105.0, "j1", None),
    ("wrap_up", 165.0, "j1", None),
    ("available", 195.0, None, None),
    ("reserved", 200.0, "j2", None),
    ("ringing", 200.0, "j2", None),
    ("available", 220.0, None, "no answer"),
    ("reserved", 230.0, "j3", None),
    ("ringing", 231.0, "j3", None),
    ("available", 233.0, None, None),
    ("paused", 300.0, None, "lunch"),
    ("logged_out", 400.0, None, None),
    end=1000.0,
)


def test_an_agent_by_hand() -> None:
    figures = measure_agents([ALICE], 0.0, 1000.0)
    assert figures == figures | {
        "offered": 3, "answered": 1, "missed": 1, "withdrawn": 1, "ringing_now": 0, "calls": 1,
        "available_s": 182.0,  # 100 + 5 + 10 + 67
        "reserved_s": 2.0, "ringing_s": 26.0, "talking_s": 60.0, "wrap_up_s": 30.0,
        "paused_s": 100.0,
        "logged_in_s": 400.0,
        "occupancy_percent": 30.0,  # 60 + 30 of the 300 s without a pause
        "aht_s": 90.0,
        "talk_p50_s": 60.0,
        "pauses": {"lunch": 100.0},
    }  # fmt: skip


def test_times_are_cut_at_the_ends_of_an_interval_and_calls_are_not() -> None:
    figures = measure_agents([ALICE], 110.0, 180.0)
    assert (figures["talking_s"], figures["wrap_up_s"], figures["calls"]) == (55.0, 15.0, 0)
    begins_with_it = measure_agents([ALICE], 105.0, 110.0)
    assert (begins_with_it["talking_s"], begins_with_it["calls"]) == (5.0, 1)
    assert begins_with_it["aht_s"] == 90.0  # the whole call: 60 s of talk, 30 s of wrap-up
    assert begins_with_it["offered"] == 0  # the phone rang before


@given(st.lists(st.floats(1.0, 999.0), max_size=6))
def test_times_of_parts_add_up_to_those_of_the_whole(cuts: list[float]) -> None:
    edges = [0.0, *sorted(cuts), 1000.0]
    parts = [measure_agents([ALICE], a, b) for a, b in itertools.pairwise(edges)]
    whole = measure_agents([ALICE], 0.0, 1000.0)
    for name in ("talking_s", "wrap_up_s", "available_s", "paused_s", "logged_in_s"):
        assert sum(part[name] for part in parts) == pytest.approx(whole[name], abs=0.01)
    for name in ("offered", "answered", "missed", "withdrawn", "calls"):
        assert sum(part[name] for part in parts) == whole[name]


def test_an_offer_that_the_engines_death_ended_is_no_miss() -> None:
    cut = periods(
        ("ringing", 0.0, "j1", None), ("down", 5.0, None, None), ("logged_out", 9.0, None, None),
        end=10.0,
    )  # fmt: skip
    figures = measure_agents([cut], 0.0, 10.0)
    assert (figures["offered"], figures["missed"], figures["withdrawn"]) == (1, 0, 1)
    assert figures["logged_in_s"] == 5.0
    still = periods(("ringing", 0.0, "j1", None), end=3.0)
    assert measure_agents([still], 0.0, 10.0)["ringing_now"] == 1


def test_a_state_asked_for_meanwhile_says_nothing_of_an_offer() -> None:
    ringing = AgentPeriod("alice", "ringing", 0.0, 5.0, "j1")
    pauses = AgentPeriod("alice", "paused", 5.0, 9.0, None, "lunch")
    leaves = AgentPeriod("alice", "logged_out", 5.0, 9.0, None, None, missed=True)
    assert measure_agents([[ringing, pauses]], 0.0, 9.0)["withdrawn"] == 1
    assert measure_agents([[ringing, leaves]], 0.0, 9.0)["missed"] == 1


# -- jobs ---------------------------------------------------------------------------------------


def job_row(state: str = "completed", **more: Any) -> JobRow:
    given: dict[str, Any] = {"created": 0.0, "due_at": 100.0, "state": state}
    return JobRow(**(given | more))


def test_jobs_by_hand() -> None:
    jobs = [
        job_row(operator_at=102.0, customer_at=106.0, talk_at=106.0, called_at=103.0, talk_s=60.0,
            attempts=1, cost=0.25, currency="EUR", rating=5, promised_by=110.0),
        job_row(operator_at=104.0, customer_at=130.0, talk_at=130.0, called_at=120.0, talk_s=30.0,
            attempts=2, cost=0.5, currency="EUR", rating=2, promised_by=110.0),
        job_row("failed", operator_at=101.0, called_at=105.0, attempts=3, cost=0.1, currency="USD"),
        job_row("cancelled", cancelled_by="visitor"),
        job_row("expired", promised_by=150.0),
        job_row("queued", promised_by=500.0),
        job_row("dialing_agent", promised_by=150.0),
    ]  # fmt: skip
    figures = measure_jobs(jobs, now=200.0)
    assert figures == figures | {
        "requested": 7, "completed": 2, "failed": 1, "cancelled": 1, "cancelled_by_visitor": 1,
        "expired": 1, "open": 2,
        "completed_percent": 40.0,  # 2 of the 5 that have ended
        "attempts": 6, "called": 3,
        # promised: 1 kept, 2 broken by a late call, expired broken, one pending, one overdue
        "promised": 5, "promise_kept": 1, "promise_broken": 3, "promise_kept_percent": 25.0,
        "to_operator_s": 2.333, "to_operator_p50_s": 2.0,
        "to_customer_s": 18.0, "to_talk_s": 18.0, "to_talk_p90_s": 30.0,
        "talk_s": 90.0, "talk_p50_s": 30.0,
        "rated": 2, "rating": 3.5,
        "costs": {"EUR": 0.75, "USD": 0.1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "kept", "broken", "promised"),
    [
        (job_row(promised_by=110.0, called_at=110.0), 1, 0, 1),
        (job_row(promised_by=110.0, called_at=110.1), 0, 1, 1),
        (job_row("cancelled", promised_by=110.0, ended_at=105.0), 0, 0, 0),
        (job_row("cancelled", promised_by=110.0, ended_at=111.0), 0, 1, 1),
        (job_row("failed", promised_by=110.0, ended_at=105.0), 0, 1, 1),
        (job_row("queued", promised_by=300.0), 0, 0, 1),
        (job_row("queued"), 0, 0, 0),
    ],
)
def test_what_becomes_of_a_promise(row: JobRow, kept: int, broken: int, promised: int) -> None:
    figures = measure_jobs([row], now=200.0)
    found = (figures["promise_kept"], figures["promise_broken"], figures["promised"])
    assert found == (kept, broken, promised)


def test_a_customer_called_early_has_not_waited() -> None:
    assert measure_jobs([job_row(operator_at=99.0)], 200.0)["to_operator_s"] == 0.0


def test_customers_left_alone() -> None:
    assert measure_alone([0.0, 2.0, 2.01, 30.0], 2.0) == {
        "customers_answered": 4,
        "left_alone": 2,
        "left_alone_percent": 50.0,
    }
    assert measure_alone([], 2.0)["left_alone_percent"] is None


def test_figures_as_cells() -> None:
    flattened = flat({"a": 1, "costs": {"EUR": 0.75, "": 2.0}, "pauses": {}})
    assert flattened == {"a": 1, "costs": "EUR=0.75 -=2", "pauses": ""}


def test_callbacks_have_quality_and_labels() -> None:
    row = JobRow(created=0.0, due_at=0.0, state="completed")
    jobs = [
        row._replace(mos=4.0, answered_by="human"), row._replace(mos=3.0, answered_by="voicemail"),
        row._replace(answered_by="human", faults=2), row,
    ]  # fmt: skip
    figures = measure_jobs(jobs, 10.0)
    assert (figures["measured"], figures["mos"], figures["mos_p5"], figures["poor"]) == (
        2, 3.5, 3.0, 1,
    )  # fmt: skip
    assert figures["labels"] == {"human": 2, "voicemail": 1}
    assert (figures["one_way"], figures["clipping"], figures["echo"]) == (0, 1, 0)
