"""The methods about what is kept of a person: person.export and person.erase."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta

from ...errors import EngineError
from ...personal.person import ERASED, Person
from ...request import JobId, Params, Target, one_of
from ...store.cursor import row_of
from ..connections.peer import Peer
from ..method import Method

if TYPE_CHECKING:
    from ...job import Job
    from ...personal.personal_data import PersonalData
    from ...store.event_log import EventLog

PAGE_BYTES = 512 * 1024


class PersonExport(Params):
    """person.export: all that is kept of a person, or of one of their jobs alone.

    `cursor` is that of the page before.
    """

    number: Target | None = None
    job: JobId | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    cursor: Annotated[str, Meta(max_length=20)] | None = None

    def __post_init__(self) -> None:
        one_of(("number", "job"), {"number": self.number, "job": self.job})


class PersonErase(Params):
    """person.erase: erase all that is kept of the person with this number, or of one job alone."""

    number: Target | None = None
    job: JobId | None = None

    def __post_init__(self) -> None:
        one_of(("number", "job"), {"number": self.number, "job": self.job})


class PersonItem(TypedDict):
    """One thing that is kept of a person."""

    kind: Literal["job", "record", "event", "audit", "recording", "blocked"]
    """What it is."""
    data: dict[str, Any]
    """What it says: a recording has `path` and `bytes`, the others are as their methods show."""


class PersonPage(TypedDict):
    """person.export."""

    number: str
    """The number in E.164; `erased` of a job that was erased."""
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
    """What is asked about a person. `region` is the country of short numbers."""

    def __init__(
        self,
        personal: "PersonalData",
        events: "EventLog",
        find_job: "Callable[[str], Job | None]",
        region: Callable[[], str],
    ) -> None:
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
        person = self._person(params)
        if person is None:
            return {"number": ERASED, "items": [], "cursor": None}
        skipped = 0 if params.cursor is None else row_of(params.cursor, "person.export")
        shown: list[PersonItem] = []
        cursor = None
        size = count = 0
        kind: Any
        async for kind, what in self._personal.items(person, time.time(), params.job):
            count += 1
            if count <= skipped:
                continue
            size += len(msgspec.json.encode(what))
            if len(shown) == params.limit or (shown and size > PAGE_BYTES):
                cursor = str(skipped + len(shown))
                break
            shown.append({"kind": kind, "data": what})
        return {"number": person.e164, "items": shown, "cursor": cursor}

    async def _erase(self, params: PersonErase, peer: Peer) -> Erased:
        person = self._person(params)
        if person is None:
            return {"jobs": 0, "records": 0, "events": 0, "audit": 0, "recordings": 0}
        erased: dict[str, Any] = dict(await self._personal.erase(person, params.job))
        self._events.publish("person.erased", by=peer.who or None, **erased)
        return cast(Erased, erased)

    def _person(self, params: PersonExport | PersonErase) -> Person | None:
        """Whom the number names, or the job calls; None where the job was erased already.

        Raises EngineError `not_found`, `refused`.
        """
        if params.job is None:
            return Person.of(params.number or "", self._region())
        job = self._find_job(params.job)
        if job is None:
            raise EngineError("not_found", f"there is no job {params.job}", field="job")
        if job.request.to == ERASED:
            return None
        return Person.of(job.called or job.request.to, self._region())
