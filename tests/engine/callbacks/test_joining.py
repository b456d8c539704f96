"""What becomes of a further request for a number that an open job calls."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.callbacks.intake import AcceptedRequest
from engine.daemon import Daemon
from engine.errors import EngineError
from engine.job import Job
from engine.request import CallbackRequest
from engine.store.errors import StoreError
from tests.support.engines.in_process import RunningEngine

NUMBER = "+442079460123"
MONDAY = 4e9

Events = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def daemon(engine: RunningEngine) -> Daemon:
    return engine.daemon


@pytest.fixture
def published(daemon: Daemon) -> Events:
    """The events of a type so far."""
    found: list[dict[str, Any]] = []
    daemon.events.watch(lambda event: found.append(dict(event)))
    return lambda kind: [event for event in found if event["type"] == kind]


async def accept(daemon: Daemon, **params: Any) -> AcceptedRequest:
    given: dict[str, Any] = {"to": NUMBER, "agent": "alice"} | params
    return await daemon.intake.accept(CallbackRequest(**given))


async def booked(daemon: Daemon, **params: Any) -> Job:
    return (await accept(daemon, id="first", not_before=MONDAY, **params)).job


async def test_it_is_told_what_of_the_request_holds_and_what_does_not(
    daemon: Daemon, published: Events
) -> None:
    job = await booked(daemon, priority=5, context={"order": 17}, record=True)
    second = await accept(
        daemon, id="second", to="020 7946 0123", not_before=MONDAY, priority=5,
        context={"order": 18}, record=False, script="gold", join=True,
    )  # fmt: skip
    assert second.job is job
    assert second.joined is not None
    assert second.joined.kept == ["to", "agent", "priority", "not_before"]
    assert second.joined.dropped == ["context", "record", "script"]
    (event,) = published("callback.joined")
    assert (event["kept"], event["dropped"]) == (second.joined.kept, second.joined.dropped)
    assert job.request.context == {"order": 17}
    again = await accept(
        daemon, id="second", to="020 7946 0123", not_before=MONDAY, priority=5,
        context={"order": 18}, record=False, script="gold", join=True,
    )  # fmt: skip
    assert again.replayed
    assert again.joined == second.joined


async def test_call_me_now_after_a_booking_calls_now(daemon: Daemon, published: Events) -> None:
    job = await booked(daemon)
    assert job.next_due_at == MONDAY
    second = await accept(daemon)
    assert second.job is job
    assert second.joined is not None
    assert second.joined.kept == ["to", "agent"]
    assert job.request.not_before is None
    assert job.attempts or daemon.dispatcher.is_running(job)
    (event,) = published("callback.rescheduled")
    assert abs(event["not_before"] - time.time()) < 60


async def test_an_earlier_time_is_taken_and_a_later_one_is_not(
    daemon: Daemon, published: Events
) -> None:
    job = await booked(daemon)
    sooner = await accept(daemon, not_before=MONDAY - 5000)
    assert job.next_due_at == MONDAY - 5000
    assert sooner.joined is not None
    assert "not_before" in sooner.joined.kept
    later = await accept(daemon, not_before=MONDAY)
    assert later.joined is not None
    assert "not_before" in later.joined.dropped
    assert job.next_due_at == MONDAY - 5000
    assert len(published("callback.rescheduled")) == 1


async def test_nobody_is_called_sooner_than_phones_may_still_ring(daemon: Daemon) -> None:
    job = await booked(daemon)
    job.quiet_until = MONDAY - 5000
    await accept(daemon)
    assert job.next_due_at == MONDAY - 5000


async def test_a_job_about_which_somebody_decides_keeps_its_time(daemon: Daemon) -> None:
    job = await booked(daemon)
    job.decision = "needed"
    await accept(daemon)
    assert job.next_due_at == MONDAY


async def test_what_cannot_be_saved_has_changed_nothing(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await booked(daemon)
    with monkeypatch.context() as patched:

        async def fail() -> None:
            raise StoreError("disk_full", "the disk is full")

        save = daemon.store.save
        patched.setattr(
            daemon.store, "save", lambda one, durable=False: fail() if durable else save(one)
        )
        with pytest.raises(StoreError):
            await accept(daemon, not_before=MONDAY - 5000)
    assert (job.joined, job.next_due_at) == (0, MONDAY)
    assert daemon.intake.find("second") is None


async def test_the_same_request_in_other_words_is_the_same(daemon: Daemon) -> None:
    first = await accept(daemon, id="mine", not_before=MONDAY)
    again = await accept(
        daemon, id="mine", to="020 7946 0123", not_before=MONDAY, priority=0, record=False
    )
    assert (again.job, again.replayed) == (first.job, True)
    with pytest.raises(EngineError, match="other parameters"):
        await accept(daemon, id="mine", not_before=MONDAY, priority=1)
