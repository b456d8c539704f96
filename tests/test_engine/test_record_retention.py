"""Records are forgotten when they are old, and nothing else is."""

from pathlib import Path

from engine.record_retention import Retention
from tests.support.recorded import ended_job, leg, recorded

DAY = 86400.0


async def test_what_is_older_is_forgotten(tmp_path: Path) -> None:
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
        retention = Retention(here.store, 0.0, clock=here.clock)
        await retention.sweep()
        assert len(await here.rows("SELECT id FROM records")) == 3
        retention.keep_days = 10.0
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


async def test_many_are_forgotten_in_steps(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=0.0) as here:
        for number in range(1200):
            here.end(ended_job(f"j{number}", created=1.0, ended_at=2.0))
        here.clock.now = 41 * DAY
        before = here.store.status()["commits"]
        await Retention(here.store, 10.0, clock=here.clock).sweep()
        assert await here.rows("SELECT id FROM records") == []
        assert here.store.status()["commits"] - before >= 3
