"""Webhooks that are added and removed by command."""

import time
from pathlib import Path
from typing import Any

import pytest

from config.reporting import Notify
from engine.errors import EngineError
from engine.store.errors import StoreError
from engine.webhooks.signature import key_of, verify
from engine.webhooks.webhooks import ADDED, MOST_ADDED, Added
from tests.support.receiver import Receiver
from tests.support.webhooks import QUICK, SECRET, running, seqs, settings


def given(url: str, name: str = "crm", **values: Any) -> dict[str, Any]:
    """What webhook.add was given."""
    return {"name": name, "url": url, "secret": SECRET, **QUICK, **values}


async def test_an_added_webhook_begins_with_the_next_event_and_stays(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        async with running(tmp_path / "db") as here:
            here.log.publish("callback.queued", job="j1")
            await here.log.settled()
            await here.webhooks.add_webhook(given(receiver.url))
            here.log.publish("callback.expired", job="j1")
            await here.idle()
        async with running(tmp_path / "db") as here:
            here.webhooks.reload([], Notify())  # it is not of the configuration
            here.log.publish("callback.queued", job="j2")
            await here.idle()
            assert here.crm.view()["origin"] == "added"
        assert seqs(receiver) == [2, 3]
        (first, _) = receiver.requests.items
        assert verify(key_of(SECRET), first.headers, first.body, time.time())


async def test_a_removed_webhook_is_gone_for_good(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        async with running(tmp_path / "db", settings(receiver.url, name="fixed")) as here:
            await here.webhooks.add_webhook(given("http://127.0.0.1:9/"))
            here.log.publish("callback.queued", job="j1")
            await here.log.settled()
            assert await here.webhooks.remove("crm") == 1
            with pytest.raises(EngineError, match="no webhook crm") as unknown:
                await here.webhooks.remove("crm")
            assert unknown.value.kind == "not_found"
            with pytest.raises(EngineError, match="remove it there") as refused:
                await here.webhooks.remove("fixed")
            assert refused.value.kind == "refused"
        async with running(tmp_path / "db", settings(receiver.url, name="fixed")) as here:
            assert list(here.webhooks.by_name) == ["fixed"]


async def test_one_that_is_configured_takes_the_place_of_one_that_was_added(tmp_path: Path) -> None:
    async with Receiver() as old, Receiver() as new:
        async with running(tmp_path / "db") as here:
            await here.webhooks.add_webhook(given(old.url))
            here.webhooks.reload([settings(new.url)], Notify())
            here.log.publish("callback.queued", job="j1")
            await here.idle()
            assert here.crm.view()["origin"] == "configured"
        async with running(tmp_path / "db") as here:
            assert not here.webhooks.by_name
        assert (seqs(old), seqs(new)) == ([], [1])


@pytest.mark.parametrize(
    ("changed", "field", "kind"),
    [
        ({"url": "ftp://crm.example/token-1234567890123456"}, "url", "refused"),
        ({"url": "http://user:hunter2@/x"}, "url", "refused"),
        ({"secret": "short"}, "secret", "refused"),
        ({"secret": "whsec_not base64 at all!"}, "secret", "refused"),
        ({"max_attempts": 0}, "max_attempts", "refused"),
        ({"timeout_s": 61.0}, "timeout_s", "refused"),
        ({"name": "two words"}, "webhook", "refused"),
        ({"name": "notify_url"}, "webhook", "refused"),
        ({"name": "here"}, "webhook", "conflict"),
    ],
)
async def test_what_a_configuration_would_refuse_cannot_be_added(
    tmp_path: Path, changed: dict[str, Any], field: str, kind: str
) -> None:
    async with running(tmp_path / "db", settings("http://127.0.0.1:9/", name="here")) as here:
        asked = given("http://127.0.0.1:9/") | changed
        with pytest.raises(EngineError) as refused:
            await here.webhooks.add_webhook(asked)
        assert (refused.value.kind, refused.value.field) == (kind, field)
        for secret in ("hunter2", "token-1234", "short", "not base64 at"):
            assert secret not in refused.value.message
        assert list(here.webhooks.by_name) == ["here"]


async def test_so_many_may_be_added_and_no_more(tmp_path: Path) -> None:
    async with running(tmp_path / "db") as here:
        for number in range(MOST_ADDED):
            await here.webhooks.add_webhook(given("http://127.0.0.1:9/", f"hook{number}"))
        with pytest.raises(EngineError, match="remove one, or configure them"):
            await here.webhooks.add_webhook(given("http://127.0.0.1:9/", "more"))


async def test_one_that_the_store_does_not_keep_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_given: Any, **_more: Any) -> None:
        raise StoreError("disk_full", "the disk is full")

    async with running(tmp_path / "db") as here:
        with monkeypatch.context() as patched:
            patched.setattr(here.webhooks._store, "put", full)
            with pytest.raises(StoreError):
                await here.webhooks.add_webhook(given("http://127.0.0.1:9/"))
        assert list(here.webhooks.by_name) == []
        await here.webhooks.add_webhook(given("http://127.0.0.1:9/"))
        assert list(here.webhooks.by_name) == ["crm"]


async def test_one_of_another_version_is_left_out_of_a_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path / "db") as here:
        settings = given("http://127.0.0.1:9/") | {"colour": "red"}
        await here.webhooks._store.put(ADDED, "crm", Added(settings=settings), durable=True)
    async with running(tmp_path / "db") as here:
        assert list(here.webhooks.by_name) == []
    assert "webhook_left_out" in capsys.readouterr().out
