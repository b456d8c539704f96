"""An agent's states, the times in them, and the state after a restart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.agents import AgentDefaults
from engine.acd.agent import AGENT_TRANSITIONS, Agent, AgentImage, IllegalMove
from engine.acd.agent_policy import AgentPolicy
from engine.acd.agent_view import agent_view
from tests.support.floor import agent as settings_of


def an_agent(now: float = 0.0, **settings: Any) -> Agent:
    """Alice, logged in at `now`."""
    settings = {"name": "alice"} | settings
    configured = settings_of(**settings)
    alice = Agent(configured, AgentPolicy.of(configured, AgentDefaults()), now)
    alice.login(now)
    return alice


def state_of(alice: Agent) -> str:
    """The agent's state, for a type checker that believes it never changes."""
    return alice.state


def talks(alice: Agent, begin: float, end: float, wrap_up_s: float | None = None) -> None:
    """A whole call."""
    assert alice.reserve("job", begin)
    alice.ringing(begin)
    alice.talking(begin)
    alice.finished(end, wrap_up_s)


def test_every_state_can_be_left_and_reached() -> None:
    reached = set().union(*AGENT_TRANSITIONS.values())
    assert reached == AGENT_TRANSITIONS.keys()
    assert all(AGENT_TRANSITIONS.values())


def test_a_move_that_the_table_does_not_allow_is_refused() -> None:
    alice = an_agent()
    with pytest.raises(IllegalMove, match="available does not lead to talking"):
        alice.talking(1.0)
    assert state_of(alice) == "available"


def test_reserving_is_compare_and_set() -> None:
    alice = an_agent()
    assert alice.reserve("one", 1.0)
    assert not alice.reserve("two", 1.0)
    assert alice.work == "one"


@pytest.mark.parametrize(
    ("own_s", "queue_s", "state_at"),
    [
        (0.0, None, {10.0: "available"}),
        (5.0, None, {10.0: "wrap_up", 14.9: "wrap_up", 15.0: "available"}),
        (5.0, 7.0, {14.9: "wrap_up", 16.9: "wrap_up", 17.0: "available"}),
        (5.0, 0.0, {10.0: "available"}),
        (-1.0, None, {100.0: "wrap_up", 609.9: "wrap_up", 610.0: "available"}),
        (0.0, -1.0, {609.9: "wrap_up", 610.0: "available"}),
    ],
)
def test_wrap_up_lasts_until_its_limit(
    own_s: float, queue_s: float | None, state_at: dict[float, str]
) -> None:
    alice = an_agent(wrap_up_s=own_s)
    talks(alice, 5.0, 10.0, queue_s)
    for now, state in state_at.items():
        alice.wrap_up_ends(now)
        assert state_of(alice) == state


def test_without_a_limit_the_wrap_up_ends_when_the_agent_is_ready() -> None:
    alice = an_agent(wrap_up_s=-1, max_wrap_up_s=0)
    talks(alice, 5.0, 10.0)
    assert not alice.wrap_up_ends(1e9)
    assert agent_view(alice, (), 15.0)["work"] == "job", "the call that they write up"
    alice.ready(20.0)
    assert (state_of(alice), alice.work, alice.idle_since) == ("available", None, 10.0)


@pytest.mark.parametrize("wish", ["paused", "logged_out"])
def test_a_state_asked_for_during_a_call_follows_it(wish: str) -> None:
    for end in ("release", "missed", "finished"):
        alice = an_agent(wrap_up_s=30)
        alice.reserve("job", 1.0)
        alice.ringing(1.0)
        if end == "finished":
            alice.talking(2.0)
        alice.pause(3.0, "lunch") if wish == "paused" else alice.logout(3.0, "lunch")
        assert alice.is_on_work and agent_view(alice, (), 3.0)["wish"] == wish
        if end == "missed":
            alice.missed(4.0, "no answer")
        else:
            getattr(alice, end)(4.0)
        assert (state_of(alice), alice.reason, alice.wish) == (wish, "lunch", None)


def test_a_state_asked_for_can_be_withdrawn() -> None:
    alice = an_agent()
    alice.reserve("job", 1.0)
    alice.pause(2.0)
    alice.ready(3.0)
    alice.release(4.0)
    assert state_of(alice) == "available"
    alice.reserve("job", 5.0)
    alice.logout(6.0)
    alice.login(7.0)
    alice.release(8.0)
    assert state_of(alice) == "available"


def test_unanswered_offers_in_a_row_pause_the_agent() -> None:
    alice = an_agent(missed_limit=3)
    for number in range(3):
        assert state_of(alice) == "available"
        alice.reserve("job", number)
        alice.missed(number, "no answer")
    assert (state_of(alice), alice.reason) == ("paused", "3 offers unanswered in a row")
    alice.ready(10.0)
    assert (state_of(alice), alice.missed_in_a_row) == ("available", 0)


def test_an_answer_ends_the_row_and_some_do_not_count() -> None:
    alice = an_agent(missed_limit=2)
    alice.reserve("job", 1.0)
    alice.missed(1.0, "no answer")
    talks(alice, 2.0, 3.0)
    for _ in range(5):
        alice.reserve("job", 4.0)
        alice.missed(4.0, "busy", counts=False)
    alice.reserve("job", 4.0)
    alice.missed(4.0, "no answer")
    assert state_of(alice) == "available"


def test_idle_since_is_not_touched_by_an_offer_that_was_withdrawn() -> None:
    alice = an_agent(now=5.0)
    alice.reserve("job", 6.0)
    alice.release(7.0)
    assert alice.idle_since == 5.0
    alice.reserve("job", 8.0)
    alice.missed(9.0, "no answer")
    assert alice.idle_since == 9.0
    alice.pause(10.0)
    alice.ready(11.0)
    assert alice.idle_since == 11.0


def test_one_with_a_permanent_line_is_available_only_while_it_is_up() -> None:
    alice = an_agent(permanent=True)
    assert (state_of(alice), alice.reason) == ("paused", "the permanent line is down")
    alice.ready(1.0)
    assert state_of(alice) == "paused", "only the line ends this pause"
    alice.line(True, 2.0)
    assert state_of(alice) == "available"
    alice.reserve("job", 3.0)
    alice.talking(3.0)
    alice.line(False, 4.0)
    assert state_of(alice) == "talking"
    alice.finished(4.0)
    assert (state_of(alice), alice.paused_by) == ("paused", "line")
    alice.pause(5.0, "lunch")
    alice.line(True, 6.0)
    assert (state_of(alice), alice.reason) == ("paused", "lunch"), (
        "the agent's own pause outlives the line's"
    )


def test_the_days_figures() -> None:
    alice = an_agent(wrap_up_s=5)
    alice.begin_day("one", 0.0)
    talks(alice, 10.0, 40.0)
    alice.wrap_up_ends(45.0)
    alice.pause(50.0)
    view = agent_view(alice, (), 60.0)
    assert (view["calls"], view["talk_s"]) == (1, 30.0)
    spent = {state: time_s for state, time_s in view["times"].items() if time_s}
    assert spent == {"available": 15.0, "talking": 30.0, "wrap_up": 5.0, "paused": 10.0}
    assert not alice.begin_day("one", 60.0)
    assert alice.begin_day("two", 60.0)
    assert (alice.calls, alice.time_in("paused", 70.0), alice.time_in("talking", 70.0)) == (
        0,
        10,
        0,
    )


def test_a_talk_is_counted_while_it_lasts() -> None:
    alice = an_agent()
    alice.reserve("job", 0.0)
    alice.talking(0.0)
    assert agent_view(alice, (), 12.0)["talk_s"] == 12.0


def test_changed_skills_and_addresses_go_back_to_the_configured_ones() -> None:
    alice = an_agent(skills={"sales": 3})
    alice.set_skills({"german": 7})
    assert alice.skills == {"german": 7}
    alice.set_skills(None)
    assert alice.skills == {"sales": 3}
    alice.arrange([("sip:gone@127.0.0.1", True)])
    assert [one.uri for one in alice.addresses] == ["sip:alice@127.0.0.1:5080"]


def restarted(alice: Agent, now: float, **settings: Any) -> Agent:
    """The agent, as the next engine restores them from the store."""
    again = an_agent(now, **settings)
    again.restore(alice.image(), now)
    again.interrupted(now)
    return again


def test_a_restart_keeps_the_state() -> None:
    alice = an_agent()
    alice.pause(10.0, "lunch")
    again = restarted(alice, 99.0)
    assert (again.state, again.reason, again.since) == ("paused", "lunch", 10.0)


def test_a_restart_ends_the_call() -> None:
    alice = an_agent(wrap_up_s=30)
    alice.reserve("job", 1.0)
    alice.ringing(1.0)
    again = restarted(alice, 5.0, wrap_up_s=30)
    assert (again.state, again.missed_in_a_row) == ("available", 0)
    alice.talking(2.0)
    again = restarted(alice, 5.0, wrap_up_s=30)
    assert (again.state, again.wrap_up_until) == ("wrap_up", 35.0)
    alice.logout(3.0, "home")
    assert restarted(alice, 5.0, wrap_up_s=30).state == "logged_out"


def test_a_restart_ends_a_wrap_up_that_is_over() -> None:
    alice = an_agent(wrap_up_s=30)
    talks(alice, 1.0, 2.0)
    assert restarted(alice, 31.0, wrap_up_s=30).state == "wrap_up"
    assert restarted(alice, 32.0, wrap_up_s=30).state == "available"


MOVES = ("login", "logout", "pause", "ready", "up", "down", "ring", "talk", "free", "miss", "end")


@given(st.lists(st.sampled_from(MOVES), max_size=40), st.booleans())
def test_whatever_happens_no_agent_is_stuck(moves: list[str], permanent: bool) -> None:
    """Any history of calls that end leaves them with no work, also over a restart."""
    alice = an_agent(permanent=permanent, wrap_up_s=3, missed_limit=2)
    spent_s = 0.0
    for now, move in enumerate(moves, 1):
        spent_s = now
        match move:
            case "login" | "logout" | "ready":
                getattr(alice, move)(now)
            case "pause" if alice.is_logged_in:
                alice.pause(now)
            case "up" | "down" if permanent:
                alice.line(move == "up", now)
            case "ring" if alice.reserve("job", now):
                alice.ringing(now)
            case "talk" if alice.state == "ringing":
                alice.talking(now)
            case "free" if alice.state == "ringing":
                alice.release(now)
            case "miss" if alice.state == "ringing":
                alice.missed(now, "no answer")
            case "end" if alice.is_on_work:
                alice.finished(now)
        assert (alice.work is not None) == (alice.is_on_work or alice.state == "wrap_up")
        assert alice.wish is None or alice.is_on_work
        assert alice.state != "available" or alice.line_up
    view = agent_view(alice, (), spent_s)
    assert sum(view["times"].values()) == pytest.approx(spent_s)
    assert isinstance(alice.image(), AgentImage)
    again = restarted(alice, spent_s, permanent=permanent)
    assert not again.is_on_work
    if alice.is_on_work:
        alice.finished(spent_s)
    assert not alice.is_on_work


# -- an outcome that has to be written back ----------------------------------------------------


def owing(wrap_up_s: float | None = 5.0) -> Agent:
    """Alice, whose call has ended at 10, and who has to write back its outcome."""
    alice = an_agent()
    assert alice.reserve("job", 1.0)
    alice.ringing(1.0)
    alice.talking(1.0)
    alice.finished(10.0, wrap_up_s, needs_outcome=True)
    return alice


@pytest.mark.parametrize("wrap_up_s", [0.0, 5.0])
def test_the_wrap_up_lasts_until_the_outcome_is_written(wrap_up_s: float) -> None:
    alice = owing(wrap_up_s)
    assert (state_of(alice), alice.outcome_due) == ("wrap_up", "job")
    assert alice.wrap_up_deadline is None
    assert not alice.wrap_up_ends(1000.0)
    alice.write_outcome("another", 1000.0)
    assert state_of(alice) == "wrap_up"
    alice.write_outcome("job", 1000.0)
    assert (state_of(alice), alice.outcome_due) == ("available", None)


def test_an_outcome_that_is_written_in_time_leaves_the_wrap_up_as_it_is() -> None:
    alice = owing()
    alice.write_outcome("job", 12.0)
    assert (state_of(alice), alice.wrap_up_deadline) == ("wrap_up", 15.0)


def test_an_outcome_that_was_written_during_the_call_is_not_asked_for() -> None:
    alice = an_agent()
    alice.reserve("job", 1.0)
    alice.ringing(1.0)
    alice.talking(1.0)
    alice.write_outcome("job", 2.0)
    alice.finished(10.0, 0.0, needs_outcome=True)
    assert (state_of(alice), alice.outcome_due) == ("available", None)
    talks(alice, 20.0, 30.0)
    alice.reserve("next", 31.0)
    alice.ringing(31.0)
    alice.talking(31.0)
    alice.finished(40.0, 0.0, needs_outcome=True)
    assert alice.outcome_due == "next"


def test_an_agent_who_logs_out_instead_is_paused_after_the_login() -> None:
    alice = owing()
    alice.logout(11.0)
    alice.login(20.0)
    assert (state_of(alice), alice.reason) == ("paused", "the outcome of job is missing")
    alice.write_outcome("job", 21.0)
    assert state_of(alice) == "available"


def test_a_restart_forgets_no_outcome() -> None:
    alice = owing()
    later = an_agent()
    later.restore(alice.image(), 20.0)
    later.interrupted(20.0)
    assert (state_of(later), later.outcome_due) == ("wrap_up", "job")


def test_who_was_paused_for_a_line_and_has_none_any_more_is_free_after_a_restart() -> None:
    alice = an_agent(permanent=True)
    alice.line(False, 10.0)
    assert (state_of(alice), alice.paused_by) == ("paused", "line")
    assert state_of(restarted(alice, 20.0, permanent=True)) == "paused"
    assert state_of(restarted(alice, 20.0)) == "available"
