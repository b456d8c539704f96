"""The history of a number, shown to the agent before they answer."""

from pathlib import Path

from engine.reports.history import MOST, History
from tests.support.recorded import Recorded, ended_job, recorded

NUMBER = "+442079460000"


async def settle(here: Recorded) -> None:
    await here.store.flush()


async def test_newest_first_with_what_people_wrote(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        for number in range(8):
            here.end(ended_job(f"j{number}", ended_at=1100.0 + number, site="shop"))
        here.end(ended_job("other", called="+442079460001"))
        here.store.execute(
            "INSERT INTO annotations VALUES ('j7', 1.0, 'sold', 5, ?)", (b'["first","last"]',)
        )
        await settle(here)
        found = here.history.of(NUMBER)
        assert [entry["id"] for entry in found] == ["j7", "j6", "j5", "j4", "j3"]
        assert found[0] == {
            "id": "j7", "kind": "callback", "created": 1000.0, "ended_at": 1107.0,
            "state": "completed", "result": "completed", "site": "shop", "agent": "alice",
            "outcome": "sold", "rating": 5, "note": "last",
        }  # fmt: skip
        assert len(here.history.of(NUMBER, 100)) == 8
        assert here.history.of(NUMBER, 0) == here.history.of(None) == []


async def test_what_has_just_ended_is_known_before_it_is_on_the_disk(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.end(ended_job("j1"))
        assert [entry["id"] for entry in here.history.of(NUMBER)] == ["j1"]
        await settle(here)
        assert [entry["id"] for entry in here.history.of(NUMBER)] == ["j1"]


async def test_it_is_bounded_and_quick_among_many(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        for number in range(300):
            here.end(ended_job(f"j{number}", ended_at=1100.0 + number))
        await settle(here)
        assert len(here.history.of(NUMBER, 10_000)) == MOST


def test_a_store_that_is_not_open_gives_what_is_remembered(tmp_path: Path) -> None:
    history = History(tmp_path / "none")
    history.add_record({"number": NUMBER, "id": "j1", "ended_at": 1.0})
    history.add_record({"number": None, "id": "j2", "ended_at": 1.0})
    (entry,) = history.of(NUMBER)
    assert entry["id"] == "j1"
    history.close()
