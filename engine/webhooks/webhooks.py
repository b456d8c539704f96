"""Webhooks: events posted to URLs, signed, in the order of each job, until they arrive."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import structlog
from pydantic import ValidationError

from config.reporting import NOTIFY_NAME, Notify
from config.reporting import Webhook as WebhookSettings

from ..errors import EngineError, refused_settings
from ..store.event_log import EventLog
from ..store.store import Store
from .receiver import Receiver, RequestReceiver, UrlReceiver
from .webhook import STORED_AS, Image, Webhook

log = structlog.get_logger()

ADDED = "webhook_added"
MOST_ADDED = 100


class Added(msgspec.Struct, kw_only=True):
    """A webhook that was added by command, as the store keeps it: what was given, in plain."""

    settings: dict[str, Any]


class Webhooks:
    """All webhooks. `open` before the first event, `start` once the engine runs.

    `url_of` gives the `notify_url` of a job's request; it may raise StoreError.
    """

    def __init__(
        self,
        settings: Iterable[WebhookSettings],
        events: EventLog,
        store: Store,
        *,
        notify: Notify,
        url_of: Callable[[str], str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._events = events
        self._store = store
        self._url_of = url_of
        self._configured = {one.name: one for one in settings}
        self._added: dict[str, WebhookSettings] = {}
        self.of_requests = Webhook(RequestReceiver(notify, url_of), events, store, clock=clock)
        self.by_name: dict[str, Webhook] = {}
        self._is_open = self._is_started = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take up what an earlier engine left. Raises StoreError."""
        kept = await self._store.load(STORED_AS, Image)
        self._take_up(await self._store.load(ADDED, Added))
        wanted = {NOTIFY_NAME: self.of_requests.receiver, **self._receivers()}
        for name in kept.keys() - wanted.keys():
            self._store.drop(STORED_AS, name)
        for name, receiver in wanted.items():
            webhook = self.of_requests
            if name != NOTIFY_NAME:
                webhook = Webhook(receiver, self._events, self._store, clock=self._clock)
                self.by_name[name] = webhook
            await webhook.restore(kept.get(name))
            # No event can have come since the last was read: nothing was waited for.
            self._events.listen(webhook.accept_event)
        self._is_open = True

    def _take_up(self, added: dict[str, Added]) -> None:
        for name, one in added.items():
            try:
                self._added[name] = _checked(one.settings)
            except EngineError as error:  # kept by another version
                log.error("webhook_left_out", webhook=name, reason=error.message)

    def _receivers(self) -> dict[str, Receiver]:
        """Whom the webhooks post to. One that is configured replaces one that was added."""
        for name in self._added.keys() & self._configured.keys():
            del self._added[name]
            self._store.drop(ADDED, name)
        found: dict[str, Receiver] = {
            name: UrlReceiver(one) for name, one in self._configured.items()
        }
        found |= {name: UrlReceiver(one, "added") for name, one in self._added.items()}
        return found

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        for webhook in self._all():
            webhook.shift(by_s)

    def start(self) -> None:
        """Begin to deliver."""
        self._is_started = True
        for webhook in self._all():
            webhook.start()

    async def stop(self) -> None:
        """Deliver nothing more."""
        for webhook in self._all():
            self._events.forget(webhook.accept_event)
            await webhook.stop()
            webhook.save()
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _all(self) -> list[Webhook]:
        return [*self.by_name.values(), self.of_requests] if self._is_open else []

    def reload(self, settings: Iterable[WebhookSettings], notify: Notify) -> None:
        """Deliver as configured now. A new webhook begins with the next event."""
        self._configured = {one.name: one for one in settings}
        if self.of_requests.receiver.settings != notify:
            self.of_requests.configure(RequestReceiver(notify, self._url_of))
        wanted = self._receivers()
        for name in self.by_name.keys() - wanted.keys():
            self._end(self.by_name.pop(name))
        for name, receiver in wanted.items():
            present = self.by_name.get(name)
            if present is None:
                self._begin(receiver)
            elif (present.receiver.settings, present.receiver.origin) != (
                receiver.settings,
                receiver.origin,
            ):
                present.configure(receiver)

    def _begin(self, receiver: Receiver) -> Webhook:
        webhook = Webhook(receiver, self._events, self._store, clock=self._clock)
        self.by_name[webhook.name] = webhook
        webhook.save()
        self._events.listen(webhook.accept_event)
        if self._is_started:
            webhook.start()
        return webhook

    def _end(self, webhook: Webhook) -> None:
        self._events.forget(webhook.accept_event)
        webhook.halt()
        self._store.drop(STORED_AS, webhook.name)
        leaving = asyncio.get_running_loop().create_task(webhook.stop())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    # -- by command -------------------------------------------------------------------------

    async def add_webhook(self, given: dict[str, Any]) -> Webhook:
        """Add a webhook, with the keys of the configuration. It begins with the next event.

        Raises EngineError `refused` and `conflict`, StoreError.
        """
        settings = _checked(given)
        name = settings.name
        if name in self.by_name or name == NOTIFY_NAME:
            raise EngineError("conflict", f"there is a webhook {name} already", field="webhook")
        if len(self._added) >= MOST_ADDED:
            reason = f"{MOST_ADDED} webhooks were added: remove one, or configure them"
            raise EngineError("refused", reason, field="webhook")
        self._added[name] = settings
        webhook = self._begin(UrlReceiver(settings, "added"))
        try:
            await self._store.put(ADDED, name, Added(settings=given), durable=True)
        except BaseException:
            if self.by_name.get(name) is webhook:
                self._end(self.by_name.pop(name))
                self._store.drop(ADDED, name)
                del self._added[name]
            raise
        return webhook

    async def remove(self, name: str) -> int:
        """Remove one that was added. Returns how many deliveries are not made.

        Raises EngineError `not_found`, `refused` for one that is configured, StoreError.
        """
        webhook = self.named(name)
        if name not in self._added:
            reason = f"webhook {name} is in the configuration: remove it there"
            raise EngineError("refused", reason, field="webhook")
        pending = len(webhook.deliveries)
        del self._added[name]
        self._end(self.by_name.pop(name))
        self._store.drop(ADDED, name)
        await self._store.flush()  # no crash brings it back
        return pending

    def named(self, name: str) -> Webhook:
        """The webhook of this name. Raises EngineError `not_found`."""
        webhook = self.of_requests if name == NOTIFY_NAME else self.by_name.get(name)
        if webhook is None:
            raise EngineError("not_found", f"there is no webhook {name}", field="webhook")
        return webhook

    def shown(self) -> dict[str, Webhook]:
        """All that are shown, by name: the one of requests only once one has a `notify_url`."""
        if self.of_requests.is_used:
            return {**self.by_name, NOTIFY_NAME: self.of_requests}
        return self.by_name


def _checked(given: Mapping[str, Any]) -> WebhookSettings:
    try:
        return WebhookSettings(**given)
    except ValidationError as error:
        raise refused_settings(error, "webhook") from error
