"""One webhook: the events that one receiver has still to get, and their way to it.

The event log is what is delivered. A webhook is a place in it: how far it has been read, and which
of the events up to there have not arrived. That is kept in the store, a moment after it changes,
so that after a crash an event may come twice (with the same id) and none is left out.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict

import msgspec
import structlog

from config.reporting import Webhook as WebhookSettings

from ..errors import EngineError
from ..store.errors import StoreError
from ..store.event_log import Event, EventLog
from ..store.store import Store
from .delivery_queue import Delivery, DeliveryPolicy, DeliveryQueue
from .signature import ID, SIGNATURE, TIMESTAMP, key_of, sign
from .url_secrets import without_secrets

if TYPE_CHECKING:
    from .sender import Sender

log = structlog.get_logger()

STORED_AS = "webhook"
# What a webhook does is never sent by a webhook: one that fails would feed itself.
OWN_EVENTS = "webhook."
SAVE_DELAY_S = 0.5
# This many given-up deliveries are remembered, to be tried again by command.
MOST_GIVEN_UP = 1000
SHOWN_GIVEN_UP = 10
# The log is read again after so long, where it could not be.
READ_AGAIN_S = 1.0
NOT_KEPT = "the event log no longer has it"


class GivenUp(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A delivery that will not be made unless a person says so."""

    seq: int
    """The number of the event."""
    type: str
    """Its type; empty where the log has lost it."""
    time: float
    """When it was given up (Unix seconds)."""
    attempts: int = 0
    """How often it was tried."""
    reason: str
    """Why the last attempt failed."""


class WebhookSummary(TypedDict):
    """How a webhook does."""

    webhook: str
    """The name."""
    pending: int
    """How many deliveries wait."""
    given_up: int
    """How many were given up and can be tried again."""
    last_error: str | None
    """Why the last failed attempt failed."""
    last_error_at: float | None
    """When that was (Unix seconds)."""


class WebhookView(WebhookSummary):
    """A webhook."""

    url: str
    """Where events are posted, without passwords and tokens."""
    types: list[str]
    """The beginnings of the types of events that are posted; empty: all."""
    behind: int
    """How many events of the log it has not read yet."""
    under_way: int
    """How many deliveries are being made."""
    next_attempt_at: float | None
    """When the next delivery is tried (Unix seconds)."""
    delivered: int
    """How many were delivered since the start."""
    failures: int
    """How many attempts failed since the start."""
    last_delivered_at: float | None
    """When one was last delivered (Unix seconds)."""
    latest_given_up: list[GivenUp]
    """The deliveries that were given up last, the latest first."""


class Retried(TypedDict):
    """webhook.retry."""

    retried: int
    """How many are tried again."""
    not_kept: int
    """How many the event log no longer has."""


class Image(msgspec.Struct, kw_only=True):
    """A webhook as the store keeps it: the log is read up to `through`, `pending` is of that."""

    through: int
    pending: list[tuple[int, int]] = []
    given_up: list[GivenUp] = []


class Subject(msgspec.Struct):
    """What an event is about."""

    job: str | None = None
    call: str | None = None
    agent: str | None = None
    queue: str | None = None

    def name(self) -> str:
        """Events with the same one are delivered in order."""
        return self.job or self.call or self.agent or self.queue or ""


_subject_of = msgspec.json.Decoder(Subject).decode


class Webhook:
    """One receiver. It gets events by `accept_event`, sends once `start` was called."""

    def __init__(
        self,
        settings: WebhookSettings,
        events: EventLog,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = settings.name
        self.delivered = 0
        self.given_up: deque[GivenUp] = deque(maxlen=MOST_GIVEN_UP)
        self.given_up_count = 0
        self.failures = 0
        self._events = events
        self._store = store
        self._clock = clock
        self._sender: Sender | None = None
        self._is_halted = False
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._save_timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self._last_error: str | None = None
        self._last_error_at: float | None = None
        self._last_delivered_at: float | None = None
        self._read_through: int | None = None  # where it stays behind; None: it keeps up
        self.deliveries = DeliveryQueue(_policy_of(settings))
        self.configure(settings)

    def configure(self, settings: WebhookSettings) -> None:
        """Deliver as configured now; what is pending stays so, and is tried at once."""
        self.settings = settings
        self._types = tuple(settings.types)
        self._key = key_of(settings.secret.get_secret_value())
        self.deliveries.policy = _policy_of(settings)
        if self._sender is not None:
            self.deliveries.hurry(self._clock())
            self._pump()
            self._read_on_soon()

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.deliveries.shift(by_s)

    # -- what is to be delivered ------------------------------------------------------------

    async def restore(self, image: Image | None) -> None:
        """Take up what an earlier engine left, or begin with the next event. Raises StoreError."""
        if image is None:
            self.save()
            return
        self._read_through = image.through
        self.given_up.extend(image.given_up)
        attempts = dict(image.pending)
        for seq, kind, body in await self._stored(list(attempts)):
            self._add(seq, kind, body, attempts.pop(seq))
        for seq in attempts:
            self._give_up(seq, "", attempts[seq], NOT_KEPT)
        await self._read_on()

    async def _read_on(self) -> None:
        """Take in what follows, until the log ends or there is no room. Raises StoreError."""
        events = self._events
        while self._read_through is not None and not self._is_halted:
            if self._read_through >= events.delivered:
                self._read_through = None  # from here on events are taken as they come
                return
            if self._read_through + 1 < events.oldest:
                self._skip(self._read_through + 1, events.oldest - 1)
            found, through = await self._store.events_after(
                self._read_through, events.delivered, self._types
            )
            while found and self.deliveries.has_room:
                self._add(*found.pop(0))
            # What there was no room for is read again.
            self._read_through = found[0][0] - 1 if found else through
            self._pump()
            if found:
                return

    def _read_on_soon(self) -> None:
        """Go on reading, where there is something to read, and room for more than a few."""
        is_behind = self._read_through is not None and not self._is_halted
        has_room = len(self.deliveries) <= self.settings.max_pending // 2
        if is_behind and has_room and self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            await self._read_on()
        except StoreError as error:
            log.warning("webhook_cannot_read", webhook=self.name, reason=error.message)
            await asyncio.sleep(READ_AGAIN_S)
        finally:
            self._reading = None
        self._save_soon()
        self._read_on_soon()

    def _skip(self, first: int, last: int) -> None:
        """The log was cut before these were read: nobody knows whether they were for us."""
        self._note_given_up(first, "", 0, NOT_KEPT)
        log.error("webhook_too_far_behind", webhook=self.name, first=first, last=last)
        self._publish_failed(first, last, 0, NOT_KEPT)
        self._read_through = last

    async def _stored(self, numbers: Sequence[int]) -> list[tuple[int, str, bytes]]:
        return await self._store.query(
            "SELECT seq, type, body FROM events"
            " WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (msgspec.json.encode(numbers).decode(),),
        )

    def accept_event(self, event: Event) -> None:
        """An event is on the disk."""
        if self._read_through is not None or not event.type.startswith(self._types):
            return
        if not self.deliveries.has_room:
            self._read_through = event.seq - 1
            self._save_soon()
            log.warning("webhook_behind", webhook=self.name, pending=len(self.deliveries))
            return
        self._add(event.seq, event.type, event.body)
        self._pump()

    def _add(self, seq: int, kind: str, body: bytes, attempts: int = 0) -> None:
        if kind.startswith(OWN_EVENTS):
            return
        delivery = Delivery(seq, kind, _subject_of(body).name(), body, attempts)
        self.deliveries.add_delivery(delivery, self._clock())
        self._save_soon()

    # -- sending ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver."""
        # The library is not loaded where there are no webhooks.
        from .sender import Sender

        self._sender = Sender()
        self._pump()
        self._read_on_soon()

    def halt(self) -> None:
        """Begin no delivery and keep nothing any more."""
        for timer in (self._timer, self._save_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._save_timer = None
        self._is_halted = True

    async def stop(self) -> None:
        """Deliver nothing more; what is under way counts as not delivered."""
        self.halt()
        tasks = [*self._sending, *([] if self._reading is None else [self._reading])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._sender is not None:
            await self._sender.close()
            self._sender = None

    def _pump(self) -> None:
        """Send what is due, as much as may be sent at once."""
        if self._sender is None or self._is_halted:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while len(self._sending) < self.settings.connections:
            delivery = self.deliveries.start_next(now)
            if delivery is None:
                due_at = self.deliveries.next_due_at
                if due_at is not None:
                    self._timer = loop.call_later(max(0.0, due_at - now), self._pump)
                return
            task = loop.create_task(self._send(delivery, self._sender))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled():
            if error := task.exception():
                log.error("webhook_died", webhook=self.name, exc_info=error)
            self._pump()
            self._read_on_soon()

    async def _send(self, delivery: Delivery, sender: "Sender") -> None:
        settings = self.settings
        id, timestamp = f"{self._events.epoch}-{delivery.seq}", int(self._clock())
        headers = {
            ID: id,
            TIMESTAMP: str(timestamp),
            SIGNATURE: sign(self._key, id, timestamp, delivery.body),
            "ringback-webhook": self.name,
            "ringback-attempt": str(delivery.attempts),
        }
        answer = await sender.post(settings.url, headers, delivery.body, settings.timeout_s)
        now = self._clock()
        if answer.error is None:
            self.delivered += 1
            self._last_delivered_at = now
            self.deliveries.delivered(delivery, now)
        else:
            self._failed(delivery, answer.error, answer.after_s, now)
        self._save_soon()

    def _failed(self, delivery: Delivery, reason: str, after_s: float | None, now: float) -> None:
        self.failures += 1
        if self._last_error is None or reason != self._last_error:
            log.warning("webhook_not_delivered", webhook=self.name, reason=reason)
        self._last_error, self._last_error_at = reason, now
        if self.deliveries.failed(delivery, now, after_s):
            self._give_up(delivery.seq, delivery.type, delivery.attempts, reason)

    def _give_up(self, seq: int, kind: str, attempts: int, reason: str) -> None:
        self._note_given_up(seq, kind, attempts, reason)
        log.error("webhook_given_up", webhook=self.name, seq=seq, reason=reason)
        self._publish_failed(seq, seq, attempts, reason)

    def _publish_failed(self, first: int, last: int, attempts: int, reason: str) -> None:
        self._events.publish(
            "webhook.failed",
            webhook=self.name,
            event=first,
            last_event=last,
            attempts=attempts,
            reason=reason,
        )

    def _note_given_up(self, seq: int, kind: str, attempts: int, reason: str) -> None:
        self.given_up_count += 1
        self.given_up.append(
            GivenUp(seq=seq, type=kind, time=self._clock(), attempts=attempts, reason=reason)
        )

    # -- keeping ----------------------------------------------------------------------------

    def _save_soon(self) -> None:
        if self._save_timer is None and not self._is_halted:
            self._save_timer = asyncio.get_running_loop().call_later(SAVE_DELAY_S, self.save)

    def save(self) -> None:
        """Keep how far it is."""
        self._save_timer = None
        image = Image(
            through=self._events.delivered if self._read_through is None else self._read_through,
            pending=self.deliveries.pending(),
            given_up=list(self.given_up),
        )
        self._store.put(STORED_AS, self.name, image)

    # -- by command -------------------------------------------------------------------------

    def view(self) -> WebhookView:
        """The webhook as it is shown. Passwords and tokens in its URL are not."""
        return {
            "webhook": self.name,
            "url": without_secrets(self.settings.url),
            "types": list(self._types),
            "pending": len(self.deliveries),
            "behind": self._behind,
            "under_way": self.deliveries.under_way,
            "next_attempt_at": self.deliveries.next_due_at,
            "delivered": self.delivered,
            "failures": self.failures,
            "given_up": len(self.given_up),
            "last_delivered_at": self._last_delivered_at,
            "last_error": self._last_error,
            "last_error_at": self._last_error_at,
            "latest_given_up": list(self.given_up)[: -SHOWN_GIVEN_UP - 1 : -1],
        }

    @property
    def _behind(self) -> int:
        read = self._events.delivered if self._read_through is None else self._read_through
        return self._events.delivered - read

    def summary(self) -> WebhookSummary:
        """How it goes, in a few words."""
        return {
            "webhook": self.name,
            "pending": len(self.deliveries),
            "given_up": len(self.given_up),
            "last_error": self._last_error,
            "last_error_at": self._last_error_at,
        }

    async def retry(self, event: int | None) -> Retried:
        """Try what was given up once more, all or one event; and at once what waits for its turn.

        Raises EngineError `not_found`, StoreError.
        """
        wanted = [one for one in self.given_up if event is None or one.seq == event]
        if event is not None and not wanted:
            reason = f"webhook {self.name} has not given up event {event}"
            raise EngineError("not_found", reason, field="event")
        found = await self._stored([one.seq for one in wanted])
        known = {seq for seq, _kind, _body in found}
        wanted_seqs = {one.seq for one in wanted}
        kept = [one for one in self.given_up if one.seq not in wanted_seqs]
        self.given_up = deque(kept, maxlen=MOST_GIVEN_UP)
        for seq, kind, body in found:
            self._add(seq, kind, body)
        self.deliveries.hurry(self._clock())
        self._save_soon()
        self._pump()
        return {"retried": len(known), "not_kept": len(wanted_seqs - known)}


def _policy_of(settings: WebhookSettings) -> DeliveryPolicy:
    return DeliveryPolicy(
        max_attempts=settings.max_attempts,
        retry_s=settings.retry_s,
        retry_most_s=settings.retry_most_s,
        max_pending=settings.max_pending,
    )
