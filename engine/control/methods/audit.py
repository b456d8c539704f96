"""The method audit.list: the audit log, newest entry first."""

import contextlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta

from ...errors import Kind
from ...request import Params, UnixTime
from ...store.cursor import row_of
from ..connections.peer import Peer
from ..method import Method
from .pages import page_of

if TYPE_CHECKING:
    from ...store.store import Store

AuditOutcome = Literal[Kind, "done", "error"]
"""What became of a request: done, a kind of error, or another error."""

COLUMNS = (
    "number", "time", "who", "role", "peer", "method", "params", "outcome", "reason", "repeated",
)  # fmt: skip
# So many full entries fit on a line of the wire.
MOST_ENTRIES = 200


class AuditQuery(Params, rename={"from_": "from"}):
    """audit.list: those for which all that is given holds; `method` is the beginning of a name."""

    from_: UnixTime | None = None
    to: UnixTime | None = None
    who: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    method: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    outcome: AuditOutcome | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ENTRIES)] = 100
    cursor: Annotated[str, Meta(max_length=20)] | None = None


class AuditEntry(TypedDict):
    """Who asked for what, and what became of it."""

    number: int
    """Its number in the log."""
    time: float
    """When that was (Unix seconds)."""
    who: str
    """The user, token or right."""
    role: str
    """The role that they had."""
    peer: str
    """Where the connection came from."""
    method: str
    """The method."""
    params: Any
    """Its parameters, without secrets; where they are long, the beginning as text."""
    outcome: str
    """`done`, `refused`, or a kind of error."""
    reason: str | None
    """Why it was refused or failed."""
    repeated: int
    """How often it was refused again before this entry."""


class AuditPage(TypedDict):
    """audit.list."""

    entries: list[AuditEntry]
    """The entries, the latest first."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class AuditMethods:
    """What an administrator may ask of the audit log."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {"audit.list": Method(AuditQuery, self._list, is_large=True)}

    async def _list(self, params: AuditQuery, _peer: Peer) -> AuditPage:
        before = None if params.cursor is None else row_of(params.cursor, "audit.list")
        wanted: list[tuple[str, object]] = [
            ("time >= ?", params.from_),
            ("time < ?", params.to),
            ("who = ?", params.who),
            ("substr(method, 1, length(?)) = ?", params.method),
            ("outcome = ?", params.outcome),
            ("number < ?", before),
        ]
        clauses: list[str] = []
        values: list[object] = []
        for clause, value in wanted:
            if value is not None:
                clauses.append(clause)
                values += [value] * clause.count("?")
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        rows = await self._store.search(
            f"SELECT {', '.join(COLUMNS)} FROM audit {where} ORDER BY number DESC LIMIT ?",
            (*values, params.limit),
        )
        page = await page_of(rows, _entry, params.limit)
        last = page.last
        if last is None and len(rows) == params.limit:
            last = rows[-1]  # there may be more
        return {"entries": page.views, "cursor": None if last is None else str(last[0])}


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    entry = dict(zip(COLUMNS, row, strict=True))
    with contextlib.suppress(msgspec.DecodeError):  # only its beginning was kept
        entry["params"] = msgspec.json.decode(entry["params"] or "{}")
    return cast(AuditEntry, entry)
