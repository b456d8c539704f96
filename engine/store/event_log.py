"""The event log: numbered events on the disk, the newest ones in memory, and the listeners.

An event is encoded once, when it is published: that takes a microsecond, no later change of what
it was made of can reach it. It goes into the same transaction as whatever is saved in that turn of
the loop, and listeners hear of it once that is on the disk: nobody has seen what a crash
forgets, and no number is used twice.

`watch` is for the engine's own parts: a watcher is called at once, so that what it saves is in
the event's transaction.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from .batch import EventRow
from .event_table import Found
from .kept_events import LINE_BEGIN, LINE_END, Event, KeptEvents
from .store import Store

log = structlog.get_logger()

Context = Mapping[str, Any] | msgspec.Raw
Watcher = Callable[[Mapping[str, Any]], None]

_new_row = tuple.__new__  # the class itself makes a row in two calls more

NOT_SAVED = "engine.not_saved"
_STILL_SAID = ("seq", "epoch", "time", "job", "call", "agent")

Listener = Callable[[Event], None]


class Gap(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What a replay cannot give: events `from_` to `to`; `to` is None where nobody can know."""

    from_: int
    """The number of the first event that is missing."""
    to: int | None
    """That of the last one; null: nobody can know."""
    reason: str
    """`evicted`: no longer kept; `epoch`: they belong to another log."""


def encode_event(encoder: msgspec.json.Encoder, params: Mapping[str, Any]) -> bytes:
    """An event notification as a line of the control protocol."""
    return LINE_BEGIN + encoder.encode(params) + LINE_END


class LogStore(Protocol):
    """Where the events of a log are kept. `keeps_events`: also those that memory has no more."""

    @property
    def keeps_events(self) -> bool:
        """Whether `events_after` finds events."""

    def append(self, event: EventRow, instead: Callable[[], EventRow] | None = None) -> None:
        """Keep an event; see Store.append."""

    def published(self) -> None:
        """An event was appended, with all that watchers published because of it."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Change rows of events; see Store.execute."""

    async def events_after(self, seq: int, until: int, types: tuple[str, ...]) -> Found:
        """A page of the log; see Store.events_after."""


class _MemoryAlone:
    """Keeps nothing: events are delivered as soon as the watchers have seen them."""

    keeps_events = False

    def __init__(self, deliver: Callable[[list[EventRow]], None]) -> None:
        self._deliver = deliver
        self._appended: list[EventRow] = []

    def append(self, event: EventRow, instead: Callable[[], EventRow] | None = None) -> None:
        """See LogStore."""
        self._appended.append(event)

    def published(self) -> None:
        """See LogStore."""
        appended, self._appended = self._appended, []
        self._deliver(appended)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """See LogStore."""

    async def events_after(self, seq: int, until: int, types: tuple[str, ...]) -> Found:
        """See LogStore."""
        return [], until


class EventLog:
    """Numbers, stamps, keeps and hands out events.

    Without `attach` it is in memory alone: events are delivered at once, and `capacity` events and
    `capacity_bytes` bytes of them are kept at most, the newest ones. With it these bound only what
    is held in memory.
    """

    def __init__(
        self,
        *,
        epoch: str | None = None,
        capacity: int = 100_000,
        capacity_bytes: int = 64 << 20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.epoch = epoch or secrets.token_hex(8)
        self.seq = 0  # published
        self.delivered = 0  # the newest that listeners have heard: it is on the disk
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._clock = clock
        self._store: LogStore = _MemoryAlone(self._deliver)
        self._oldest_stored = 1
        self._kept = KeptEvents()
        self._listeners: dict[Listener, None] = {}
        self._watchers: list[tuple[Watcher, Collection[str] | None]] = []
        self._of_type: dict[str, list[Watcher]] = {}  # found once for each type
        self._to_watch: deque[Mapping[str, Any]] = deque()
        self._is_watching = False
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._encoder = msgspec.json.Encoder()

    def attach(self, store: Store) -> None:
        """Keep the events in `store`, just opened, and go on where its log ends.

        Before the first event is published.
        """
        kept = store.kept_log
        self.epoch = kept.epoch
        self.seq = self.delivered = kept.newest
        self._oldest_stored = kept.oldest
        self._store = store
        store.listen(self._deliver)

    # -- publishing -------------------------------------------------------------------------

    def publish(
        self,
        type: str,
        *,
        job: str | None = None,
        call: str | None = None,
        leg: str | None = None,
        agent: str | None = None,
        queue: str | None = None,
        context: Context | None = None,
        if_saved: bool = False,
        **fields: Any,
    ) -> int:
        """Publish an event of `type`; gives its sequence number. What is None is left out.

        `if_saved`: it is of something that is saved durably in this turn of the loop. Where that
        cannot be written, it is undone, and NOT_SAVED is published in place of the event.
        """
        self.seq = seq = self.seq + 1
        now = self._clock()
        params: dict[str, Any] = {"seq": seq, "epoch": self.epoch, "time": now, "type": type}
        if job is not None:
            params["job"] = job
        if call is not None:
            params["call"] = call
        if leg is not None:
            params["leg"] = leg
        if agent is not None:
            params["agent"] = agent
        if queue is not None:
            params["queue"] = queue
        if context is not None:
            params["context"] = context
        for name, value in fields.items():
            if value is not None:
                params[name] = value
        row = _new_row(EventRow, (seq, now, type, self._encoded(params)))
        self._store.append(row, partial(self._not_saved, params) if if_saved else None)
        if self._watchers:
            self._show(params)
        if not self._is_watching:
            self._store.published()
        return seq

    def _encoded(self, params: dict[str, Any]) -> bytes:
        """The event in JSON. What a peer has sent that is no text has marks in its place."""
        try:
            return self._encoder.encode(params)
        except UnicodeEncodeError:
            log.warning("event_not_text", type=params["type"])
            for name, value in params.items():
                if not isinstance(value, msgspec.Raw):  # which is text already
                    params[name] = _readable(msgspec.to_builtins(value))
            return self._encoder.encode(params)

    def _not_saved(self, params: Mapping[str, Any]) -> EventRow:
        """What is published instead of an event."""
        kept = {name: params[name] for name in _STILL_SAID if name in params}
        body = self._encoder.encode({**kept, "type": NOT_SAVED, "of": params["type"]})
        return EventRow(params["seq"], params["time"], NOT_SAVED, body)

    def _show(self, params: Mapping[str, Any]) -> None:
        """Show the event to the watchers; one that is published by a watcher has to wait."""
        if self._is_watching:
            self._to_watch.append(params)
            return
        self._is_watching = True
        while True:
            for watcher in self._watchers_of(params["type"]):
                try:
                    watcher(params)
                except Exception:
                    # A defect there must not end the call that the event is about.
                    log.exception("event_watcher_died", type=params["type"])
            if not self._to_watch:
                break
            params = self._to_watch.popleft()
        self._is_watching = False

    def _deliver(self, rows: list[EventRow]) -> None:
        """These are on the disk."""
        kept, listeners = self._kept, self._listeners
        for seq, _time, type, body in rows:
            event = Event(seq, type, LINE_BEGIN + body + LINE_END)
            self.delivered = seq
            kept.append(event)
            if kept.size_bytes > self._capacity_bytes or len(kept) > self._capacity:
                self._drop_oldest()
            for listener in tuple(listeners):  # one may go away while it listens
                listener(event)
        while self._waiters and self._waiters[0][0] <= self.delivered:
            waiter = self._waiters.popleft()[1]
            if not waiter.done():
                waiter.set_result(None)

    def _drop_oldest(self) -> None:
        kept = self._kept
        while len(kept) > self._capacity or (
            kept.size_bytes > self._capacity_bytes and len(kept) > 1
        ):
            kept.drop_oldest()

    async def settled(self) -> None:
        """Wait until everything published so far has been delivered."""
        if self.delivered < self.seq:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((self.seq, waiter))
            await waiter

    # -- what is kept -----------------------------------------------------------------------

    @property
    def kept_bytes(self) -> int:
        """The size of the events in memory: `capacity_bytes` at most."""
        return self._kept.size_bytes

    @property
    def oldest(self) -> int:
        """The number of the oldest event that can be had; `delivered + 1` when none can."""
        return self._oldest_stored if self._store.keeps_events else self.oldest_in_memory

    @property
    def oldest_in_memory(self) -> int:
        """The sequence number of the oldest event that `after` gives; `delivered + 1` when none."""
        oldest = self._kept.oldest
        return self.delivered + 1 if oldest is None else oldest

    def after(self, seq: int) -> Iterator[Event]:
        """The delivered events after `seq` that are in memory. Publish nothing while iterating."""
        return self._kept.after(seq)

    async def stored_after(self, seq: int, types: tuple[str, ...]) -> tuple[list[Event], int]:
        """Events of `types` (prefixes; none: all) from the disk, the next after `seq`, and how far
        they reach.

        What was cut off meanwhile is left out: look at `oldest` afterwards. Raises StoreError.
        """
        rows, through = await self._store.events_after(seq, self.oldest_in_memory - 1, types)
        found = [Event(seq, type, LINE_BEGIN + body + LINE_END) for seq, type, body in rows]
        return found, through

    def gap(self, since: int, epoch: str | None) -> Gap | None:
        """What a listener who has everything up to `since` (of `epoch`) has missed for good."""
        if since > self.delivered or (epoch is not None and epoch != self.epoch):
            return Gap(since + 1, None, "epoch")
        if since + 1 < self.oldest:
            return Gap(since + 1, self.oldest - 1, "evicted")
        return None

    def cut(self, through: int) -> None:
        """Keep the events up to `through` no longer; the newest one always stays."""
        through = min(through, self.delivered - 1)
        if through < self.oldest:
            return
        self._oldest_stored = through + 1
        while self._kept and self.oldest_in_memory <= through:
            self._kept.drop_oldest()
        self._store.execute("DELETE FROM events WHERE seq <= ?", (through,))

    def rewrite(self, seq: int, params: Mapping[str, Any]) -> None:
        """Keep `params` in the place of what event `seq` has, in memory and on the disk.

        Only to erase personal data: who heard the event before keeps what they heard.
        """
        body = self._encoder.encode(params)
        kind = str(params["type"])
        self._kept.replace(Event(seq, kind, LINE_BEGIN + body + LINE_END))
        self._store.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))

    # -- who hears of them ------------------------------------------------------------------

    def watch(self, watcher: Watcher, types: Collection[str] | None = None) -> None:
        """Call `watcher` with the parameters of each event of `types` (None: of each) as it is
        published.

        They are its own only during the call. It must be quick and must not raise; whatever it
        saves is in one transaction with the event.
        """
        self._watchers.append((watcher, types))
        self._of_type.clear()

    def _watchers_of(self, type: str) -> list[Watcher]:
        found = self._of_type.get(type)
        if found is None:
            found = [one for one, types in self._watchers if types is None or type in types]
            self._of_type[type] = found
        return found

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each event from now on, once it is on the disk, in order.

        It must not raise.
        """
        self._listeners[listener] = None

    def forget(self, listener: Listener) -> None:
        """Stop calling `listener`. Does nothing when it does not listen."""
        self._listeners.pop(listener, None)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)


def _readable(value: Any) -> Any:
    """The same with U+FFFD in place of what is no character."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value
