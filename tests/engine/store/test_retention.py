"""What is forgotten in time, and what with it."""

import os
from pathlib import Path

from config.sections import Store as Kept
from engine.callbacks.joining import JOINED, Joined
from engine.store.retention import Retention
from tests.support.engines.in_process import running, settings_in
from tests.support.recorded import ended_job, leg, recorded

DAY = 86400.0
KEEP_ALL = Kept()


async def test_requests_that_joined_a_forgotten_job_are_forgotten_with_it(tmp_path: Path) -> None:
    asked = {"to": "+442079460123", "agent": "alice", "not_before": 4e9}
    async with running(settings_in(tmp_path)) as (daemon, client):
        await client.callback(**asked, id="old")
        await client.callback(**asked, id="joins old")
        await client.call("callback.cancel", id="old")
        await client.callback(**asked, id="new")
        await client.callback(**asked, id="joins new")
        daemon.retention.configure(Kept(keep_days=1e-9), 0.0)
        await daemon.retention.sweep()
        await daemon.store.flush()
        assert daemon.store.find("old") is None
        assert await daemon.store.load(JOINED, Joined) == {
            "joins new": daemon.store.document(JOINED, "joins new", Joined)
        }
        assert (await client.call("callback.get", id="joins new"))["id"] == "new"


async def test_records_that_are_older_are_forgotten(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number, day in enumerate((0.0, 5.0, 40.0)):
            at = day * DAY
            here.at(at, "queue.joined", job=f"j{number}", queue="sales")
            here.at(at + 1, "queue.answered", job=f"j{number}", agent="alice")
            here.at(at + 1, "agent.talking", agent="alice", work=f"j{number}")
            legs = [leg("customer", at, at + 1, at + 9)]
            here.end(ended_job(f"j{number}", created=at, ended_at=at + 9, legs=[legs]))
            here.store.execute("INSERT INTO annotations VALUES (?, 1.0, 'sold', 5, '[]')",
                               (f"j{number}",))  # fmt: skip
        here.at(3.0, "agent.available", agent="bob")
        here.at(4.0, "queue.joined", call="c1", queue="sales")  # still waits
        here.clock.now = 41 * DAY
        retention = Retention(
            here.store, here.log, KEEP_ALL, recordings=tmp_path / "talks", clock=here.clock
        )
        await retention.sweep()
        assert len(await here.rows("SELECT id FROM records")) == 3
        retention.configure(KEEP_ALL, 10.0)
        await retention.sweep()
        assert await here.rows("SELECT id FROM records") == [("j2",)]
        assert await here.rows("SELECT id FROM annotations") == [("j2",)]
        assert await here.rows("SELECT record FROM customer_answers") == [("j2",)]
        assert await here.rows("SELECT entry FROM queue_stays ORDER BY entry") == [
            ("c1",), ("j2",),
        ]  # fmt: skip
        assert await here.rows("SELECT agent, since FROM agent_periods ORDER BY agent") == [
            ("alice", 40 * DAY + 1), ("bob", 3.0),
        ]  # fmt: skip


async def test_many_records_are_forgotten_in_steps(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number in range(2200):
            here.end(ended_job(f"j{number}", created=1.0, ended_at=2.0))
        here.clock.now = 41 * DAY
        before = here.store.status()["commits"]
        await Retention(
            here.store, here.log, KEEP_ALL, 10.0, recordings=tmp_path, clock=here.clock
        ).sweep()
        assert await here.rows("SELECT id FROM records") == []
        assert here.store.status()["commits"] - before >= 3


def talk(directory: Path, name: str, at: float) -> Path:
    directory.mkdir(exist_ok=True)
    file = directory / f"{name}.wav"
    file.write_bytes(b"RIFF")
    os.utime(file, (at, at))
    return file


async def test_a_recording_goes_with_its_record(tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    async with recorded(tmp_path / "db", now=0.0) as here:
        for name, day in (("old", 1.0), ("new", 40.0)):
            legs = [leg("customer", day * DAY, day * DAY + 1, day * DAY + 9)]
            here.end(ended_job(name, created=day * DAY, ended_at=day * DAY + 9, legs=[legs]))
        files = {name: talk(talks, name, 0.0) for name in ("call-old", "call-new", "other")}
        here.clock.now = 41 * DAY
        retention = Retention(
            here.store, here.log, KEEP_ALL, 10.0, recordings=talks, clock=here.clock
        )
        await retention.sweep()
        there = {name for name, file in files.items() if file.exists()}
        assert there == {"call-new", "other"}


async def test_recordings_are_deleted_by_their_own_age(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        old, new = (talk(tmp_path / "talks", name, at * DAY) for name, at in (("a", 1), ("b", 39)))
        here.clock.now = 41 * DAY
        kept = Kept(keep_recordings_days=10.0)
        await Retention(
            here.store, here.log, kept, recordings=tmp_path / "talks", clock=here.clock
        ).sweep()
        assert (old.exists(), new.exists()) == (False, True)


async def test_nothing_is_deleted_for_a_day_after_the_clock_was_set_far_forward(
    tmp_path: Path,
) -> None:
    """It may be wrong, and is set back when that is noticed: recordings do not come back."""
    async with recorded(tmp_path / "db", now=100 * DAY) as here:
        talks = tmp_path / "talks"
        talks.mkdir()
        talk = talks / "call-1.wav"
        talk.write_bytes(b"RIFF")
        os.utime(talk, (99 * DAY, 99 * DAY))
        kept = Kept(keep_recordings_days=10.0)
        retention = Retention(here.store, here.log, kept, recordings=talks, clock=here.clock)
        here.clock.now += 400 * DAY
        retention.shift(400 * DAY)
        await retention.sweep()
        assert talk.exists()
        here.clock.now -= 400 * DAY  # it was wrong
        retention.shift(-400 * DAY)
        await retention.sweep()
        assert talk.exists()
        here.clock.now += 400 * DAY  # it is right
        retention.shift(400 * DAY)
        here.clock.now += 0.9 * DAY
        await retention.sweep()
        assert talk.exists()
        here.clock.now += 0.2 * DAY
        await retention.sweep()
        assert not talk.exists()


async def test_events_may_be_kept_for_another_time_than_jobs(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        here.at(1.0, "agent.available", agent="alice")
        here.at(39 * DAY, "agent.paused", agent="alice")
        here.store.save(ended_job("j1", ended_at=1.0))
        here.clock.now = 41 * DAY
        kept = Kept(keep_events_days=10.0)
        await Retention(here.store, here.log, kept, recordings=tmp_path, clock=here.clock).sweep()
        assert await here.rows("SELECT type FROM events") == [("agent.paused",)]
        assert await here.rows("SELECT id FROM jobs") == [("j1",)]
