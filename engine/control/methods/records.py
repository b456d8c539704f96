"""The methods about records: record.get, history.get, record.list and callback.annotate."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta

from ...acd.outcomes import Outcomes
from ...errors import BadParams, EngineError
from ...job import Job
from ...reports.job_view import JobView, job_view
from ...reports.record_view import HistoryEntry, HistoryView, Record, RecordPage
from ...request import JobId, Params, Target
from ...store.annotations import annotate
from ...store.cursor import never_given, row_of
from ...store.filters import joined
from ...store.job_table import MOST_READ
from ..connections.peer import Peer
from ..method import Method
from ..params import JobRef, NumberOf, Search
from .pages import PAGE_BYTES, Slices, bounded

if TYPE_CHECKING:
    from ...calls.call import Call
    from ...reports.history import History
    from ...store.event_log import EventLog
    from ...store.store import Store

MOST_NOTES = 100
MOST_NOTES_BYTES = 128 * 1024


class Annotation(Params):
    """callback.annotate: what a person says of a callback or a call."""

    id: JobId
    notes: Annotated[str, Meta(min_length=1, max_length=4000)] | None = None
    outcome: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    rating: Annotated[int, Meta(ge=0, le=10)] | None = None

    def __post_init__(self) -> None:
        if self.notes is None and self.outcome is None and self.rating is None:
            raise BadParams("notes", "give notes, outcome or rating")


class HistoryQuery(Params):
    """history.get: a number, written as in a request."""

    number: Target
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class RecordQuery(Search, rename={"from_": "from"}):
    """record.list: in the order of request; `cursor` is that of the page before."""

    state: Literal["completed", "failed", "cancelled", "expired"] | None = None
    cursor: Annotated[str, Meta(max_length=32)] | None = None


class CallNotes(TypedDict):
    """callback.annotate of a call that came in."""

    id: str
    """The id of the call."""
    notes: list[str]
    """What people wrote about it."""
    outcome: str | None
    """The outcome that was written back."""
    rating: int | None
    """The rating that was written back, 0 to 10."""


_NOTES = "SELECT outcome, rating, notes FROM annotations WHERE id = ?"


class RecordMethods:
    """What a client may ask of the records, and write to them.

    `known` gives the job of an id, open or ended, or the one that the request of this id joined.
    `calls` are those that are up, by id; `outcomes` says which outcomes there are.
    """

    def __init__(
        self,
        store: "Store",
        events: "EventLog",
        history: "History",
        known: Callable[[str], Awaitable[Job | None]],
        calls: Mapping[str, "Call"],
        outcomes: Outcomes,
        *,
        number_of: NumberOf,
    ) -> None:
        self._number_of = number_of
        self._store = store
        self._events = events
        self._history = history
        self._known = known
        self._calls = calls
        self._outcomes = outcomes
        # Notes of a call are read before they are added to.
        self._annotating = asyncio.Lock()

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "record.get": Method(JobRef, self._get),
            "record.list": Method(RecordQuery, self._list, is_large=True),
            "history.get": Method(HistoryQuery, self._of),
            "callback.annotate": Method(Annotation, self._annotate),
        }

    async def _get(self, params: JobRef, _peer: Peer) -> Record:
        job = await self._known(params.id)
        found = await self._store.query(
            """
            SELECT body, a.outcome, a.rating, a.notes FROM records r
            LEFT JOIN annotations a ON a.id = r.id WHERE r.id = ?
            """,
            (params.id if job is None else job.id,),
        )
        if not found:
            if job is not None and not job.is_terminal:
                reason = f"job {job.id} has not ended: it has a record then"
                raise EngineError("state", reason, field="id")
            raise EngineError("not_found", f"there is no record {params.id}", field="id")
        return _record(*found[0])

    async def _list(self, params: RecordQuery, _peer: Peer) -> RecordPage:
        after = _read_cursor(params.cursor)
        columns, inside = params.wanted(self._number_of, params.state).of_records()
        # The index is entered where the page before ended.
        columns += [("created >= ?", (after[0],)), ("(created, r.rowid) > (?, ?)", after)]
        where, values = joined(columns)
        fits, more = joined(inside)
        most = MOST_READ if inside else params.limit
        found = await self._store.search(
            f"""
            SELECT CASE WHEN {fits} THEN body END, a.outcome, a.rating, a.notes, created, r.rowid
            FROM records r LEFT JOIN annotations a ON a.id = r.id WHERE {where}
            ORDER BY created, r.rowid LIMIT ?
            """,
            (*more, *values, most),
        )
        records: list[Record] = []
        size = seen = 0
        cursor = None
        slices = Slices()
        for body, outcome, rating, notes, created, number in found:
            await slices.pause()
            size += len(body or b"") + len(notes or b"")
            if len(records) == params.limit or (records and size > PAGE_BYTES):
                break
            if body is not None:
                records.append(_record(body, outcome, rating, notes))
            seen += 1
            cursor = f"{created!r}/{number}"
        is_last = seen == len(found) < most
        return {"records": records, "cursor": None if is_last else cursor}

    def _of(self, params: HistoryQuery, _peer: Peer) -> HistoryView:
        number = self._number_of(params.number)
        shown, _left_out = bounded(self._history.of(number, params.limit))
        return {"history": cast(list[HistoryEntry], shown)}

    async def _annotate(self, params: Annotation, _peer: Peer) -> JobView | CallNotes:
        async with self._annotating:
            return await self._annotate_next(params)

    async def _annotate_next(self, params: Annotation) -> JobView | CallNotes:
        job = await self._known(params.id)
        if job is not None:
            notes, queue = job.notes, job.request.queue
        else:
            notes, queue = await self._about_call(params.id)
        if params.outcome is not None:
            self._outcomes.check(params.outcome, queue)
        if params.notes is not None and len(notes) >= MOST_NOTES:
            raise EngineError("refused", f"it has {MOST_NOTES} notes already", field="notes")
        size = sum(len(note.encode()) for note in (*notes, params.notes or ""))
        if params.notes is not None and size > MOST_NOTES_BYTES:
            reason = f"its notes would be longer than {MOST_NOTES_BYTES} bytes"
            raise EngineError("refused", reason, field="notes")
        return await self._write(params, job, notes)

    async def _about_call(self, call_id: str) -> tuple[list[str], str | None]:
        """Notes and queue of a call that came in, which is up or has a record.

        Raises EngineError `not_found`.
        """
        call = self._calls.get(call_id)
        is_up = call is not None and call.job_id is None and call.direction == "inbound"
        found = await self._store.query(
            """
            SELECT a.notes, r.id, r.queue FROM (SELECT ? AS id) i
            LEFT JOIN annotations a ON a.id = i.id LEFT JOIN records r ON r.id = i.id
            """,
            (call_id,),
        )
        ((notes, record, queue),) = found
        if record is None and not is_up:
            raise EngineError("not_found", f"there is no callback or call {call_id}", field="id")
        if call is not None:
            queue = call.about.get("queue")
        return msgspec.json.decode(notes) if notes else [], queue

    async def _write(
        self, params: Annotation, job: Job | None, notes: list[str]
    ) -> JobView | CallNotes:
        """All in one transaction; answered once it is on the disk."""
        store = self._store
        notes = [*notes, params.notes] if params.notes is not None else notes
        now = time.time()
        annotated = params.id if job is None else job.id
        annotate(store, annotated, now, outcome=params.outcome, rating=params.rating, notes=notes)
        whose: dict[str, Any] = {"call": annotated}
        if job is not None:
            whose = job.about()
            job.notes = notes
            job.outcome = params.outcome if params.outcome is not None else job.outcome
            job.rating = params.rating if params.rating is not None else job.rating
            store.save(job)
        self._events.publish(
            "callback.annotated",
            notes=params.notes,
            outcome=params.outcome,
            rating=params.rating,
            **whose,
        )
        if params.outcome is not None:
            self._outcomes.written(annotated)
        await store.flush()
        if job is not None:
            return job_view(job)
        ((outcome, rating, _notes),) = await store.query(_NOTES, (params.id,))
        return {"id": params.id, "notes": notes, "outcome": outcome, "rating": rating}


def _record(body: bytes, outcome: str | None, rating: int | None, notes: bytes | None) -> Record:
    record: Record = msgspec.json.decode(body)
    record["outcome"], record["rating"] = outcome, rating
    record["notes"] = msgspec.json.decode(notes) if notes else []
    return record


def _read_cursor(cursor: str | None) -> tuple[float, int]:
    if cursor is None:
        return 0.0, -1
    created, _slash, row = cursor.partition("/")
    try:
        return float(created), row_of(row, "record.list")
    except ValueError as error:
        raise never_given("record.list") from error
