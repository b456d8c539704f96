"""Where nothing is kept there is nothing to be found."""

from engine.store.protocols import NOTHING_KEPT


async def test_nothing_is_found_where_nothing_is_kept() -> None:
    NOTHING_KEPT.put("agent", "alice", {"state": "available"})
    assert await NOTHING_KEPT.load("agent", dict) == {}
    assert await NOTHING_KEPT.query("SELECT 1") == []
