"""Positions that are held in a queue for callers who will be called back.

A caller chooses a callback, hears that they keep their position, and is hung up. The position stays
taken until the callback joins the queue, so that nobody behind it moves up and back again.
"""

from ...errors import EngineError
from ..queue import CallQueue
from ..queue_entry import Entry
from ..waiting import Leave, Offer, Waiting


class HeldPositions:
    """The held positions, by the id of the job that will wait there."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Entry, CallQueue]] = {}

    def get(self, job_id: str) -> Entry | None:
        """The entry that holds a position for this job, if one does."""
        return self._held.get(job_id, (None,))[0]

    def hold(self, entry: Entry, queue: CallQueue, job_id: str, now: float) -> None:
        """`entry` has just left `queue`: hold its position for the job."""
        waiting = entry.waiting
        place = Entry(
            waiting=Waiting(
                id=job_id,
                kind="callback",
                on_offer=_not_offered,
                on_leave=_not_offered,
                queue=queue.name,
                joined_at=waiting.joined_at,
                priority=waiting.priority,
                number=waiting.number,
            ),
            seq=entry.seq,
            arrived_at=entry.arrived_at,
            entered_at=entry.entered_at,
            priority=entry.priority,
            queue=queue.name,
            skills=dict(entry.skills),
            state="held",
            centre=entry.centre,
        )
        place.set_key()
        queue.add_entry(place, now)
        self._held[job_id] = (place, queue)

    def release(self, job_id: str, now: float) -> Entry | None:
        """Release the position. Returns the entry that held it; None if there is none."""
        place, queue = self._held.pop(job_id, (None, None))
        if place is not None and queue is not None:
            queue.remove_entry(place, now)
        return place


def _not_offered(_what: Offer | Leave) -> None:
    raise EngineError("state", "nobody waits at a held position yet")
