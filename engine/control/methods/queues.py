"""The methods of the control protocol that are about queues: queue.*."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from msgspec import Meta

from ...acd.availability import Availability, SlotQuery
from ...acd.queue import QueueView
from ...acd.queue_entry import EntryView, Key
from ...acd.queue_views import QueueExplanation
from ...errors import BadParams
from ...request import Identifier, Params, Places, one_of
from ..connections.peer import Peer
from ..method import Method
from ..params import SECONDS_PER_MIN, Days, SlotCallbacks, SlotMin
from .pages import Paged, after_named, cursor_at, page_of

if TYPE_CHECKING:
    from ...acd.queues import Queues
    from ...callbacks.slot_bookings import SlotBookings


class QueueRef(Params):
    """queue.get, queue.pause, queue.resume."""

    queue: Identifier


class QueueQuery(Paged):
    """queue.list: in the order of the configuration."""


class QueueEntries(Params):
    """queue.entries: who waits in `queue`, the next one first; or who waits as `id` alone."""

    queue: Identifier | None = None
    id: Identifier | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=64)] | None = None

    def __post_init__(self) -> None:
        one_of(("queue", "id"), {"queue": self.queue, "id": self.id})


class QueueExplain(Params):
    """queue.explain: of the first who waits in `queue`, or of who waits as `id`."""

    queue: Identifier | None = None
    id: Identifier | None = None

    def __post_init__(self) -> None:
        one_of(("queue", "id"), {"queue": self.queue, "id": self.id})


class AvailabilityQuery(Params):
    """queue.availability: with the hours of `days` days from now.

    With `slot_min` also the slots of that many minutes in them that have room, each for
    `slot_callbacks` (None: for as many as the queue has agents). `taken` are places in it of which
    the engine does not know.
    """

    queue: Identifier
    days: Days = 7
    slot_min: SlotMin | None = None
    slot_callbacks: SlotCallbacks | None = None
    taken: Places = 0


class EntryMove(Params):
    """queue.move: let who waits as `id` wait in `queue`."""

    id: Identifier
    queue: Identifier


class EntryRef(Params):
    """queue.remove."""

    id: Identifier


class QueueViews(TypedDict):
    """queue.list."""

    queues: list[QueueView]
    """The queues."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class EntryPage(TypedDict):
    """queue.entries."""

    queue: str | None
    """The queue; null: the one entry waits for an agent alone."""
    entries: list[EntryView]
    """Who waits in it, first in line first."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class QueueMethods:
    """What a client may do with queues and their entries. `bookings`: callbacks for later."""

    def __init__(self, queues: "Queues", bookings: "SlotBookings") -> None:
        self._queues = queues
        self._bookings = bookings

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "queue.list": Method(QueueQuery, self._list, is_large=True),
            "queue.get": Method(QueueRef, self._get, is_costly=True),
            "queue.entries": Method(QueueEntries, self._entries, is_large=True),
            "queue.explain": Method(QueueExplain, self._explain, is_costly=True),
            "queue.availability": Method(AvailabilityQuery, self._availability, is_costly=True),
            "queue.move": Method(EntryMove, self._move),
            "queue.remove": Method(EntryRef, self._remove),
            "queue.pause": Method(QueueRef, self._pause),
            "queue.resume": Method(QueueRef, self._resume),
        }

    async def _list(self, params: QueueQuery, _peer: Peer) -> QueueViews:
        named = self._queues.shown()
        wanted = after_named(named, params.cursor, "queue.list")
        page = await page_of(wanted, self._queues.views.viewer(), params.limit)
        cursor = None if page.last is None else cursor_at(named, page.last.name or "")
        return {"queues": page.views, "cursor": cursor}

    def _get(self, params: QueueRef, _peer: Peer) -> QueueView:
        return self._queues.views.view(params.queue)

    def _availability(self, params: AvailabilityQuery, _peer: Peer) -> Availability:
        slots = None
        if params.slot_min is not None:
            length_s = params.slot_min * SECONDS_PER_MIN
            slots = SlotQuery(length_s, params.slot_callbacks, self._bookings.due_times)
        views = self._queues.views
        return views.availability(params.queue, params.days, slots, taken=params.taken)

    async def _entries(self, params: QueueEntries, _peer: Peer) -> EntryPage:
        if params.id is not None:
            entry = self._queues.views.entry_view(params.id)
            return {"queue": entry["queue"], "entries": [entry], "cursor": None}
        # One more than asked for, to know whether there is a next page.
        found = self._queues.views.entries(
            params.queue or "", _read(params.cursor), params.limit + 1
        )
        waiting = (entry for entry in found if not entry.is_over)
        page = await page_of(waiting, self._queues.views.view_entry, params.limit)
        return {
            "queue": params.queue,
            "entries": page.views,
            "cursor": None if page.last is None else _cursor(page.last.key),
        }

    def _explain(self, params: QueueExplain, _peer: Peer) -> QueueExplanation:
        if params.id is not None:
            return self._queues.views.entry_explained(params.id)
        return self._queues.views.explained(params.queue or "")

    def _move(self, params: EntryMove, _peer: Peer) -> EntryView:
        self._queues.move(params.id, params.queue)
        return self._queues.views.entry_view(params.id)

    def _remove(self, params: EntryRef, _peer: Peer) -> EntryView:
        view = self._queues.views.entry_view(params.id)
        self._queues.remove(params.id)
        return {**view, "state": "withdrawn"}

    def _pause(self, params: QueueRef, _peer: Peer) -> QueueView:
        self._queues.pause(params.queue)
        return self._queues.views.view(params.queue)

    def _resume(self, params: QueueRef, _peer: Peer) -> QueueView:
        self._queues.pause(params.queue, paused=False)
        return self._queues.views.view(params.queue)


def _cursor(key: Key) -> str:
    return ":".join(map(repr, key))


def _read(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        priority, joined_at, seq = cursor.split(":")
        return int(priority), float(joined_at), int(seq)
    except ValueError as error:
        raise BadParams("cursor", "is not one that was given") from error
