"""Jobs that are looked for by what they say, in a store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.job import OfferRecord
from engine.store import job_table
from engine.store.filters import Filters
from engine.store.store import Store
from tests.support.jobs import callback_job


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "ringback.db")
    await store.open()
    yield store
    await store.close()


async def ids(store: Store, **wanted: Any) -> list[str]:
    """The jobs for which this holds, newest first."""
    page, cursor = await store.list(Filters(**wanted))
    assert cursor is None
    return [job.id for job in page]


async def test_each_condition_and_all_together(store: Store) -> None:
    bob = OfferRecord(agent="bob", queue="sales", offered=1.0)
    store.save(callback_job("j1", site="shop.example", called="+44201", queue="sales", agent=None))
    store.save(callback_job("j2", site="shop.example", called="+44202", state="failed"))
    store.save(callback_job("j3", called="+44202", created=50.0, queue="sales", offers=[bob]))
    assert await ids(store) == ["j3", "j2", "j1"]
    assert await ids(store, state="failed") == ["j2"]
    assert await ids(store, number="+44202") == ["j3", "j2"]
    assert await ids(store, site="shop.example") == ["j2", "j1"]
    assert await ids(store, queue="sales") == ["j3", "j1"]
    assert await ids(store, agent="bob") == ["j3"]
    assert await ids(store, agent="alice") == ["j3", "j2"]
    assert await ids(store, begin=10.0) == ["j3"]
    assert await ids(store, end=50.0) == ["j2", "j1"]
    assert await ids(store, number="+44202", site="shop.example") == ["j2"]
    assert await ids(store, number="+44202", site="bank.example") == []


async def test_values_in_the_context_are_told_apart_by_their_type(store: Store) -> None:
    values = {"j1": 17, "j2": "17", "j3": True, "j4": 1, "j5": 1.5, "j6": None, "j7": {"a": 1}}
    for name, value in values.items():
        store.save(callback_job(name, context={"order": value, 'a "key".$[0]': name}))
    store.save(callback_job("j8"))
    for value, found in (
        (17, ["j1"]),
        ("17", ["j2"]),
        (True, ["j3"]),
        (1, ["j4"]),
        (1.5, ["j5"]),
        (None, ["j7", "j6", "j5", "j4", "j3", "j2", "j1"]),
        (False, []),
        ("x' OR 1 --", []),
    ):
        assert await ids(store, context={"order": value}) == found
    assert await ids(store, context={'a "key".$[0]': "j5"}) == ["j5"]
    assert await ids(store, context={"order": None, "none": None}) == []


async def test_a_search_inside_of_jobs_goes_on_where_it_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_table, "MOST_READ", 4)
    for number in range(10):
        store.save(callback_job(f"j{number}", site="shop.example" if number == 1 else None))
    pages, cursor = [], None
    while True:
        page, cursor = await store.list(Filters(site="shop.example"), cursor=cursor)
        pages.append([job.id for job in page])
        if cursor is None:
            break
    assert pages == [[], [], ["j1"]]
