"""A job as the control protocol shows it."""

import json

import msgspec

from engine.job import AttemptRecord, OfferRecord
from engine.reports.job_view import JobView, job_view
from tests.support.jobs import callback_job
from tests.support.recorded import leg


def test_the_view_has_every_member_that_is_declared_and_no_other() -> None:
    assert job_view(callback_job()).keys() == JobView.__annotations__.keys()


def test_what_was_asked_for_stands_beside_what_became_of_it() -> None:
    attempt = AttemptRecord(call="call-1", legs=[leg("agent", 10.0, 12.0, 20.0)], result="busy")
    job = callback_job(
        "job-1",
        to="+442079460000",
        queue="sales",
        context={"name": "Anna"},
        numbers=["+442079460001"],
        priority=3,
        state="queued",
        created=5.0,
        next_attempt_at=60.0,
        attempts=[attempt],
        offers=[OfferRecord(agent="alice", offered=9.0)],
        crashes=1,
    )
    view = job_view(job)
    assert (view["id"], view["to"], view["queue"], view["priority"]) == (
        "job-1", "+442079460000", "sales", 3,
    )  # fmt: skip
    assert (view["state"], view["created"], view["next_attempt_at"]) == ("queued", 5.0, 60.0)
    assert (view["context"], view["numbers"]) == ({"name": "Anna"}, ["+442079460001"])
    assert (view["attempts"], view["crashes"]) == ([attempt], 1)
    assert [offer.agent for offer in view["offers"]] == ["alice"]


def test_it_can_be_written_as_json_in_every_state() -> None:
    for state in ("queued", "bridged", "poisoned", "completed", "expired"):
        written = json.loads(msgspec.json.encode(job_view(callback_job(state=state))))
        assert (written["state"], written["cost"], written["decision"]) == (state, None, None)
