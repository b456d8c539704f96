"""record.get, record.list, history.get and callback.annotate, as a client asks them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.agents import AgentDefaults
from config.queues import Queue as QueueSettings
from engine.acd.agents import AgentRegistry
from engine.acd.outcomes import Outcomes
from engine.acd.queues import Queues
from engine.calls.call import Call
from engine.control.methods.records import MOST_NOTES, MOST_NOTES_BYTES, RecordMethods
from engine.errors import BadParams, EngineError
from engine.job import Job
from tests.support.method_call import call_method
from tests.support.recorded import Recorded, ended_job, recorded


class Asked:
    """The methods, with the jobs that are open."""

    def __init__(self, here: Recorded) -> None:
        self.here = here
        self.open: dict[str, Job] = {}
        self.numbers: dict[str, str] = {}
        self.calls: dict[str, Call] = {}
        defaults = AgentDefaults(outcomes=["sold", "later"])
        self.agents = AgentRegistry([], defaults=defaults, events=here.log)
        sales = QueueSettings(name="sales", outcomes=["sold", "lost"])
        self.queues = Queues(self.agents, here.log)
        self.queues.start([sales])
        methods = RecordMethods(
            here.store,
            here.log,
            here.history,
            self._known,
            self.calls,
            Outcomes(self.agents, self.queues),
            number_of=self._number_of,
        )
        self._table = methods.table()

    def _number_of(self, text: str) -> str:
        if not text.startswith("+") and text not in self.numbers:
            raise EngineError("refused", f"{text} is no number", field="number")
        return self.numbers.get(text, text)

    async def _known(self, job_id: str) -> Job | None:
        return self.open.get(job_id) or self.here.store.find(job_id)

    async def ask(self, name: str, **params: Any) -> Any:
        return await call_method(self._table, name, **params)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    async with recorded(tmp_path / "db") as here:
        yield Asked(here)


async def test_a_record_is_there_once_its_job_has_ended(asked: Asked) -> None:
    asked.open["j1"] = msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None)
    with pytest.raises(EngineError, match="has not ended"):
        await asked.ask("record.get", id="j1")
    with pytest.raises(EngineError, match="there is no record j2"):
        await asked.ask("record.get", id="j2")
    asked.here.end(ended_job("j1"))
    found = await asked.ask("record.get", id="j1")
    assert (found["id"], found["state"], found["notes"], found["rating"]) == (
        "j1", "completed", [], None,
    )  # fmt: skip


async def test_pages_give_every_record_once_also_of_one_moment(asked: Asked) -> None:
    for number in range(25):
        asked.here.end(ended_job(f"j{number}", created=1000.0 + number // 10))
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = await asked.ask("record.list", limit=7, cursor=cursor)
        seen += [record["id"] for record in page["records"]]
        cursor = page["cursor"]
        asked.here.end(ended_job(f"x{len(seen)}", created=500.0))  # does not disturb the pages
        if cursor is None:
            break
    assert seen == [f"j{number}" for number in range(25)]
    some = await asked.ask("record.list", **{"from": 1001.0, "to": 1002.0})
    assert [record["id"] for record in some["records"]] == [f"j{n}" for n in range(10, 20)]
    for cursor in ("x", "1.0/", "1.0/x", "/3", "1.0", f"1.0/{1 << 63}"):
        with pytest.raises(BadParams):
            await asked.ask("record.list", cursor=cursor)


async def test_records_are_found_by_what_they_say(asked: Asked) -> None:
    asked.here.end(ended_job("j1", site="shop.example", called="+44201", context={"order": 17}))
    asked.here.end(ended_job("j2", site="bank.example", called="+44202", context={"order": "17"}))
    asked.here.end(ended_job("j3", agent="bob", context={"vip": True}))

    async def found(**wanted: Any) -> list[str]:
        page = await asked.ask("record.list", **wanted)
        assert page["cursor"] is None
        return [record["id"] for record in page["records"]]

    assert await found(site="shop.example") == ["j1"]
    assert await found(number="+44202") == ["j2"]
    assert await found(agent="bob") == ["j3"]
    assert await found(context={"order": 17}) == ["j1"]
    assert await found(context={"order": "17"}, site="bank.example") == ["j2"]
    assert await found(context={"order": None}) == ["j1", "j2"]
    assert await found(context={"vip": True}) == ["j3"]
    assert await found(state="failed") == []
    assert await found(queue="none") == []


async def test_a_search_inside_records_goes_on_where_it_has_ended(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.methods.records.MOST_READ", 4)
    for number in range(10):
        asked.here.end(ended_job(f"j{number}", created=1000.0 + number, context={"n": number % 9}))
    pages, cursor = [], None
    while True:
        page = await asked.ask("record.list", context={"n": 8}, cursor=cursor)
        pages.append([record["id"] for record in page["records"]])
        cursor = page["cursor"]
        if cursor is None:
            break
    assert pages == [[], [], ["j8"]]


async def test_history_reads_a_number_as_a_request_does(asked: Asked) -> None:
    asked.here.end(ended_job("j1", called="+442079460123"))
    asked.numbers["020 7946 0123"] = "+442079460123"
    found = await asked.ask("history.get", number="020 7946 0123")
    assert [entry["id"] for entry in found["history"]] == ["j1"]
    with pytest.raises(EngineError, match="no number"):
        await asked.ask("history.get", number="alice")


async def test_a_page_fits_into_a_line(asked: Asked) -> None:
    for number in range(60):
        asked.here.end(ended_job(f"j{number}", context={"x": "y" * 16_000}))
    page = await asked.ask("record.list", limit=1000)
    assert len(msgspec.json.encode(page)) < 1 << 20
    assert page["cursor"] is not None
    rest = await asked.ask("record.list", limit=1000, cursor=page["cursor"])
    assert len(page["records"]) + len(rest["records"]) == 60


async def test_notes_outcome_and_rating_before_and_after_the_end(asked: Asked) -> None:
    job = msgspec.structs.replace(ended_job("j1"), state="queued", ended_at=None)
    asked.open["j1"] = job
    heard: list[dict[str, Any]] = []
    asked.here.log.watch(lambda event: heard.append(dict(event)))
    shown = await asked.ask("callback.annotate", id="j1", notes="wants blue", rating=4)
    assert (shown["notes"], shown["rating"], shown["outcome"]) == (["wants blue"], 4, None)
    assert (heard[-1]["type"], heard[-1]["job"], heard[-1]["notes"]) == (
        "callback.annotated", "j1", "wants blue",
    )  # fmt: skip
    asked.open.clear()
    job.state, job.ended_at = "completed", 1100.0
    asked.here.end(job)
    after = await asked.ask("callback.annotate", id="j1", notes="bought it", outcome="sold")
    assert (after["notes"], after["outcome"]) == (["wants blue", "bought it"], "sold")
    record = await asked.ask("record.get", id="j1")
    assert (record["notes"], record["outcome"], record["rating"]) == (
        ["wants blue", "bought it"], "sold", 4,
    )  # fmt: skip
    (entry,) = (await asked.ask("history.get", number="+442079460000"))["history"]
    assert (entry["note"], entry["outcome"], entry["rating"]) == ("bought it", "sold", 4)


async def test_a_call_that_came_in_can_be_annotated(asked: Asked) -> None:
    asked.here.at(1000.0, "call.ended", call="c1", started=990.0, number="+442079460000")
    assert await asked.ask("callback.annotate", id="c1", notes="asked for opening hours") == {
        "id": "c1", "notes": ["asked for opening hours"], "outcome": None, "rating": None,
    }  # fmt: skip
    again = await asked.ask("callback.annotate", id="c1", rating=0)
    assert (again["notes"], again["rating"]) == (["asked for opening hours"], 0)


async def test_a_call_that_came_in_can_be_annotated_while_it_is_up(asked: Asked) -> None:
    asked.calls["c1"] = Call("c1", None, direction="inbound")
    asked.calls["c2"] = Call("c2", "j1")
    shown = await asked.ask("callback.annotate", id="c1", notes="is cross")
    assert shown["notes"] == ["is cross"]
    asked.here.at(1000.0, "call.ended", call="c1", started=990.0, number="+442079460000")
    asked.calls.clear()
    again = await asked.ask("callback.annotate", id="c1", notes="bought it", outcome="sold")
    assert again["notes"] == ["is cross", "bought it"]
    record = await asked.ask("record.get", id="c1")
    assert (record["notes"], record["outcome"]) == (["is cross", "bought it"], "sold")
    with pytest.raises(EngineError, match="there is no callback or call c2"):
        await asked.ask("callback.annotate", id="c2", rating=1)


async def test_only_outcomes_of_the_list_are_written_back(asked: Asked) -> None:
    asked.here.end(ended_job("j1", queue="sales"))
    asked.here.end(ended_job("j2", queue=None, agent="alice"))
    with pytest.raises(EngineError, match="must be one of sold, lost") as refused:
        await asked.ask("callback.annotate", id="j1", outcome="later")
    assert (refused.value.field, refused.value.data) == (
        "outcome", {"outcomes": ["sold", "lost"]},
    )  # fmt: skip
    for job, outcome in (("j1", "lost"), ("j2", "later"), ("j1", "machine")):
        assert (await asked.ask("callback.annotate", id=job, outcome=outcome))["outcome"] == outcome
    asked.calls["c1"] = Call("c1", None, direction="inbound", about={"queue": "sales"})
    with pytest.raises(EngineError, match="must be one of sold, lost"):
        await asked.ask("callback.annotate", id="c1", outcome="later")
    assert (await asked.ask("callback.annotate", id="c1", outcome="lost"))["outcome"] == "lost"


async def test_what_cannot_be_annotated(asked: Asked) -> None:
    with pytest.raises(EngineError, match="there is no callback or call j9"):
        await asked.ask("callback.annotate", id="j9", rating=1)
    with pytest.raises(msgspec.ValidationError, match="give notes"):
        await asked.ask("callback.annotate", id="j9")
    job = ended_job("j1")
    job.notes = ["x"] * MOST_NOTES
    asked.here.end(job)
    with pytest.raises(EngineError, match="100 notes already"):
        await asked.ask("callback.annotate", id="j1", notes="one more")
    long = ended_job("j2")
    long.notes = ["x" * MOST_NOTES_BYTES]
    asked.here.end(long)
    with pytest.raises(EngineError, match="longer than 131072 bytes") as refused:
        await asked.ask("callback.annotate", id="j2", notes="y")
    assert refused.value.field == "notes"
    assert (await asked.ask("callback.annotate", id="j1", outcome="sold"))["outcome"] == "sold"
