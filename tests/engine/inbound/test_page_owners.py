"""Whose the call of a page is, also after it and after the engine that carried it."""

from pathlib import Path

import pytest

from config.sections import Store as Kept
from engine.callbacks.intake import Owner
from engine.errors import EngineError
from engine.webrtc.page_tokens import PageCall
from tests.support.engines.in_process import request, running, settings_in

PAGE = PageCall(
    site="shop.example", queue="sales", origin="https://shop.example", context={}, call="talk-1",
    requested_by="web",
)  # fmt: skip
ENDED = {
    "kind": "call", "state": "completed", "attempts": 0, "created": 1.0, "due_at": 1.0,
    "ended_at": 2.0, "body": b"{}",
}  # fmt: skip


async def test_an_owner_is_known_to_the_next_engine_until_the_record_is_forgotten(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _client):
        assert daemon.page_owners.owner_of("talk-1") is None
        daemon.page_owners.add(PAGE, 1.0)
        await daemon.store.flush()
    async with running(settings) as (daemon, client):
        owners = daemon.page_owners
        assert owners.owner_of("talk-1") == Owner("web", "shop.example")
        for id in ("talk-1", "old"):
            daemon.store.insert("records", ENDED | {"id": id})
        await client.callback(**request(id="j1", not_before=4e9))
        for id in ("talk-1", "old", "j1"):
            with pytest.raises(EngineError, match=f"there is a callback or call {id}") as taken:
                await owners.check_new(id)
            assert (taken.value.kind, taken.value.field) == ("conflict", "id")
        await owners.check_new("talk-2")
        daemon.retention.configure(Kept(), 1.0)
        await daemon.retention.sweep()
        await daemon.store.flush()
        assert owners.owner_of("talk-1") is None


async def test_a_call_that_is_up_has_an_owner_also_while_records_are_forgotten(
    tmp_path: Path,
) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        daemon.page_owners.add(PAGE, 9e9)
        daemon.store.insert("records", ENDED | {"id": "old"})
        daemon.retention.configure(Kept(), 1.0)
        await daemon.retention.sweep()
        await daemon.store.flush()
        assert daemon.page_owners.owner_of("talk-1") is not None


async def test_a_call_without_an_id_of_its_client_is_nobodys(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        daemon.page_owners.add(
            PageCall(site="s", queue="sales", origin="https://s.example", context={}), 1.0
        )
        assert daemon.page_owners.owner_of("") is None
