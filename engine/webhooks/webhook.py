"""One webhook: the events that one receiver has still to get, and their way to it.

The event log is what is delivered. A webhook is a place in it: how far it has been read, and which
of the events up to there have not arrived. That is kept in the store, a moment after it changes,
so that after a crash an event may come twice (with the same id) and none is left out.
"""

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import structlog

from ..errors import EngineError
from ..store.errors import StoreError
from ..store.event_log import EventLog
from ..store.kept_events import Event
from ..store.store import Store
from .delivery_counts import DeliveryCounts
from .delivery_queue import Delivery, DeliveryPolicy, DeliveryQueue
from .log_reader import LogReader
from .outage import Outage
from .receiver import About, Receiver
from .signed_posts import SignedPosts
from .webhook_view import GivenUp, Retried, Tested, WebhookSummary, WebhookView

if TYPE_CHECKING:
    from config.reporting import Deliveries

log = structlog.get_logger()

STORED_AS = "webhook"
# What a webhook does is never sent by a webhook: one that fails would feed itself.
OWN_EVENTS = "webhook."
SAVE_DELAY_S = 0.5
# This many given-up deliveries are remembered, to be tried again by command.
MOST_GIVEN_UP = 1000
SHOWN_GIVEN_UP = 10
# Its position is stored after this number of events at the latest, also where none was for it.
SAVE_EVENTS = 1000
# An answer that says: nobody wants this any more (RFC 9110 section 15.5.11).
GONE = 410
MOST_GONE = 10_000
NOT_KEPT = "the event log no longer has it"


class Image(msgspec.Struct, kw_only=True):
    """A webhook as the store keeps it: the log is read up to `through`, `pending` is of that.

    `ended_url` is a hash of the URL whose receiver ended the deliveries; `gone` are the jobs for
    which one did that to its own.
    """

    through: int
    pending: list[tuple[int, int]] = []
    given_up: list[GivenUp] = []
    ended_at: float | None = None
    ended_url: str = ""
    gone: list[str] = []


_about = msgspec.json.Decoder(About).decode


class Webhook:
    """The way to one receiver. It gets events by `accept_event`, sends once `start` was called."""

    def __init__(
        self,
        receiver: Receiver,
        events: EventLog,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = receiver.name
        self.receiver = receiver
        self.ended_at: float | None = None
        self.counts = DeliveryCounts()
        self.given_up: deque[GivenUp] = deque(maxlen=MOST_GIVEN_UP)
        self._events = events
        self._store = store
        self._clock = clock
        self._posts = SignedPosts(clock)
        self._is_started = False
        self._is_halted = False
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._save_timer: asyncio.TimerHandle | None = None
        self._saved_at = 0
        self._gone: dict[str, None] = {}
        self._outage = Outage(self.name)
        self._log_reader = LogReader(events, store, self)
        self.deliveries = DeliveryQueue(
            _policy_of(receiver.settings), most_per_group=receiver.most_per_group
        )

    def configure(self, receiver: Receiver) -> None:
        """Deliver as configured now; what is pending stays so, and is tried at once.

        Where the deliveries had been ended, another URL begins with the next event.
        """
        if self.ended_at is not None and receiver.url != self.receiver.url:
            self._resume()
        self.receiver = receiver
        self.deliveries.policy = _policy_of(receiver.settings)
        if self._is_started:
            self.deliveries.hurry(self._clock())
            self._pump()
            self._log_reader.read_on_soon()

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        self.deliveries.shift(by_s)

    # -- what is to be delivered ------------------------------------------------------------

    async def restore(self, image: Image | None) -> None:
        """Take up what an earlier engine left, or begin with the next event. Raises StoreError."""
        if image is None:
            self.save()
            return
        self.given_up.extend(image.given_up)
        self._gone = dict.fromkeys(image.gone)
        if image.ended_at is not None:
            if image.ended_url == self._url_hash:
                self.ended_at = image.ended_at
            self.save()
            return
        self._log_reader.fall_behind(image.through)
        attempts = dict(image.pending)
        for seq, kind, body in await self._log_reader.stored(list(attempts)):
            self.take_in(seq, kind, body, attempts.pop(seq))
        for seq in attempts:
            self._give_up(seq, "", attempts[seq], NOT_KEPT)
        await self._log_reader.read_on()

    @property
    def types(self) -> tuple[str, ...]:
        """The beginnings of the types of events that it delivers."""
        return self.receiver.types

    def has_room(self, share: float = 1.0) -> bool:
        """Whether one more is held in memory: no more than this share of the most."""
        return len(self.deliveries) < self._settings.max_pending * share

    def skip(self, first: int, last: int) -> None:
        """The log was cut before these were read: nobody knows whether they were for us."""
        self._note_given_up(first, "", 0, NOT_KEPT)
        log.error("webhook_too_far_behind", webhook=self.name, first=first, last=last)
        self._publish_failed(first, last, 0, NOT_KEPT)

    def read_some(self) -> None:
        """Events were read from the log."""
        self._save_soon()
        self._pump()

    def accept_event(self, event: Event) -> None:
        """An event is on the disk."""
        if not self._log_reader.keeps_up or self.ended_at is not None:
            return
        if event.seq - self._saved_at >= SAVE_EVENTS:
            self._save_soon()
        if not event.type.startswith(self.receiver.types):
            return
        if not self.has_room():
            self._log_reader.fall_behind(event.seq - 1)
            self._save_soon()
            log.warning("webhook_behind", webhook=self.name, pending=len(self.deliveries))
            return
        try:
            is_taken = self.take_in(event.seq, event.type, event.body)
        except StoreError:  # whose it is cannot be read now
            self._log_reader.fall_behind(event.seq - 1)
            self._log_reader.read_on_soon()
            return
        if is_taken:
            self._pump()

    def take_in(self, seq: int, kind: str, body: bytes, attempts: int = 0) -> bool:
        """Take in an event, where it is for the receiver. Whether it is. Raises StoreError."""
        if kind.startswith(OWN_EVENTS):
            return False
        about = _about(body)
        subject = about.subject()
        target = None if subject in self._gone else self.receiver.target(about)
        if target is None:
            return False
        delivery = Delivery(
            seq, kind, subject, body, url=target.url, group=target.group, attempts=attempts
        )
        self.deliveries.add_delivery(delivery, self._clock())
        self._save_soon()
        return True

    # -- sending ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver."""
        self._is_started = True
        self._pump()
        self._log_reader.read_on_soon()

    def halt(self) -> None:
        """Begin no delivery and keep nothing any more."""
        for timer in (self._timer, self._save_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._save_timer = None
        self._is_halted = True
        self._log_reader.halt()

    async def stop(self) -> None:
        """Deliver nothing more; what is under way counts as not delivered."""
        self.halt()
        await self._log_reader.stop()
        tasks = list(self._sending)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._posts.close()

    def _pump(self) -> None:
        """Send what is due, as much as may be sent at once."""
        if not self._is_started or self._is_halted:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        while len(self._sending) < self._settings.connections:
            delivery = self.deliveries.start_next(now)
            if delivery is None:
                due_at = self.deliveries.next_due_at
                if due_at is not None:
                    self._timer = loop.call_later(max(0.0, due_at - now), self._pump)
                return
            task = loop.create_task(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled():
            if error := task.exception():
                log.error("webhook_died", webhook=self.name, exc_info=error)
            self._pump()
            self._log_reader.read_on_soon()

    async def _send(self, delivery: Delivery) -> None:
        id, url = f"{self._events.epoch}-{delivery.seq}", self.receiver.url or delivery.url
        answer = await self._posts.post(
            self.receiver, url, id, delivery.body, attempt=delivery.attempts
        )
        now = self._clock()
        if answer.error is None:
            self.counts.count_delivered(now)
            self._outage.delivered(now)
            self.deliveries.delivered(delivery, now)
        elif answer.status == GONE and not delivery.is_dropped:
            self._end(delivery, answer.error, now)
        else:
            self._failed(delivery, answer.error, answer.after_s, now)
        self._save_soon()

    def _failed(self, delivery: Delivery, reason: str, after_s: float | None, now: float) -> None:
        self.counts.count_failure(reason, now)
        self._outage.failed(reason, now)
        if self.deliveries.failed(delivery, now, after_s):
            self._give_up(delivery.seq, delivery.type, delivery.attempts, reason)

    # -- a receiver that wants no more --------------------------------------------------------

    def _end(self, delivery: Delivery, reason: str, now: float) -> None:
        """The receiver is gone for good: it gets nothing more, not even what is pending."""
        self.counts.count_failure(reason, now)
        if self.receiver.ends_as_one:
            dropped = self.deliveries.drop()
            self.ended_at = now
            self._log_reader.catch_up_at_once()
        else:
            dropped = self.deliveries.drop(delivery.subject)
            self._gone[delivery.subject] = None
            if len(self._gone) > MOST_GONE:
                del self._gone[next(iter(self._gone))]
        self.deliveries.delivered(delivery, now)
        log.warning("webhook_ended", webhook=self.name, reason=reason, dropped=dropped)
        job = None if self.receiver.ends_as_one else delivery.subject
        self._events.publish(
            "webhook.ended",
            webhook=self.name,
            job=job,
            event=delivery.seq,
            undelivered=dropped,
            reason=reason,
        )

    def _resume(self) -> None:
        """Deliver again, from the next event on."""
        self.ended_at = None
        self._save_soon()

    @property
    def _url_hash(self) -> str:
        return hashlib.sha256(self.receiver.url.encode()).hexdigest()

    @property
    def _settings(self) -> "Deliveries":
        return self.receiver.settings

    # -- what is given up ---------------------------------------------------------------------

    def _give_up(self, seq: int, kind: str, attempts: int, reason: str) -> None:
        self._note_given_up(seq, kind, attempts, reason)
        self._outage.gave_up(reason, self._clock())
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
        self.counts.given_up += 1
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
        self._saved_at = self._events.delivered
        image = Image(
            through=self._log_reader.through,
            pending=self.deliveries.pending(),
            given_up=list(self.given_up),
            ended_at=self.ended_at,
            ended_url="" if self.ended_at is None else self._url_hash,
            gone=list(self._gone),
        )
        self._store.put(STORED_AS, self.name, image)

    # -- by command -------------------------------------------------------------------------

    def view(self) -> WebhookView:
        """The webhook as it is shown. Passwords and tokens in its URL are not."""
        url, sites, queues = self.receiver.describe()
        counts = self.counts
        return {
            "webhook": self.name,
            "origin": self.receiver.origin,
            "url": url,
            "types": list(self.receiver.types),
            "sites": sites,
            "queues": queues,
            "pending": len(self.deliveries),
            "behind": self._log_reader.behind,
            "under_way": self.deliveries.under_way,
            "next_attempt_at": self.deliveries.next_due_at,
            "delivered": counts.delivered,
            "failures": counts.failures,
            "given_up": len(self.given_up),
            "last_delivered_at": counts.last_delivered_at,
            "last_error": self.counts.last_error,
            "last_error_at": self.counts.last_error_at,
            "ended_at": self.ended_at,
            "latest_given_up": list(self.given_up)[: -SHOWN_GIVEN_UP - 1 : -1],
        }

    @property
    def is_used(self) -> bool:
        """Whether there was anything to deliver since the engine started, or is."""
        counts = self.counts
        return bool(len(self.deliveries) or counts.delivered or counts.failures or self.given_up)

    def summary(self) -> WebhookSummary:
        """How it goes, in a few words."""
        return {
            "webhook": self.name,
            "pending": len(self.deliveries),
            "given_up": len(self.given_up),
            "last_error": self.counts.last_error,
            "last_error_at": self.counts.last_error_at,
            "ended_at": self.ended_at,
        }

    async def test(self) -> Tested:
        """Send an event of its own at once, and only once. Raises EngineError."""
        if not self._is_started or self._is_halted:
            raise EngineError("unavailable", "the engine delivers nothing yet")
        if not self.receiver.url:
            reason = f"{self.name} has no URL of its own: it posts to those of requests"
            raise EngineError("refused", reason, field="webhook")
        now, epoch = self._clock(), self._events.epoch
        about = {"epoch": epoch, "time": now, "type": "webhook.test", "webhook": self.name}
        body = msgspec.json.encode(about)
        id = f"{epoch}-test-{secrets.token_hex(8)}"
        began = time.perf_counter()
        answer = await self._posts.post(self.receiver, self.receiver.url, id, body, attempt=1)
        return {
            "delivered": answer.error is None,
            "status": answer.status,
            "error": answer.error,
            "took_s": round(time.perf_counter() - began, 3),
        }

    async def retry(self, event: int | None) -> Retried:
        """Try what was given up once more, all or one event; and at once what waits for its turn.

        Where the receiver had ended the deliveries, they begin again.

        Raises EngineError `not_found`, StoreError.
        """
        wanted = [one for one in self.given_up if event is None or one.seq == event]
        if event is not None and not wanted:
            reason = f"webhook {self.name} has not given up event {event}"
            raise EngineError("not_found", reason, field="event")
        found = await self._log_reader.stored([one.seq for one in wanted])
        if self.ended_at is not None:
            self._resume()
        known = {seq for seq, _kind, _body in found}
        wanted_seqs = {one.seq for one in wanted}
        kept = [one for one in self.given_up if one.seq not in wanted_seqs]
        self.given_up = deque(kept, maxlen=MOST_GIVEN_UP)
        for seq, kind, body in found:
            self.take_in(seq, kind, body)
        self.deliveries.hurry(self._clock())
        self._save_soon()
        self._pump()
        return {"retried": len(known), "not_kept": len(wanted_seqs - known)}


def _policy_of(settings: "Deliveries") -> DeliveryPolicy:
    return DeliveryPolicy(
        max_attempts=settings.max_attempts,
        retry_s=settings.retry_s,
        retry_most_s=settings.retry_most_s,
    )
