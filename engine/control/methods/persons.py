"""The methods about what is kept of a person: person.export and person.erase."""

import time
from collections.abc import AsyncIterator, Callable, Container
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta

from ...errors import BadParams, EngineError
from ...personal.person import ERASED, Person
from ...request import Identifier, JobId, Params, Target, one_of
from ...store.cursor import row_of
from ..connections.peer import Peer
from ..method import Method

if TYPE_CHECKING:
    from ...job import Job
    from ...personal.personal_data import Item, PersonalData
    from ...store.event_log import EventLog

PAGE_BYTES = 512 * 1024


class _PersonRef(Params):
    """Whose data is meant: that of a number, or of one job, call or request of theirs alone."""

    number: Target | None = None
    job: JobId | None = None
    call: JobId | None = None
    request: JobId | None = None
    who: Identifier | None = None

    def __post_init__(self) -> None:
        names = ("number", "job", "call", "request")
        one_of(names, {name: getattr(self, name) for name in names})
        if self.who is not None and self.request is None:
            raise BadParams("who", "goes with request")


class PersonExport(_PersonRef):
    """person.export: all that is kept of a person, or of one job, call or request of theirs alone.

    `request` is the id of one that made no job, of the client `who` alone. `cursor` is that of the
    page before.
    """

    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    cursor: Annotated[str, Meta(max_length=20)] | None = None


class PersonErase(_PersonRef):
    """person.erase: erase all that is kept of the person with this number, or of one job or call
    alone.

    `request` is the id of a request that made no job, of the client `who` alone.
    """


class PersonItem(TypedDict):
    """One thing that is kept of a person."""

    kind: Literal["job", "record", "event", "audit", "recording", "blocked"]
    """What it is."""
    data: dict[str, Any]
    """What it says: a recording has `path` and `bytes`, the others are as their methods show."""


class PersonPage(TypedDict):
    """person.export."""

    number: str
    """The number in E.164; `erased` of a job or call that was erased, empty of a call without
    one, and of a request."""
    items: list[PersonItem]
    """What is kept, in a stable order."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class Erased(TypedDict):
    """person.erase: how much there was of each kind."""

    jobs: int
    """Jobs."""
    records: int
    """Records."""
    events: int
    """Events."""
    audit: int
    """Entries of the audit log."""
    recordings: int
    """Recordings, which are deleted."""


class PersonMethods:
    """What is asked about a person. `region` is the country of short numbers, `calls` are those
    that are up, by id."""

    def __init__(
        self,
        personal: "PersonalData",
        events: "EventLog",
        find_job: "Callable[[str], Job | None]",
        region: Callable[[], str],
        calls: Container[str],
    ) -> None:
        self._calls = calls
        self._find_job = find_job
        self._personal = personal
        self._events = events
        self._region = region

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "person.export": Method(PersonExport, self._export, is_large=True),
            "person.erase": Method(PersonErase, self._erase),
        }

    async def _export(self, params: PersonExport, _peer: Peer) -> PersonPage:
        person = await self._person(params)
        if person is None:
            return {"number": ERASED, "items": [], "cursor": None}
        skipped = 0 if params.cursor is None else row_of(params.cursor, "person.export")
        shown: list[PersonItem] = []
        cursor = None
        size = count = 0
        kind: Any
        async for kind, what in self._items(person, params):
            count += 1
            if count <= skipped:
                continue
            size += len(msgspec.json.encode(what))
            if len(shown) == params.limit or (shown and size > PAGE_BYTES):
                cursor = str(skipped + len(shown))
                break
            shown.append({"kind": kind, "data": what})
        return {"number": person.e164, "items": shown, "cursor": cursor}

    def _items(self, person: Person, params: PersonExport) -> "AsyncIterator[Item]":
        if params.request is not None:
            return self._personal.items_of_request(params.request, params.who)
        return self._personal.items(person, time.time(), params.job or params.call)

    async def _erase(self, params: PersonErase, peer: Peer) -> Erased:
        person = await self._person(params)
        if person is None:
            return {"jobs": 0, "records": 0, "events": 0, "audit": 0, "recordings": 0}
        if params.request is not None:
            counts = await self._personal.erase_request(params.request, params.who)
        else:
            counts = await self._personal.erase(person, params.job or params.call)
        erased: dict[str, Any] = dict(counts)
        self._events.publish("person.erased", by=peer.who or None, **erased)
        return cast(Erased, erased)

    async def _person(self, params: _PersonRef) -> Person | None:
        """Whom the number names, the job calls, or who has called; None where the job or call was
        erased already.

        Raises EngineError `not_found`, `refused`, `state`.
        """
        if params.call is not None:
            return await self._caller(params.call)
        if params.request is not None:
            return self._requester(params.request, params.who)
        if params.job is None:
            return Person.of(params.number or "", self._region())
        job = self._find_job(params.job)
        if job is None:
            raise EngineError("not_found", f"there is no job {params.job}", field="job")
        if job.request.to == ERASED:
            return None
        return Person.of(job.called or job.request.to, self._region())

    def _requester(self, request_id: str, who: str | None) -> Person:
        job = self._find_job(request_id)
        if job is not None and job.id == request_id and who in (None, job.requested_by):
            raise EngineError("state", f"request {request_id} made a job: give `job`", "request")
        return Person.unknown()

    async def _caller(self, call_id: str) -> Person | None:
        if call_id in self._calls:
            reason = f"call {call_id} is up: it has a record when it has ended"
            raise EngineError("state", reason, field="call")
        record = await self._personal.record_of_call(call_id)
        if record is None:
            raise EngineError("not_found", f"there is no record of call {call_id}", field="call")
        if record.get(ERASED):
            return None
        number = record.get("number")
        return Person.unknown() if number is None else Person.of(number, self._region())
