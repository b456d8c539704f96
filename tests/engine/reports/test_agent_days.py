"""What agents did today: the same as report.agent gives from rows."""

from pathlib import Path
from typing import Any

from engine.reports.agent_days import AgentDays
from tests.support.recorded import Recorded, recorded

DAY = 86400.0
NOON = 20_000 * DAY + DAY / 2


def test_occupancy_and_handling_time_by_hand() -> None:
    days = AgentDays()
    days.begin(0.0)
    for state, since in (
        ("available", 100.0), ("ringing", 150.0), ("talking", 160.0), ("wrap_up", 220.0),
        ("available", 250.0), ("paused", 300.0), ("logged_out", 400.0),
    ):  # fmt: skip
        days.change("alice", state, since)
    # busy 60 + 30 of 50 + 10 + 60 + 30 + 50
    assert days.view("alice", 500.0) == {"occupancy_percent": 45.0, "aht_s": 90.0}
    assert days.view("bob", 500.0) == {"occupancy_percent": None, "aht_s": None}


def test_a_talk_that_goes_on_counts_until_now() -> None:
    days = AgentDays()
    days.begin(0.0)
    days.change("alice", "talking", 100.0)
    assert days.view("alice", 130.0)["aht_s"] == 30.0
    assert days.view("alice", 160.0)["aht_s"] == 60.0


async def test_live_says_what_the_report_says_also_after_a_restart(tmp_path: Path) -> None:
    async def both(here: Recorded) -> list[dict[str, Any]]:
        here.present.agents = [{"agent": "alice", "state": "talking"}]
        await here.store.flush()
        report = (await here.report("agent"))["totals"][0]
        live = here.live.view()["agents"][0]
        names = ("occupancy_percent", "aht_s")
        return [{name: found[name] for name in names} for found in (report, live)]

    async with recorded(tmp_path / "db", now=NOON) as here:
        here.present.engine = {"calls": 0, "open_jobs": 0}
        for state, at in (
            ("available", -DAY), ("talking", 10.0), ("wrap_up", 70.0), ("available", 90.0),
            ("talking", 100.0),
        ):  # fmt: skip
            here.at(NOON + at, f"agent.{state}", agent="alice", since=NOON + at)
        here.clock.now = NOON + 130
        report, live = await both(here)
        assert report == live
    async with recorded(tmp_path / "db", now=NOON + 200) as here:
        report, live = await both(here)
        assert report == live
