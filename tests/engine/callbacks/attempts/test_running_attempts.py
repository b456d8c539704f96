"""Attempts under way: one of each job, cancelled once, and never lost by a defect."""

import asyncio
from pathlib import Path
from unittest.mock import patch

import pytest

from engine.callbacks.attempts.attempt import Attempt
from engine.callbacks.attempts.running_attempts import STOPPED, RunningAttempts
from engine.callbacks.open_jobs import OpenJobs
from engine.callbacks.retry import INTERRUPTED, Outcome
from engine.errors import EngineError
from engine.job import Job
from tests.support.jobs import callback_job
from tests.support.scene import Scene, run_scene

Over = list[tuple[str, Outcome]]


def running(stage: Scene) -> tuple[RunningAttempts, Over]:
    over: Over = []
    attempts = RunningAttempts(
        stage.services,
        shared=stage.for_attempts(OpenJobs()),
        on_over=lambda attempt, outcome: over.append((attempt.job.id, outcome)),
    )
    return attempts, over


def test_an_attempt_is_under_way_until_it_is_over(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        attempts.start(callback_job(), "alice", None)
        assert len(attempts) == 1 and "job-1" in attempts
        under_way = attempts.get("job-1")
        assert under_way is not None and under_way.job.id == "job-1"
        assert attempts.get("another") is None and attempts.get(None) is None
        assert not await attempts.idle(1.0)
        (await stage.phone()).refuses(486)
        assert await attempts.idle(10.0)
        ((name, outcome),) = over
        assert (name, outcome.result, len(attempts)) == ("job-1", "busy", 0)

    run_scene(tmp_path, script)


def test_a_party_that_cannot_be_dialled_begins_no_attempt(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        with pytest.raises(EngineError, match="nobody"):
            attempts.start(callback_job(), "nobody", None)
        assert len(attempts) == 0 and over == [] and await attempts.idle(0.1)

    run_scene(tmp_path, script)


def test_an_attempt_is_cancelled_once(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        under_test = callback_job()
        attempts.start(under_test, "alice", None)
        phone = await stage.phone()
        first = attempts.cancel(under_test, Outcome("cancelled", "cancelled", "by command"))
        again = attempts.cancel(under_test, Outcome("failed", "failed", "too late"))
        assert first is again
        await asyncio.wait([first])
        await asyncio.sleep(0)
        assert phone.is_hung_up
        assert [outcome.cause for _job, outcome in over] == ["by command"]

    run_scene(tmp_path, script)


def test_one_that_is_cancelled_before_its_first_step_says_why(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        under_test = callback_job()
        attempts.start(under_test, "alice", None)
        attempts.cancel(under_test, Outcome("cancelled", "cancelled", "by command"))
        assert await attempts.idle(1.0)
        ((_name, outcome),) = over
        assert (outcome.state, outcome.cause) == ("cancelled", "by command")

    run_scene(tmp_path, script)


def test_a_defect_ends_one_attempt_and_is_said(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        with patch.object(Attempt, "run", side_effect=KeyError("defect")):
            attempts.start(callback_job(), "alice", None)
            assert await attempts.idle(1.0)
        ((_name, outcome),) = over
        assert (outcome.state, outcome.cause) == ("failed", "internal error: KeyError")

    run_scene(tmp_path, script)


def test_a_stop_interrupts_those_who_are_not_joined(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        attempts, over = running(stage)
        talks, rings = callback_job(), Job(id="job-2", request=callback_job().request, created=0.0)
        attempts.start(talks, "alice", None)
        for _ in range(2):
            (await stage.phone()).answers()
        await asyncio.sleep(1)
        assert talks.state == "bridged"
        attempts.start(rings, "alice", None)
        (await stage.phone()).rings()
        stopped = await attempts.stop()
        assert {attempt.job.id for attempt in stopped} == {"job-1", "job-2"}
        outcomes = {name: (outcome.result, outcome.cause) for name, outcome in over}
        assert outcomes == {"job-1": ("failed", STOPPED), "job-2": (INTERRUPTED, STOPPED)}

    run_scene(tmp_path, script)
