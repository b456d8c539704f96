"""Jobs that wait in a queue, and the talk of one."""

import asyncio
from typing import Any

from engine.job import Job, RetryRule
from tests.support.jobs import new_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene


def queued(job_id: str = "job-1", **request: Any) -> Job:
    """A job for the queue, or for the agent that is named."""
    asked: dict[str, Any] = {"agent": None, "queue": "sales"} | request
    if asked["agent"] is not None:
        asked["queue"] = None
    return new_job(job_id, **asked)


async def talks(stage: Scene, job: Job) -> tuple[ScriptedPhone, ScriptedPhone]:
    """Both sides answer."""
    agent = await stage.phone()
    agent.answers()
    customer = await stage.phone()
    customer.answers()
    await asyncio.sleep(0.1)
    assert job.state == "bridged"
    return agent, customer


def later(job_id: str = "job-1") -> Job:
    """A job whose customer, when busy, is tried again after 1000 s."""
    rule = RetryRule(attempts=2, spacing_s=(1000.0,))
    return queued(job_id, retry={"busy": rule}, max_attempts=2)
