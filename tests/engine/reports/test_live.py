"""Today's figures as they are counted: always those that the report gives from its rows."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.reporting import Reports as ReportSettings
from tests.support.examples import at_most
from tests.support.recorded import Recorded, ended_job, recorded

DAY = 86400.0
NOON = 20_000 * DAY + DAY / 2  # in UTC
BECAME = (
    "answered", "abandoned", "short_abandoned", "overflowed", "expired", "withdrawn", "lost",
)  # fmt: skip


def queue(here: Recorded, name: str) -> dict[str, Any]:
    return next(view for view in here.live.queue_views() if view["queue"] == name)


async def test_who_waits_and_what_became_of_the_others(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=NOON) as here:
        here.present.queues = ["sales", "empty"]
        here.at(NOON, "queue.joined", call="c1", queue="sales")
        here.at(NOON + 10, "queue.joined", job="j1", queue="sales")
        here.clock.now = NOON + 30
        view = queue(here, "sales")
        assert (view["waiting"], view["callers_waiting"], view["longest_wait_s"]) == (2, 1, 30.0)
        here.at(NOON + 40, "queue.answered", call="c1", queue="sales", agent="alice")
        view = queue(here, "sales")
        assert (view["waiting"], view["answered"], view["asa_s"]) == (1, 1, 40.0)
        assert (view["offered"], view["service_level_percent"]) == (2, 0.0)
        assert queue(here, "empty")["service_level_percent"] is None


async def test_a_new_day_begins_at_midnight_of_the_place(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=NOON) as here:
        here.present.queues = ["sales"]
        here.at(NOON, "queue.joined", call="c1", queue="sales")
        here.at(NOON + 1, "queue.answered", call="c1", queue="sales")
        here.at(NOON + 2, "queue.joined", call="c2", queue="sales")
        here.end(ended_job(created=NOON, ended_at=NOON + 3))
        assert here.live.view()["jobs_today"] == {"completed": 1}
        here.clock.now = NOON + DAY / 2  # midnight
        view = queue(here, "sales")
        # Who waits since yesterday waits, and is no figure of today.
        assert (view["waiting"], view["offered"], view["answered"]) == (1, 0, 0)
        here.at(NOON + DAY / 2 + 5, "queue.answered", call="c2", queue="sales")
        assert queue(here, "sales")["answered"] == 0
        assert here.live.view()["jobs_today"] == {}
        assert here.live.view()["day_began"] == NOON + DAY / 2


async def test_a_restart_counts_on(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=NOON) as here:
        here.at(NOON, "queue.joined", call="c1", queue="sales")
        here.at(NOON + 30, "queue.answered", call="c1", queue="sales")
        here.at(NOON + 31, "queue.joined", job="j1", queue="sales")
        here.end(ended_job("j0", created=NOON, ended_at=NOON + 32))
        before = (here.live.queue_views(), here.live.view()["jobs_today"])
    async with recorded(tmp_path / "db", now=NOON + 32) as here:
        assert (here.live.queue_views(), here.live.view()["jobs_today"]) == before


async def test_other_definitions_and_another_zone_hold_for_what_was_today(tmp_path: Path) -> None:
    async with recorded(tmp_path / "db", now=NOON) as here:
        here.at(NOON - 10 * 3600, "queue.joined", call="c1", queue="sales")
        here.at(NOON - 10 * 3600 + 30, "queue.answered", call="c1", queue="sales")
        here.end(ended_job("early", created=NOON - 10 * 3600, ended_at=NOON - 10 * 3600 + 9))
        here.at(NOON, "queue.joined", call="c2", queue="sales")
        here.at(NOON + 1, "queue.joined", call="c3", queue="sales")
        assert queue(here, "sales")["service_level_percent"] == 0.0
        here.reports.configure(ReportSettings(time_zone="UTC", service_level_s=45.0))
        recount = asyncio.create_task(here.live.recount())
        await asyncio.sleep(0)
        here.at(NOON + 5, "queue.abandoned", call="c2", queue="sales")  # while it is counted
        here.end(ended_job("late", created=NOON, ended_at=NOON + 6))
        await recount
        view = queue(here, "sales")
        assert (view["offered"], view["answered"], view["abandoned"]) == (3, 1, 1)
        assert view["waiting"] == 1
        assert view["service_level_percent"] == 50.0
        assert here.live.view()["jobs_today"] == {"completed": 2}
        here.reports.configure(ReportSettings(time_zone="America/New_York"))  # its day is younger
        await here.live.recount()
        assert queue(here, "sales")["answered"] == 0
        assert here.live.view()["jobs_today"] == {"completed": 1}


# -- any history --------------------------------------------------------------------------------

NAMES = st.sampled_from(["c1", "c2", "c3", "j1", "j2"])
STEPS = st.lists(
    st.tuples(
        st.floats(0.0, 40.0),
        NAMES,
        st.sampled_from(["sales", "help"]),
        st.sampled_from(
            ["joined", "joined", "answered", "abandoned", "overflowed", "moved", "left",
             "timeout", "ended", "restart"]
        ),
    ),
    max_size=40,
)  # fmt: skip


def step(here: Recorded, now: float, name: str, where: str, what: str) -> None:
    entry = {"call" if name.startswith("c") else "job": name}
    match what:
        case "timeout":
            here.at(now, "queue.left", queue=where, reason="timeout", **entry)
        case "ended" if name.startswith("c"):
            here.at(now, "call.ended", call=name)
        case "ended":
            here.end(ended_job(name, state="cancelled", created=now, ended_at=now))
        case _:
            here.at(now, f"queue.{what}", queue=where, agent="alice", **entry)


@given(STEPS)
@at_most(40)
def test_statistics_add_up_in_any_history(steps: list[tuple[float, str, str, str]]) -> None:
    """Also one that no engine publishes: joined twice, answered without waiting, cut off."""

    async def history(path: Path) -> None:
        now = NOON
        joined = 0
        part: list[tuple[float, str, str, str]] = []
        parts = [part]
        for one in steps:
            if one[3] == "restart":
                parts.append(part := [])
            else:
                part.append(one)
        for number, some in enumerate(parts):
            async with recorded(path, now=now) as here:
                for pause_s, name, where, what in some:
                    now += pause_s
                    step(here, now, name, where, what)
                if number:
                    here.at(now, "engine.started")
                report = await here.report("queue", NOON - 1, now + 1)
                for row in report["totals"]:
                    became = sum(row[name] for name in BECAME) + row["waiting"]
                    assert row["offered"] == became
                    view = queue(here, row["queue"])
                    for name in ("offered", *BECAME, "waiting", "asa_s", "abandoned_percent",
                                 "service_level_percent", "asterisk_sl_percent",
                                 "asterisk_sl2_percent"):  # fmt: skip
                        assert view[name] == row[name], name
                ((rows,),) = await here.rows("SELECT COUNT(*) FROM queue_stays")
                assert report["total"]["offered"] == rows
                assert rows >= joined
                joined = rows
                ((of_callbacks,),) = await here.rows(
                    "SELECT COUNT(*) FROM queue_stays"
                    " WHERE kind = 'callback' AND result = 'abandoned'"
                )
                assert of_callbacks == 0

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(history(Path(directory) / "db"))
