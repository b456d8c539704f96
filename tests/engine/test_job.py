"""The job's states: what leads where, and what never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.choices import Order
from engine.job import TERMINAL_STATES, TRANSITIONS, AttemptRecord, IllegalTransition, JobState
from engine.reports.job_view import job_view
from engine.scripts.record import ScriptRecord
from tests.support.jobs import callback_job

AGENT_FIRST: list[JobState] = [
    "dialing_agent",
    "whispering",
    "dialing_customer",
    "bridged",
    "completed",
]
CUSTOMER_FIRST: list[JobState] = [
    "dialing_customer",
    "holding",
    "dialing_agent",
    "whispering",
    "bridged",
    "completed",
]
STATES: list[JobState] = sorted({*TRANSITIONS["agent_first"], *TRANSITIONS["customer_first"]})


@pytest.mark.parametrize(
    ("order", "path"), [("agent_first", AGENT_FIRST), ("customer_first", CUSTOMER_FIRST)]
)
def test_the_whole_way_is_allowed(order: Order, path: list[JobState]) -> None:
    under_test = callback_job(order=order)
    for state in path:
        under_test.enter(state)
    assert under_test.is_terminal


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_every_open_state_may_fail_or_be_cancelled(order: Order) -> None:
    for state, leads_to in TRANSITIONS[order].items():
        assert {"failed", "cancelled"} <= leads_to, state


def test_only_a_queued_job_expires() -> None:
    for order in ("agent_first", "customer_first"):
        for state, leads_to in TRANSITIONS[order].items():
            assert ("expired" in leads_to) == (state == "queued")


@given(
    order=st.sampled_from(["agent_first", "customer_first"]),
    wanted=st.lists(st.sampled_from([*STATES, *sorted(TERMINAL_STATES)]), max_size=30),
)
def test_a_job_never_leaves_the_table(order: Order, wanted: list[JobState]) -> None:
    under_test = callback_job(order=order)
    for state in wanted:
        before = under_test.state
        if state in TRANSITIONS[order].get(before, frozenset()):
            under_test.enter(state)
            assert under_test.state == state
        else:
            with pytest.raises(IllegalTransition, match=before):
                under_test.enter(state)
            assert under_test.state == before


def test_a_terminal_state_leads_nowhere() -> None:
    for order in ("agent_first", "customer_first"):
        assert not TERMINAL_STATES & set(TRANSITIONS[order])


def test_the_view_has_the_contract_fields() -> None:
    view = job_view(callback_job())
    contract = {
        "id", "state", "to", "agent", "queue", "order", "context", "created", "attempts",
        "bridged_at", "ended_at", "result", "cause",
    }  # fmt: skip
    assert contract <= set(view)


def test_a_step_of_the_clock_moves_an_attempt_with_its_scripts() -> None:
    script = ScriptRecord(script="menu", use="customer", started=100.0, ended=110.0)
    attempt = AttemptRecord(call="c1", number="+442079460123", ended=120.0, scripts=[script])
    attempt.shift(5.0)
    assert (attempt.ended, script.started, script.ended) == (125.0, 105.0, 115.0)
