"""Recordings are known from their beginning on, completed by whoever is there, and deleted."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from config.recording import Recording as RecordingSettings
from engine.errors import EngineError
from engine.recordings import library as library_module
from engine.recordings.entry import RecordedCall, RecordingEntry
from engine.recordings.library import RecordingLibrary
from engine.store.event_log import EventLog
from engine.store.store import Store
from tests.engine.recordings.test_encode_process import stereo
from tests.support.recorded import Clock
from tests.support.waiting import until

CALL = RecordedCall(call="call-1", job="job-1", site="shop.example", agent="alice")


class StoredLibrary:
    """A library on a store of its own, and what it publishes."""

    def __init__(self, directory: Path, store: Store, **settings: Any) -> None:
        self.directory = directory
        self.clock = Clock(1_000_000.0)
        self.log = EventLog(clock=self.clock)
        self.store = store
        self.library = RecordingLibrary(
            store,
            self.log,
            directory / "talks",
            RecordingSettings(**settings),
            clock=self.clock,
        )

    def published(self, kind: str) -> list[dict[str, Any]]:
        return [
            json.loads(event.line)["params"] for event in self.log.after(0) if event.type == kind
        ]

    def publish(self, kind: str, **fields: Any) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        self.log.publish(kind, call="call-1", **known)

    def begun(self, call: RecordedCall = CALL, **more: Any) -> RecordingEntry:
        """A recording whose file the media worker has written."""
        entry = self.library.begin(call, **more)
        entry.written.parent.mkdir(parents=True, exist_ok=True)
        stereo(entry.written, 0.5)
        self.library.save(entry)
        return entry

    async def ended(self, entry: RecordingEntry) -> RecordingEntry:
        self.library.ended(entry, 0.5, self.publish)
        await until(lambda: entry.state not in ("recording", "finishing"))
        return entry


@asynccontextmanager
async def stored_library(directory: Path, **settings: Any) -> AsyncIterator[StoredLibrary]:
    store = Store(directory / "db", flush_delay_s=0.001)
    await store.open()
    here = StoredLibrary(directory, store, **settings)
    try:
        yield here
    finally:
        await here.library.stop()
        await store.close()


async def test_a_wav_file_is_complete_at_once(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        entry = here.begun()
        assert entry.path == str(tmp_path / "talks" / "call-1.wav")
        here.library.ended(entry, 0.5, here.publish)
        here.library.ended(entry, 0.5, here.publish)  # said twice
        await here.library.completed(entry)
        (event,) = here.published("recording.ended")
        assert (event["duration_s"], event["bytes"], event["marks"]) == (0.5, 16044, [])
        assert here.library.find(entry.id).view()["sha256"] == event["sha256"]
        (listed,) = await here.library.page({"job": "job-1"}, limit=5, before=None)
        assert (listed.state, listed.ended) == ("kept", 1_000_000.0)
        here.library.failed(entry, "too late", here.publish)
        assert here.library.find(entry.id).state == "kept"


async def test_another_format_is_made_in_the_end(tmp_path: Path) -> None:
    async with stored_library(tmp_path, format="opus", channels=1) as here:
        entry = here.begun()
        assert (entry.format, entry.channels) == ("opus", 1)
        await here.ended(entry)
        assert Path(entry.path).exists() and not entry.written.exists()
        assert here.published("recording.ended")[0]["path"].endswith("call-1.opus")


async def test_names_and_ids_are_never_given_twice(tmp_path: Path) -> None:
    async with stored_library(tmp_path, name="{agent}") as here:
        first, second = here.library.begin(CALL), here.library.begin(CALL)
        assert first.id != second.id
        assert [Path(one.path).name for one in (first, second)] == ["alice.wav", "alice-2.wav"]
        here.library.configure(RecordingSettings(name="{recording}"), UTC)
        third = here.library.begin(CALL, side="agent")
        assert Path(third.path).stem == third.id
        assert third.channels == 1


async def test_what_cannot_be_completed_has_failed(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        entry = here.begun()
        entry.written.write_bytes(b"")
        await here.ended(entry)
        (event,) = here.published("recording.failed")
        assert event["recording"] == entry.id
        assert "sha256" not in event  # there is nothing of it
        assert here.library.find(entry.id).state == "failed"


async def test_what_was_kept_of_a_recording_that_failed_is_measured(tmp_path: Path) -> None:
    async with stored_library(tmp_path, format="opus") as here:
        entry = here.begun()
        here.library.failed(entry, "the disk is full", here.publish)
        await here.library.completed(entry)
        (event,) = here.published("recording.failed")
        kept = entry.written.read_bytes()
        assert event["reason"] == "the disk is full"
        assert (event["path"], event["format"]) == (str(entry.written), "wav")
        assert (event["duration_s"], event["bytes"]) == (0.5, len(kept))
        assert event["sha256"] == hashlib.sha256(kept).hexdigest()
        found = here.library.find(entry.id)
        assert (found.state, found.reason, found.sha256) == (
            "failed", "the disk is full", event["sha256"],
        )  # fmt: skip


async def test_the_next_engine_says_why_a_recording_had_failed(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as dying:
        entry = dying.begun()
        dying.library.failed(entry, "the disk is full", dying.publish)
        # It dies before the file is measured.
    async with stored_library(tmp_path) as here:
        await here.library.start()
        await until(lambda: bool(here.published("recording.ended")))
        assert here.published("recording.ended")[0]["reason"] == "the disk is full"


async def test_the_next_engine_completes_what_the_last_could_not(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as dying:
        talking = dying.begun(format="flac")
        gone = dying.library.begin(CALL)
        dying.library.save(gone)
    async with stored_library(tmp_path) as here:
        await here.library.start()
        await until(
            lambda: here.published("recording.ended") and here.published("recording.failed")
        )
        (ended,), (failed,) = here.published("recording.ended"), here.published("recording.failed")
        assert (ended["recording"], ended["reason"]) == (talking.id, "engine restarted")
        assert (ended["job"], ended["site"], ended["duration_s"]) == ("job-1", "shop.example", 0.5)
        assert failed["recording"] == gone.id
        assert Path(talking.path).exists()


async def test_a_file_is_moved_when_the_command_succeeds_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "retry_s", lambda attempts: 0.01 * attempts)
    store = tmp_path / "store"
    script = f'test -d {store} && cp "$0" {store} && echo "$1"'
    command = ["/bin/sh", "-c", script, "{path}", "s3://talks/{name}"]
    async with stored_library(tmp_path, move_command=command) as here:
        entry = here.begun()
        here.library.ended(entry, 0.5, here.publish)
        await until(lambda: entry.move_attempts > 0)
        assert entry.state == "moving"
        assert entry.reason == "/bin/sh: exit status 1"
        here.clock.now += 10.0
    async with stored_library(tmp_path, move_command=command) as here:
        await here.library.start()
        store.mkdir()
        here.clock.now += 1000.0
        here.library.configure(here.library.settings, UTC)
        await until(lambda: bool(here.published("recording.moved")))
        (moved,) = here.published("recording.moved")
        assert (moved["recording"], moved["location"]) == (entry.id, "s3://talks/call-1.wav")
        found = here.library.find(entry.id)
        assert (found.state, found.reason, found.move_at) == ("moved", None, None)
        assert not Path(entry.path).exists()
        assert (store / "call-1.wav").exists()


async def test_no_file_is_moved_over_another(tmp_path: Path) -> None:
    command = ["/bin/true"]
    async with stored_library(tmp_path, move_command=command) as here:
        first = await here.ended(here.begun())
        await until(lambda: first.state == "moved")
        second = await here.ended(here.begun())  # of the same call
        await until(lambda: second.state == "moved")
    async with stored_library(tmp_path, move_command=command) as here:
        here.clock.now += 1.0
        third = here.begun()
        names = [Path(one.path).name for one in (first, second, third)]
        assert names == ["call-1.wav", "call-1-2.wav", "call-1-3.wav"]
        # What is forgotten, perhaps as it names a person, is taken no more.
        await here.library.delete(second.id)
        assert here.begun().path == second.path


async def test_a_command_that_is_configured_later_moves_what_waits(tmp_path: Path) -> None:
    async with stored_library(tmp_path, move_command=["/bin/false"]) as here:
        entry = here.begun()
        here.library.ended(entry, 0.5, here.publish)
        await until(lambda: entry.move_attempts > 0)
    async with stored_library(tmp_path) as here:
        await here.library.start()
        await asyncio.sleep(0)
        here.clock.now += 1000.0
        here.library.configure(RecordingSettings(move_command=["/bin/true"]), UTC)
        await until(lambda: bool(here.published("recording.moved")))


async def test_pages_are_in_the_order_of_time_newest_first(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        ids = []
        for number in range(5):
            here.clock.now += 1.0
            call = RecordedCall(call=f"call-{number}", agent="alice" if number % 2 else "bob")
            ids.append((await here.ended(here.begun(call))).id)
        first = await here.library.page({}, limit=3, before=None)
        rest = await here.library.page({}, limit=3, before=first[-1].id)
        assert [one.id for one in first + rest] == ids[::-1]
        of_alice = await here.library.page(
            {"agent": "alice", "state": "kept"}, limit=9, before=None
        )
        assert [one.id for one in of_alice] == [ids[3], ids[1]]


async def test_a_recording_is_deleted_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        entry = here.begun()
        with pytest.raises(EngineError, match="goes on"):
            await here.library.delete(entry.id)
        await here.ended(entry)
        await here.library.delete(entry.id, "root")
        assert not Path(entry.path).exists()
        (event,) = here.published("recording.deleted")
        assert (event["recording"], event["reason"], event["by"]) == (entry.id, "command", "root")
        with pytest.raises(EngineError, match="there is no recording"):
            here.library.find(entry.id)


async def test_recordings_go_with_their_calls_and_by_their_age(tmp_path: Path) -> None:
    async with stored_library(tmp_path) as here:
        old = await here.ended(here.begun())
        here.clock.now += 100.0
        new = await here.ended(here.begun(RecordedCall(call="call-2")))
        going_on = here.begun(RecordedCall(call="call-3"))
        await here.library.delete_before(1_000_050.0)
        left = await here.library.page({}, limit=9, before=None)
        assert {one.id for one in left} == {new.id, going_on.id}
        assert not Path(old.path).exists()
        assert await here.library.delete_of(["call-2", "call-3", "none"], "person.erase") == 1
        assert {event["reason"] for event in here.published("recording.deleted")} == {
            "retention", "person.erase",
        }  # fmt: skip
        assert here.library.find(going_on.id).state == "recording"


async def test_deleting_breaks_off_what_is_under_way(tmp_path: Path) -> None:
    async with stored_library(tmp_path, move_command=["/bin/sleep", "600"]) as here:
        entry = here.begun()
        await here.ended(entry)
        assert entry.state == "moving"
        await here.library.delete(entry.id)
        assert not here.library._tasks


async def test_a_fault_in_a_task_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wrong(_entry: RecordingEntry) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(library_module, "finish", wrong)
    async with stored_library(tmp_path) as here:
        entry = here.begun()
        here.library.ended(entry, 0.5, here.publish)
        await until(lambda: not here.library._tasks)
    assert "recording_task_failed" in capsys.readouterr().out
