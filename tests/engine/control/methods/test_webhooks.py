"""webhook.* and notify_url, through the control socket of a whole engine."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.reporting import Webhook
from engine.daemon import Daemon
from engine.webhooks.signature import key_of, verify
from ringback_client import Client, EngineError, RequestRejected
from tests.support.engines.in_process import (
    refused_by_engine,
    request,
    running,
    settings_in,
)
from tests.support.receiver import Receiver
from tests.support.waiting import until


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


async def test_a_webhook_is_added_tested_and_removed(tmp_path: Path) -> None:
    more = '[[queues]]\nname = "sales"\n'
    async with Receiver() as receiver, running(settings_in(tmp_path, more=more)) as (_, client):
        added = await client.call(
            "webhook.add", webhook="crm", url=receiver.url, types=["callback."],
            sites=["shop.example"], queues=["sales"], max_attempts=3,
        )  # fmt: skip
        secret = added.pop("secret")
        assert secret.startswith("whsec_") and (added["origin"], added["sites"]) == (
            "added",
            ["shop.example"],
        )
        (listed,) = (await client.call("webhook.list"))["webhooks"]
        assert listed == added
        given = {"webhook": "erp", "url": f"{receiver.url}?t=s3cret", "secret": "a secret of 16 or"}
        await client.call("webhook.add", **given)
        audit = json.dumps(await client.call("audit.list", method="webhook.add"))
        assert "s3cret" not in audit and "a secret" not in audit
        await client.call("webhook.remove", webhook="erp")
        tested = await client.call("webhook.test", webhook="crm")
        assert (tested["delivered"], tested["status"]) == (True, 204)
        (received,) = await receiver.got(1)
        verify(key_of(secret), received.headers, received.body, time.time())
        await client.callback(**request(id="j1", context={"site": "other.example"}))
        await client.callback(
            **request(id="j2", agent=None, queue="sales", context={"site": "shop.example"})
        )
        assert [one.event.get("job") for one in await receiver.got(2)] == [None, "j2"]
        removed = await client.call("webhook.remove", webhook="crm")
        assert removed == {"webhook": "crm", "undelivered": 0}
        assert (await client.call("webhook.list"))["webhooks"] == []
        for method in ("webhook.test", "webhook.remove"):
            assert (await refused_by_engine(client, method, webhook="crm")).kind == "not_found"
        unknown = await refused_by_engine(
            client, "webhook.add", webhook="crm", url=receiver.url, queues=["nowhere"]
        )
        assert "nowhere" in unknown.message
        with pytest.raises(RequestRejected, match="is not the beginning of any event"):
            await client.call("webhook.add", webhook="x", url=receiver.url, types=["calback."])


NOTIFY = """
[notify]
hosts = ["localhost:{port}"]
secret = "another secret of some length"
retry_s = 0.02
"""
PATH_TOKEN = "T0000ABCDEFGHIJ12"
SECRETS = ("hunter2", "s3cret", PATH_TOKEN)


async def test_the_url_of_a_request_gets_its_events_and_is_shown_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Receiver() as receiver:
        settings = settings_in(tmp_path, more=NOTIFY.format(port=receiver.port))
        url = f"{receiver.url}?token=s3cret".replace("//", "//u:hunter2@")
        async with running(settings) as (daemon, client):
            events: list[dict[str, Any]] = []
            daemon.events.watch(lambda event: events.append(dict(event)))
            job = await client.callback(**request(id="j1", notify_url=url))
            await client.callback(**request(id="j2"))
            replayed = await client.callback(**request(id="j1", notify_url=url))
            assert replayed["replayed"] and replayed["has_notify_url"]
            await client.call("callback.cancel", id="j1")
            first, last = await receiver.got(2)
            assert (first.event["job"], first.event["type"]) == ("j1", "callback.queued")
            assert last.event["type"] == "callback.cancelled"
            for one in (first, last):
                verify(key_of("another secret of some length"), one.headers, one.body, time.time())
            explained = await client.call("route.explain", **request(notify_url=url))
            audit = await client.call("audit.list")
            elsewhere = f"http://u:hunter2@127.0.0.1:9/{PATH_TOKEN}?t=s3cret"
            refused = await refused_by_engine(
                client, "callback.request", **request(notify_url=elsewhere)
            )
            assert (refused.kind, refused.field) == ("refused", "notify_url")
            assert "127.0.0.1 with port 9 is not among notify.hosts" in refused.message
            with pytest.raises(RequestRejected) as wrong:
                await client.callback(**request(notify_url="ftp://u:hunter2@x/"))
            seen = [job, replayed, explained, audit, refused.message, str(wrong.value), events]
            seen += [await client.call(f"callback.{name}") for name in ("list",)]
            seen += [await client.call("webhook.list"), await client.call("record.list")]
            assert not any(secret in json.dumps(seen) for secret in SECRETS)
    captured = capsys.readouterr()
    assert not any(secret in captured.out + captured.err for secret in SECRETS)


async def test_a_further_request_of_the_same_client_may_name_where_events_go(
    tmp_path: Path,
) -> None:
    number = "+442079460123"
    rights = """
[[rights]]
name = "other"
token = "the token of another client"
role = "operate"
"""
    async with Receiver() as receiver:
        settings = settings_in(tmp_path, more=NOTIFY.format(port=receiver.port) + rights)
        async with running(settings) as (_daemon, client):
            await client.callback(**request(id="j1", to=number))
            token = "the token of another client"
            async with await Client.connect(str(settings.control.socket), token=token) as other:
                joined = await other.callback(**request(to=number, notify_url=receiver.url))
            assert "notify_url" in joined["dropped"] and not joined["has_notify_url"]
            joined = await client.callback(**request(to=number, notify_url=receiver.url))
            assert "notify_url" in joined["kept"] and joined["has_notify_url"]
            another = await client.callback(**request(to=number, notify_url=f"{receiver.url}?2"))
            assert "notify_url" in another["dropped"]
            await client.call("callback.cancel", id="j1")
            await until(lambda: len(receiver.requests.items) >= 3)
            types = [one.event["type"] for one in receiver.requests.items]
            assert types == ["callback.joined", "callback.joined", "callback.cancelled"]


async def test_an_erased_person_is_notified_of_no_more(tmp_path: Path) -> None:
    number = "+442079460123"
    async with Receiver() as receiver:
        settings = settings_in(tmp_path, more=NOTIFY.format(port=receiver.port))
        url = f"{receiver.url}?token=s3cret"
        async with running(settings) as (daemon, client):
            await client.callback(**request(id="j1", to=number, notify_url=url))
            await client.call("callback.cancel", id="j1")
            await receiver.got(2)
            await client.call("person.erase", number=number)
            job = daemon.store.find("j1")
            assert job is not None and job.request.notify_url is None
    assert b"s3cret" not in (tmp_path / "ringback.db").read_bytes()
