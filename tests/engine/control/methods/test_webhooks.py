"""webhook.list and webhook.retry, through the control socket of a whole engine."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from config.reporting import Webhook
from engine.daemon import Daemon
from ringback_client import Client, EngineError
from tests.support.engines.in_process import request, running, settings_in
from tests.support.receiver import Receiver


async def test_webhooks_are_listed_and_retried(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        secret = SecretStr("a secret of some length")
        hook = Webhook(name="crm", url=receiver.url, secret=secret)
        settings = settings_in(tmp_path).model_copy(update={"webhooks": [hook]})
        async with running(settings) as (daemon, client):
            await _listed(daemon, client, receiver)


async def _listed(daemon: Daemon, client: Client, receiver: Receiver) -> None:
    job = await client.callback(**request())
    (received,) = await receiver.got(1)
    assert received.event["type"] == "callback.queued"
    assert received.event["job"] == job["id"]
    assert await client.call("webhook.retry", webhook="crm") == {"retried": 0, "not_kept": 0}
    (listed,) = (await client.call("webhook.list"))["webhooks"]
    assert listed["webhook"] == "crm"
    assert listed["types"] == ["callback."]
    with pytest.raises(EngineError, match="there is no webhook erp"):
        await client.call("webhook.retry", webhook="erp")
