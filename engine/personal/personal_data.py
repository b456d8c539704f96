"""Hands out what is kept of a person, and erases it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import EngineError
from ..job import Job
from ..recordings.library import RecordingLibrary
from ..reports.history import History
from ..reports.job_view import job_view
from ..routing.blocking.do_not_call import DoNotCall
from ..store import recording_files
from ..store.event_log import EventLog
from ..store.store import Store
from . import collection, scrub
from .person import ERASED, Person

Item = tuple[str, dict[str, Any]]

_ERASED_PARAMS: Final = msgspec.json.encode({ERASED: True}).decode()


class PersonalData:
    """What the store and the directory of recordings have of one person.

    `calls_of` gives the ids of the calls of the person that are up now. Each of `forget`
    gives up what a part holds in memory of a number (E.164; None: of no number), and of these jobs
    and calls. Where a method takes `one_id`, that of a job or call of the person, it is about that
    and nothing else of them.
    """

    def __init__(
        self,
        store: Store,
        events: EventLog,
        history: History,
        do_not_call: DoNotCall,
        *,
        recordings: RecordingLibrary,
        calls_of: Callable[[Person], Iterable[str]],
        forget: Iterable[Callable[[str | None, Collection[str]], None]],
    ) -> None:
        self._store = store
        self._events = events
        self._history = history
        self._do_not_call = do_not_call
        self._recordings = recordings
        self._calls_of = calls_of
        self._forget = tuple(forget)

    # -- to hand out ------------------------------------------------------------------------

    async def items(
        self, person: Person, now: float, one_id: str | None = None
    ) -> AsyncIterator[Item]:
        """All that is kept, as pairs of a kind and what it says, in a stable order.

        Kinds: job, record, event, audit, recording, blocked. Raises StoreError.
        """
        traces = await self._traces(person, one_id)
        for job in traces.jobs:
            yield "job", dict(job_view(job))
        for id, record in traces.records:
            yield "record", record | traces.notes.get(id, {})
        async for _seq, event, is_theirs in collection.events_of(self._store, person, traces.ids):
            if is_theirs or one_id is None:
                yield "event", event
        async for _number, entry, is_theirs in collection.audit_of(self._store, person, traces.ids):
            if is_theirs or one_id is None:
                yield "audit", entry
        entries = await self._recordings.of_calls(traces.ids)
        for one in entries:
            yield "recording", {**one.view(), "bytes": one.bytes or 0}
        known = {str(Path(file)) for one in entries for file in (one.path, one.written)}
        for path in traces.recordings(self._recordings.directory):
            if str(path) in known:
                continue
            with contextlib.suppress(FileNotFoundError):
                yield "recording", {"path": str(path), "bytes": path.stat().st_size}
        blocked = self._do_not_call.find(person.e164, now)
        if blocked is not None and one_id is None:
            yield "blocked", msgspec.structs.asdict(blocked)

    async def items_of_request(
        self, request_id: str, who: str | None = None
    ) -> AsyncIterator[Item]:
        """What is kept of a request that made no job: what the audit log has of it.

        `who` is the client whose request it was; None: whoever. Raises StoreError.
        """
        async for _number, entry in self._audit_of_request(request_id, who):
            yield "audit", entry

    async def _audit_of_request(
        self, request_id: str, who: str | None
    ) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        nobody, ids = Person.unknown(), frozenset({request_id})
        # Nothing else is its own. It is read as for a job, so that how long it takes tells nothing.
        async for _event in collection.events_of(self._store, nobody, ids):
            pass
        await self._recordings.of_calls(ids)
        async for number, entry, _is_theirs in collection.audit_of(self._store, nobody, ids):
            if who is None or entry["who"] == who:
                yield number, entry

    async def record_of_call(self, call_id: str) -> dict[str, Any] | None:
        """The record of a call that came in; None where there is none. Raises StoreError."""
        found = await self._store.query(
            "SELECT body FROM records WHERE id = ? AND kind = 'call'", (call_id,)
        )
        return msgspec.json.decode(found[0][0]) if found else None

    # -- to erase ---------------------------------------------------------------------------

    async def erase(self, person: Person, one_id: str | None = None) -> dict[str, int]:
        """Erase all of it but the do-not-call entry; returns how much there was of each kind.

        Raises EngineError `state` while a job of the person is open or a call of theirs is up, and
        StoreError where it cannot be written now: what was written before stays erased.
        """
        traces = await self._traces(person, one_id)
        self._refuse_while_open(traces.jobs, person if one_id is None else None)
        only_theirs, ids = one_id is not None, {job.id for job in traces.jobs}
        erased = {
            "jobs": len(traces.jobs),
            "records": len(traces.records),
            "events": await self._erase_events(person, traces.ids, only_theirs=only_theirs),
            "audit": await self._erase_audit(person, traces.ids, only_theirs=only_theirs),
            "recordings": await self._delete_recordings(traces),
        }
        self._erase_jobs(traces.jobs, person)
        self._erase_records(traces, person)
        if one_id is None:
            await self._erase_mentions(person)
            self._history.forget(person.e164)
        else:
            self._history.forget_record(one_id)
            ids.add(one_id)
        for forget in self._forget:
            forget(person.e164 if one_id is None else None, ids)
        await self._store.flush()
        await self._store.overwrite_deleted()
        return erased

    async def erase_request(self, request_id: str, who: str | None = None) -> dict[str, int]:
        """Erase what is kept of a request that made no job; returns how much there was.

        `who` is the client whose request it was; None: whoever. Raises StoreError.
        """
        erased = dict.fromkeys(("jobs", "records", "events", "audit", "recordings"), 0)
        async for number, entry in self._audit_of_request(request_id, who):
            # Whose number the reason names is known no more.
            self._rewrite_audit(number, _ERASED_PARAMS, entry["reason"] and ERASED)
            erased["audit"] += 1
        await self._store.flush()
        await self._store.overwrite_deleted()
        return erased

    async def _traces(self, person: Person, one_id: str | None) -> collection.Traces:
        if one_id is None:
            return await collection.find_traces(self._store, person)
        return await collection.find_traces_of_one(self._store, one_id)

    def _refuse_while_open(self, jobs: Iterable[Job], person: Person | None) -> None:
        under_way = [job.id for job in jobs if not job.is_terminal]
        if under_way:
            raise EngineError(
                "state",
                f"{', '.join(under_way[:5])} has not ended: cancel it first",
                field="number",
                data={"jobs": under_way},
            )
        up = [] if person is None else sorted(self._calls_of(person))
        if up:
            raise EngineError(
                "state",
                f"call {', '.join(up[:5])} is up: hang it up first",
                field="number",
                data={"calls": up},
            )

    async def _delete_recordings(self, traces: collection.Traces) -> int:
        known = await self._recordings.delete_of(traces.ids, "person.erase")
        files = traces.recordings(self._recordings.directory)
        return known + await asyncio.to_thread(recording_files.delete, files)

    async def _erase_events(self, person: Person, ids: frozenset[str], *, only_theirs: bool) -> int:
        count = 0
        async for seq, event, is_theirs in collection.events_of(self._store, person, ids):
            if only_theirs and not is_theirs:
                continue
            kept = scrub.scrub_event(event, person) if is_theirs else person.without(event)
            self._events.rewrite(seq, kept)
            count += 1
        return count

    async def _erase_mentions(self, person: Person) -> None:
        """Replace the number in what is kept of others: what somebody noted, for instance."""
        for table, column, id, text in await collection.mentions_of(self._store, person):
            self._store.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (text, id))

    async def _erase_audit(self, person: Person, ids: frozenset[str], *, only_theirs: bool) -> int:
        count = 0
        async for number, entry, is_theirs in collection.audit_of(self._store, person, ids):
            if only_theirs and not is_theirs:
                continue
            params = _ERASED_PARAMS if is_theirs else person.without(entry["params"])
            self._rewrite_audit(number, params, person.without(entry["reason"]))
            count += 1
        return count

    def _rewrite_audit(self, number: int, params: str, reason: str | None) -> None:
        self._store.execute(
            "UPDATE audit SET params = ?, reason = ? WHERE number = ?", (params, reason, number)
        )

    def _erase_jobs(self, jobs: Iterable[Job], person: Person) -> None:
        for job in jobs:
            self._store.save(scrub.scrub_job(job, person))

    def _erase_records(self, traces: collection.Traces, person: Person) -> None:
        for id, record in traces.records:
            body = msgspec.json.encode(scrub.scrub_record(record, person))
            self._store.execute(
                "UPDATE records SET number = NULL, body = ? WHERE id = ?", (body, id)
            )
        for id in {*traces.notes, *(job.id for job in traces.jobs)}:
            self._store.execute("UPDATE annotations SET notes = ? WHERE id = ?", (b"[]", id))
