"""What a store has of one person: found by number, in every part, and bounded in each turn."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.job import AttemptRecord
from engine.personal import collection
from engine.personal.collection import Traces, audit_of, events_of, find_traces, is_of, mentions_of
from engine.personal.person import Person
from tests.support.jobs import callback_job
from tests.support.recorded import Recorded, ended_job, recorded

NUMBER, OTHER = "+442079460123", "+442079460199"
PERSON = Person.of(NUMBER, "GB")


def _ended(id: str, number: str, **more: Any) -> Any:
    return ended_job(id, called=number, to=number, **more)


async def _filled(here: Recorded) -> None:
    """Two jobs of the person, and one of another."""
    here.end(_ended("j2", NUMBER, created=2000.0, ended_at=2100.0))
    here.end(_ended("j1", NUMBER, created=1000.0, ended_at=1100.0))
    here.end(_ended("j3", OTHER, created=3000.0, ended_at=3100.0))
    await here.log.settled()
    await here.store.flush()


def _audit(here: Recorded, params: str | None, reason: str | None = None) -> None:
    """An entry of the audit log."""
    here.store.insert(
        "audit",
        {
            "time": 1.0, "who": "anna", "role": "operate", "peer": "socket", "method": "m",
            "params": params, "outcome": "done", "reason": reason, "repeated": 0,
        },
    )  # fmt: skip


async def test_jobs_and_records_are_found_oldest_first(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        await _filled(here)
        traces = await find_traces(here.store, PERSON)
        assert [job.id for job in traces.jobs] == ["j1", "j2"]
        assert [id for id, _record in traces.records] == ["j1", "j2"]
        nobody = await find_traces(here.store, Person.of("+442079460777", "GB"))
        assert (nobody.jobs, nobody.records, nobody.ids) == ((), (), frozenset())


async def test_a_job_is_found_by_each_of_its_numbers_and_not_by_its_context(
    tmp_path: Path,
) -> None:
    async with recorded(tmp_path / "db") as here:
        here.store.save(callback_job("second", to=OTHER, numbers=["020 7946 0123"]))
        here.store.save(callback_job("mention", to=OTHER, context={"referred_by": NUMBER}))
        await here.store.flush()
        traces = await find_traces(here.store, PERSON)
        assert [job.id for job in traces.jobs] == ["second"]


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({"to": f"sip:{NUMBER}@pbx"}, True),
        ({"to": OTHER, "called": NUMBER}, True),
        ({"to": OTHER, "numbers": [OTHER, "02079460123"]}, True),
        ({"to": OTHER, "caller_id": NUMBER}, False),
    ],
)
def test_a_job_is_of_the_person_whom_it_calls(fields: dict[str, Any], theirs: bool) -> None:
    assert is_of(callback_job(**fields), PERSON) is theirs


async def test_what_was_written_about_a_record_goes_with_it(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        await _filled(here)
        here.store.execute("INSERT INTO annotations VALUES ('j1', 1.0, 'sold', 4, '[\"glad\"]')")
        await here.store.flush()
        traces = await find_traces(here.store, PERSON)
        assert traces.notes == {"j1": {"outcome": "sold", "rating": 4, "notes": ["glad"]}}


def test_ids_are_those_of_jobs_and_of_every_call_of_theirs() -> None:
    job = callback_job("j1", attempts=[AttemptRecord(call="c1"), AttemptRecord(call="c2")])
    records = (
        ("c3", {"call": "c3"}),
        ("j2", {"call": None, "attempts": [{"call": "c4"}, {"result": "busy"}]}),
        ("j3", {"attempts": None}),
    )
    traces = Traces((job,), records)
    assert traces.ids == {"j1", "c1", "c2", "c3", "j2", "c4", "j3"}


def test_recordings_are_found_by_id_and_by_name_and_only_in_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    directory.mkdir()
    for name in ("j1.wav", "named.wav", "other.wav"):
        (directory / name).write_bytes(b"RIFF")
    (tmp_path / "outside.wav").write_bytes(b"RIFF")
    job = callback_job("j1", recording=str(directory / "named.wav"))
    records = (("r1", {"recording": str(tmp_path / "outside.wav")}), ("r2", {"recording": None}))
    found = Traces((job,), records).recordings(directory)
    assert [path.name for path in found] == ["j1.wav", "named.wav"]


async def test_events_are_theirs_or_name_them(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.log.publish("callback.queued", job="j1")
        here.log.publish("call.ended", call="c1")
        here.log.publish("callback.queued", job="j9")
        here.log.publish("callback.annotated", job="j9", notes="is with 020 7946 0123")
        here.log.publish("callback.annotated", job="j9", notes="the order 92079460123456")
        await here.log.settled()
        ids = {"j1", "c1"}
        found = [(seq, theirs) async for seq, _, theirs in events_of(here.store, PERSON, ids)]
        assert found == [(1, True), (2, True), (4, False)]


async def test_the_audit_log_is_searched_by_job_and_by_number(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        for params, reason in (
            ('{"id":"j1"}', None),
            ('{"id":"j9"}', None),
            (f'{{"number":"{NUMBER}"}}', None),
            (None, "020 7946 0123 is on the do-not-call list"),
            ('{"id":"j1', "cut off"),  # params that were too long are cut
        ):
            _audit(here, params, reason)
        await here.store.flush()
        entries = audit_of(here.store, PERSON, ["j1"])
        found = [(entry["params"], theirs) async for _number, entry, theirs in entries]
        assert found == [
            ('{"id":"j1"}', True), (f'{{"number":"{NUMBER}"}}', False), (None, False),
        ]  # fmt: skip


async def test_long_logs_are_read_in_bounded_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "ROWS_PER_READ", 3)
    async with recorded(tmp_path / "db") as here:
        for number in range(10):
            here.log.publish("callback.queued", job="j1" if number % 2 else "j9")
            _audit(here, '{"id":"j1"}')
        await here.log.settled()
        await here.store.flush()
        asked: list[str] = []
        query = here.store.query

        async def counted(sql: str, *params: Any) -> Any:
            asked.append(sql)
            return await query(sql, *params)

        monkeypatch.setattr(here.store, "query", counted)
        events = [seq async for seq, _, _ in events_of(here.store, PERSON, ["j1"])]
        assert events == [2, 4, 6, 8, 10]
        entries = [number async for number, _, _ in audit_of(here.store, PERSON, ["j1"])]
        assert entries == list(range(1, 11))
        assert len([sql for sql in asked if "FROM events WHERE" in sql]) == 4


async def test_mentions_in_what_is_kept_of_others_come_without_the_number(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db") as here:
        here.end(_ended("j3", OTHER, context={"referred_by": "020 7946 0123"}))
        here.store.save(callback_job("open", to=OTHER, context={"referred_by": NUMBER}))
        here.store.execute(
            "INSERT INTO annotations VALUES ('j3', 1.0, NULL, NULL, ?)",
            (msgspec.json.encode([f"is with {NUMBER}"]),),
        )
        await here.log.settled()
        await here.store.flush()
        found = await mentions_of(here.store, PERSON)
        assert {(table, id) for table, _column, id, _text in found} == {
            ("jobs", "j3"), ("records", "j3"), ("annotations", "j3"),
        }  # fmt: skip
        assert not any(PERSON.is_in(text.decode()) for *_which, text in found)
        texts = {table: msgspec.json.decode(text) for table, _c, _id, text in found}
        assert texts["annotations"] == ["is with erased"]
        assert texts["jobs"]["request"]["context"] == {"referred_by": "erased"}
