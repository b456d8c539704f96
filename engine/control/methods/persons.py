"""The methods about what is kept of a person: person.export and person.erase."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta

from ...personal.person import Person
from ...request import Params, Target
from ...store.cursor import row_of
from ..method import Method
from ..peer import Peer

if TYPE_CHECKING:
    from ...personal.personal_data import PersonalData
    from ...store.event_log import EventLog

PAGE_BYTES = 512 * 1024


class PersonExport(Params):
    """person.export: all that is kept of a person; `cursor` is that of the page before."""

    number: Target
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    cursor: Annotated[str, Meta(max_length=20)] | None = None


class PersonErase(Params):
    """person.erase: erase all that is kept of the person with this number."""

    number: Target


class PersonItem(TypedDict):
    """One thing that is kept of a person."""

    kind: Literal["job", "record", "event", "audit", "recording", "blocked"]
    """What it is."""
    data: dict[str, Any]
    """What it says: a recording has `path` and `bytes`, the others are as their methods show."""


class PersonPage(TypedDict):
    """person.export."""

    number: str
    """The number in E.164."""
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
    """What an administrator may ask about a person. `region` is the country of short numbers."""

    def __init__(
        self, personal: "PersonalData", events: "EventLog", region: Callable[[], str]
    ) -> None:
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
        person = Person.of(params.number, self._region())
        skipped = 0 if params.cursor is None else row_of(params.cursor, "person.export")
        shown: list[PersonItem] = []
        cursor = None
        size = count = 0
        kind: Any
        async for kind, what in self._personal.items(person, time.time()):
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
        person = Person.of(params.number, self._region())
        erased: dict[str, Any] = dict(await self._personal.erase(person))
        self._events.publish("person.erased", by=peer.who or None, **erased)
        return cast(Erased, erased)
