"""The methods about webhooks: webhook.*."""

import base64
import secrets
from typing import Annotated, Any, NotRequired, TypedDict, cast

from msgspec import Meta, structs

from ...acd.queues import Queues
from ...request import Identifier, Params
from ...webhooks.webhook_view import Retried, Tested, WebhookView
from ...webhooks.webhooks import Webhooks
from ..connections.peer import Peer
from ..event_types import check_types
from ..method import Method
from .pages import Paged, after_named, cursor_at, page_of

SECRET_BYTES = 24
Filter = Annotated[list[Identifier], Meta(max_length=1000)]


class RetryRequest(Params):
    """webhook.retry: the sequence number of one event, or all that were given up."""

    webhook: Identifier
    event: Annotated[int, Meta(ge=1)] | None = None


class WebhookRef(Params):
    """webhook.remove, webhook.test."""

    webhook: Identifier


class NewWebhook(Params):
    """webhook.add. What is None takes the default of [[webhooks]]."""

    webhook: Identifier
    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    secret: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    types: Annotated[list[Identifier], Meta(max_length=100)] | None = None
    sites: Filter | None = None
    queues: Filter | None = None
    timeout_s: float | None = None
    max_attempts: int | None = None
    retry_s: float | None = None
    retry_most_s: float | None = None
    connections: int | None = None
    max_pending: int | None = None


class WebhookPage(TypedDict):
    """webhook.list."""

    webhooks: list[WebhookView]
    """The webhooks."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class AddedWebhook(WebhookView):
    """webhook.add."""

    secret: NotRequired[str]
    """The secret that the engine made, where none was given. It is not shown again."""


class RemovedWebhook(TypedDict):
    """webhook.remove."""

    webhook: str
    """Its name."""
    undelivered: int
    """How many deliveries were pending, and are not made."""


class WebhookMethods:
    """What a client may ask of the webhooks."""

    def __init__(self, webhooks: Webhooks, queues: Queues) -> None:
        self._webhooks = webhooks
        self._queues = queues

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "webhook.add": Method(NewWebhook, self._add),
            "webhook.list": Method(Paged, self._list, is_large=True),
            "webhook.remove": Method(WebhookRef, self._remove),
            "webhook.retry": Method(RetryRequest, self._retry),
            "webhook.test": Method(WebhookRef, self._test),
        }

    async def _list(self, params: Paged, _peer: Peer) -> WebhookPage:
        shown = self._webhooks.shown()
        found = after_named(shown, params.cursor, "webhook.list")
        page = await page_of(found, lambda one: one.view(), params.limit)
        cursor = None if page.last is None else cursor_at(shown, page.last.name)
        return {"webhooks": page.views, "cursor": cursor}

    async def _add(self, params: NewWebhook, _peer: Peer) -> AddedWebhook:
        check_types("types", params.types or ())
        for name in params.queues or ():
            self._queues.matcher.queues.named(name)
        given: dict[str, Any] = {
            name: value for name, value in structs.asdict(params).items() if value is not None
        }
        given["name"] = given.pop("webhook")
        made = None
        if params.secret is None:
            made = given["secret"] = _new_secret()
        webhook = await self._webhooks.add_webhook(given)
        view = cast(AddedWebhook, webhook.view())
        if made is not None:
            view["secret"] = made
        return view

    async def _remove(self, params: WebhookRef, _peer: Peer) -> RemovedWebhook:
        undelivered = await self._webhooks.remove(params.webhook)
        return {"webhook": params.webhook, "undelivered": undelivered}

    async def _test(self, params: WebhookRef, _peer: Peer) -> Tested:
        return await self._webhooks.named(params.webhook).test()

    async def _retry(self, params: RetryRequest, _peer: Peer) -> Retried:
        return await self._webhooks.named(params.webhook).retry(params.event)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
