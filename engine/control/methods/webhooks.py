"""The methods about webhooks: webhook.list and webhook.retry."""

from typing import Annotated, TypedDict

from msgspec import Meta

from ...request import Identifier, Params
from ...webhooks.webhook import Retried, WebhookView
from ...webhooks.webhooks import Webhooks
from ..method import Method
from ..params import NoParams
from ..peer import Peer


class RetryRequest(Params):
    """webhook.retry: the sequence number of one event, or all that were given up."""

    webhook: Identifier
    event: Annotated[int, Meta(ge=1)] | None = None


class WebhookList(TypedDict):
    """webhook.list."""

    webhooks: list[WebhookView]
    """The webhooks."""


class WebhookMethods:
    """What a client may ask of the webhooks."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "webhook.list": Method(NoParams, self._list),
            "webhook.retry": Method(RetryRequest, self._retry),
        }

    def _list(self, _params: NoParams, _peer: Peer) -> WebhookList:
        return {"webhooks": self._webhooks.views()}

    async def _retry(self, params: RetryRequest, _peer: Peer) -> Retried:
        return await self._webhooks.named(params.webhook).retry(params.event)
