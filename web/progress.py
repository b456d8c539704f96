"""How far a callback is, in the words of a visitor, and who is told when that changes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypedDict

Stage = Literal[
    "queued", "calling_agent", "agent_found", "phone_ringing", "talking", "completed", "cancelled",
    "failed",
]  # fmt: skip

_STAGES: Mapping[str, Stage] = {
    "queued": "queued",
    "poisoned": "queued",
    "dialing_agent": "calling_agent",
    "whispering": "agent_found",
    "dialing_customer": "phone_ringing",
    "holding": "talking",
    "bridged": "talking",
    "completed": "completed",
    "cancelled": "cancelled",
    "failed": "failed",
    "expired": "failed",
}
OVER = frozenset({"completed", "cancelled", "failed"})


class Progress(TypedDict):
    """What a visitor sees of a callback."""

    id: str
    """The public id."""
    stage: Stage
    """How far it is."""
    at: float | None
    """When they will be called, where that is later (Unix seconds)."""


def queued(callback_id: str) -> Progress:
    """What is shown of a callback of which nothing may be known."""
    return {"id": callback_id, "stage": "queued", "at": None}


def progress_of(callback_id: str, job: Mapping[str, Any]) -> Progress:
    """How far a job is.

    A request that joined another's job learns only whether it is over: who types the number of
    somebody else must not see when their phone rings.
    """
    stage = _STAGES[job["state"]]
    if job["id"] != callback_id and stage not in OVER:
        return queued(callback_id)
    return {"id": callback_id, "stage": stage, "at": job.get("not_before")}


def is_over(progress: Progress) -> bool:
    """Whether nothing more follows."""
    return progress["stage"] in OVER


MOST_OF_ONE_VISITOR = 64
"""Many may share an address, and each follows a callback or two."""


class Followers:
    """Who is told of which job. Each has the last word alone: what is overtaken is left out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._of_visitors: Counter[str] = Counter()
        self._by_job: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def has_room_for(self, visitor: str) -> bool:
        """Whether one more may follow, at this address."""
        return self._count < self._most and self._of_visitors[visitor] < MOST_OF_ONE_VISITOR

    @asynccontextmanager
    async def following(self, job_id: str, visitor: str = "") -> AsyncIterator[asyncio.Event]:
        """An event that is set each time the job may have changed."""
        changed = asyncio.Event()
        self._by_job[job_id].add(changed)
        self._count += 1
        self._of_visitors[visitor] += 1
        try:
            yield changed
        finally:
            self._count -= 1
            self._of_visitors[visitor] -= 1
            if not self._of_visitors[visitor]:
                del self._of_visitors[visitor]
            self._by_job[job_id].discard(changed)
            if not self._by_job[job_id]:
                del self._by_job[job_id]

    def tell(self, job_id: str) -> None:
        """The job may have changed."""
        for changed in self._by_job.get(job_id, ()):
            changed.set()

    def tell_all(self) -> None:
        """Events may have been missed."""
        for job_id in list(self._by_job):
            self.tell(job_id)
