"""An event log with webhooks, as the daemon has them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config.reporting import Notify
from config.reporting import Webhook as WebhookSettings
from engine.store.event_log import EventLog
from engine.store.store import Store
from engine.webhooks.webhook import Webhook
from engine.webhooks.webhooks import Webhooks
from tests.support.receiver import Receiver
from tests.support.waiting import until

SECRET = "a secret of some length"
QUICK = {"retry_s": 0.02, "retry_most_s": 0.05}


def settings(url: str, **values: Any) -> WebhookSettings:
    given = {"name": "crm", "url": url, "secret": SECRET, **QUICK, **values}
    return WebhookSettings(**given)


class RunningWebhooks:
    """An event log with webhooks that deliver."""

    def __init__(self, store: Store, log: EventLog, webhooks: Webhooks) -> None:
        self.store = store
        self.log = log
        self.webhooks = webhooks

    @property
    def crm(self) -> Webhook:
        return self.webhooks.named("crm")

    async def idle(self) -> None:
        """Wait until nothing is pending."""
        await self.log.settled()
        await until(lambda: not len(self.crm.deliveries))


@asynccontextmanager
async def running(
    path: Path,
    *given: WebhookSettings,
    notify: Notify | None = None,
    urls: dict[str, str] | None = None,
) -> AsyncIterator[RunningWebhooks]:
    store, log = Store(path, retry_delay_s=0.0), EventLog()
    await store.open()
    log.attach(store)
    webhooks = Webhooks(given, log, store, notify=notify or Notify(), url_of=(urls or {}).get)
    await webhooks.open()
    webhooks.start()
    try:
        yield RunningWebhooks(store, log, webhooks)
    finally:
        await log.settled()
        await webhooks.stop()
        await store.close()


def seqs(receiver: Receiver, job: str | None = None) -> list[int]:
    """The numbers of the events that came, of one job or all."""
    events = [received.event for received in receiver.requests.items]
    return [event["seq"] for event in events if job is None or event.get("job") == job]
