"""Callback jobs for tests."""

import asyncio
from typing import Any

from engine.job import Job, Request


def callback_job(id: str = "job-1", **fields: Any) -> Job:
    """A job with these fields, be they of the job or of its request.

    Unless they say otherwise, alice is to call sip:bob, and the job is queued since time 0.
    """
    request: dict[str, Any] = {"to": "sip:bob@127.0.0.1:5090", "agent": "alice"}
    record: dict[str, Any] = {"created": 0.0}
    for name, value in fields.items():
        (request if name in Request.__struct_fields__ else record)[name] = value
    return Job(id=id, request=Request(**request), **record)


def new_job(id: str = "job-1", **fields: Any) -> Job:
    """The same, created now by the clock of the loop."""
    return callback_job(id, created=asyncio.get_running_loop().time(), **fields)
