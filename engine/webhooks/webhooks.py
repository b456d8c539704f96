"""Webhooks: events posted to URLs, signed, in the order of each job, until they arrive."""

import asyncio
import time
from collections.abc import Callable, Iterable

from config.reporting import Webhook as WebhookSettings

from ..errors import EngineError
from ..store.event_log import EventLog
from ..store.store import Store
from .webhook import STORED_AS, Image, Webhook, WebhookView


class Webhooks:
    """All webhooks. `open` before the first event, `start` once the engine runs."""

    def __init__(
        self,
        settings: Iterable[WebhookSettings],
        events: EventLog,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._events = events
        self._store = store
        self._settings = {one.name: one for one in settings}
        self.by_name: dict[str, Webhook] = {}
        self._is_started = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take up what an earlier engine left. Raises StoreError."""
        kept = await self._store.load(STORED_AS, Image)
        for name in kept.keys() - self._settings.keys():
            self._store.drop(STORED_AS, name)
        for name, settings in self._settings.items():
            await self._add(settings, kept.get(name))

    async def _add(self, settings: WebhookSettings, image: Image | None) -> None:
        webhook = Webhook(settings, self._events, self._store, clock=self._clock)
        await webhook.restore(image)
        # No event can have come since the last was read: nothing was waited for.
        self.by_name[settings.name] = webhook
        self._events.listen(webhook.accept_event)

    def shift(self, by_s: float) -> None:
        """The clock was stepped."""
        for webhook in self.by_name.values():
            webhook.shift(by_s)

    def start(self) -> None:
        """Begin to deliver."""
        self._is_started = True
        for webhook in self.by_name.values():
            webhook.start()

    async def stop(self) -> None:
        """Deliver nothing more."""
        for webhook in self.by_name.values():
            self._events.forget(webhook.accept_event)
            await webhook.stop()
            webhook.save()
        if self._leaving:
            await asyncio.wait(self._leaving)

    def reload(self, settings: Iterable[WebhookSettings]) -> None:
        """Deliver as configured now. A new webhook begins with the next event."""
        wanted = {one.name: one for one in settings}
        for name in self.by_name.keys() - wanted.keys():
            webhook = self.by_name.pop(name)
            self._events.forget(webhook.accept_event)
            webhook.halt()
            self._store.drop(STORED_AS, name)
            leaving = asyncio.get_running_loop().create_task(webhook.stop())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        for name, one in wanted.items():
            present = self.by_name.get(name)
            if present is not None:
                if present.settings != one:
                    present.configure(one)
                continue
            self.by_name[name] = webhook = Webhook(one, self._events, self._store)
            webhook.save()
            self._events.listen(webhook.accept_event)
            if self._is_started:
                webhook.start()

    def named(self, name: str) -> Webhook:
        """The webhook of this name. Raises EngineError `not_found`."""
        webhook = self.by_name.get(name)
        if webhook is None:
            raise EngineError("not_found", f"there is no webhook {name}", field="webhook")
        return webhook

    def views(self) -> list[WebhookView]:
        """All of them, as they are shown."""
        return [webhook.view() for webhook in self.by_name.values()]
