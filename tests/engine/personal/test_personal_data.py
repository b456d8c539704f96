"""Handing out and erasing what is kept of a person, without an engine around it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.personal.person import Person
from engine.personal.personal_data import PersonalData
from engine.recordings.entry import RecordedCall
from engine.recordings.library import RecordingLibrary
from engine.routing.blocking.do_not_call import Blocked, DoNotCall
from tests.support.jobs import callback_job
from tests.support.recorded import Recorded, ended_job, recorded

NUMBER, OTHER = "+442079460123", "+442079460199"
PERSON = Person.of(NUMBER, "GB")
BLOCKED = Blocked(number=NUMBER, reason="asked for it", since=4000.0)


class Kept:
    """A store with its records, and what the engine has besides."""

    def __init__(self, here: Recorded, recordings: Path) -> None:
        self.here = here
        self.recordings = recordings
        self.calls: list[str] = []
        self.forgotten: list[str | None] = []
        self.do_not_call = DoNotCall(events=here.log)
        self.data = PersonalData(
            here.store,
            here.log,
            here.history,
            self.do_not_call,
            recordings=RecordingLibrary(here.store, here.log, recordings),
            calls_of=self._calls_of,
            forget=[lambda number, _jobs: self.forgotten.append(number)],
        )

    def _calls_of(self, _person: Person) -> Iterable[str]:
        return self.calls

    async def items(self) -> dict[str, list[dict[str, Any]]]:
        """All items of the person by their kind."""
        found: dict[str, list[dict[str, Any]]] = {}
        async for kind, item in self.data.items(PERSON, 5000.0):
            found.setdefault(kind, []).append(item)
        return found


@asynccontextmanager
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Of the person one ended job with a recording, of another the same."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    async with recorded(tmp_path / "db") as here:
        for id, number in (("j1", NUMBER), ("j2", OTHER)):
            (recordings / f"{id}.wav").write_bytes(b"RIFF")
            here.end(ended_job(id, called=number, to=number, context={"name": f"the {id}"}))
        await here.log.settled()
        yield Kept(here, recordings)


async def test_every_kind_of_trace_is_handed_out(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.do_not_call.block(BLOCKED)
        items = await here.items()
        assert list(items) == ["job", "record", "event", "recording", "blocked"]
        assert [job["id"] for job in items["job"]] == ["j1"]
        assert items["record"][0]["context"] == {"name": "the j1"}
        assert [event.get("job") for event in items["event"]] == ["j1", None]  # who blocked it
        assert items["recording"] == [{"path": str(here.recordings / "j1.wav"), "bytes": 4}]
        assert items["blocked"][0]["number"] == NUMBER


async def test_of_the_audit_log_a_job_has_what_is_about_it_and_a_person_what_names_them(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as here:
        for method, params in (("callback.get", '{"id":"j1"}'), ("blocked.get", f'"{NUMBER}"')):
            entry = {
                "time": 1.0, "who": "anna", "role": "operate", "peer": "socket", "method": method,
                "params": params, "outcome": "done", "reason": None, "repeated": 0,
            }  # fmt: skip
            here.here.store.insert("audit", entry)
        await here.here.store.flush()
        methods = [entry["method"] for entry in (await here.items())["audit"]]
        assert methods == ["callback.get", "blocked.get"]
        of_job = [
            item["method"]
            async for kind, item in here.data.items(PERSON, 5000.0, "j1")
            if kind == "audit"
        ]
        assert of_job == ["callback.get"]


async def test_a_recording_that_the_library_knows_is_handed_out_once(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        library = RecordingLibrary(here.here.store, here.here.log, here.recordings)
        entry = library.begin(RecordedCall(call="call-1", job="j1"))
        entry.path, entry.state, entry.bytes = str(here.recordings / "j1.wav"), "kept", 4
        library.save(entry)
        await here.here.store.flush()
        (recording,) = (await here.items())["recording"]
        assert (recording["recording"], recording["job"]) == (entry.id, "j1")
        assert (recording["path"], recording["bytes"]) == (str(here.recordings / "j1.wav"), 4)


async def test_what_is_erased_is_counted_and_gone_and_others_keep_theirs(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        erased = await here.data.erase(PERSON)
        assert erased == {"jobs": 1, "records": 1, "events": 1, "audit": 0, "recordings": 1}
        assert await here.items() == {}
        assert not (here.recordings / "j1.wav").exists()
        assert (here.recordings / "j2.wav").exists()
        assert here.forgotten == [NUMBER]
        rows = await here.here.rows("SELECT id, number FROM records ORDER BY id")
        assert rows == [("j1", None), ("j2", OTHER)]
        (body,) = await here.here.rows("SELECT body FROM records WHERE id = 'j2'")
        assert b"the j2" in body[0]


async def test_a_number_that_must_not_be_called_stays_so_after_an_erasure(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        await here.do_not_call.block(BLOCKED)
        await here.data.erase(PERSON)
        assert [*await here.items()] == ["blocked"]


async def test_nothing_is_erased_while_a_job_is_open_or_a_call_is_up(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        here.here.store.save(callback_job("open", to=NUMBER, called=NUMBER))
        await here.here.store.flush()
        with pytest.raises(EngineError, match="open has not ended: cancel it first") as refused:
            await here.data.erase(PERSON)
        assert (refused.value.kind, refused.value.data) == ("state", {"jobs": ["open"]})
        here.here.store.save(callback_job("open", to=NUMBER, called=NUMBER, state="cancelled"))
        await here.here.store.flush()
        here.calls = ["call-2", "call-1"]
        with pytest.raises(EngineError, match="call-1, call-2 is up: hang it up first") as refused:
            await here.data.erase(PERSON)
        assert refused.value.data == {"calls": ["call-1", "call-2"]}
        assert len((await here.items())["job"]) == 2


async def test_a_recording_that_is_gone_already_is_not_counted(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        (here.recordings / "j1.wav").unlink()
        assert (await here.data.erase(PERSON))["recordings"] == 0
