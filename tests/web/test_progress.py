"""What a visitor sees of a callback, and who is told when it changes."""

from typing import Any, get_args

import pytest

from engine.job import JobState
from web.progress import _STAGES, OVER, Followers, progress_of, queued


def job(**more: Any) -> dict[str, Any]:
    return {"id": "web-1", "state": "queued", "not_before": None} | more


def test_every_state_of_a_job_has_a_stage() -> None:
    assert _STAGES.keys() == set(get_args(JobState))


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("dialing_agent", "calling_agent"), ("whispering", "agent_found"),
        ("dialing_customer", "phone_ringing"), ("bridged", "talking"),
        ("completed", "completed"), ("expired", "failed"),
    ],
)  # fmt: skip
def test_stages(state: str, stage: str) -> None:
    assert progress_of("web-1", job(state=state))["stage"] == stage


def test_a_slot_is_shown() -> None:
    assert progress_of("web-1", job(not_before=5.0))["at"] == 5.0


def test_who_typed_the_number_of_another_sees_nothing_of_their_call() -> None:
    for state in _STAGES:
        found = progress_of("web-2", job(state=state, not_before=5.0))
        assert found == queued("web-2") or found["stage"] in OVER


async def test_followers_are_told_of_their_job_alone() -> None:
    followers = Followers(2)
    async with followers.following("a") as of_a, followers.following("b") as of_b:
        assert not followers.has_room_for("192.0.2.7/32")
        followers.tell("a")
        followers.tell("c")
        assert of_a.is_set() and not of_b.is_set()
        followers.tell_all()
        assert of_b.is_set()
    assert followers.has_room_for("192.0.2.7/32")
    assert not followers._of_visitors
    assert not followers._by_job


async def test_one_visitor_does_not_take_all_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.progress.MOST_OF_ONE_VISITOR", 2)
    followers = Followers(10)
    async with followers.following("a", "one"), followers.following("b", "one"):
        assert not followers.has_room_for("one")
        assert followers.has_room_for("other")
    assert followers.has_room_for("one")
