"""Times that callers are offered, by the hours of their queue."""

from pathlib import Path

import pytest

from config.agents import Agent as AgentSettings
from config.calendars import Calendar
from config.queues import Queue
from engine.callbacks.open_jobs import OpenJobs
from engine.callbacks.scripting.script_callbacks import ScriptCallbacks, check_may_key_in
from engine.callbacks.slot_bookings import SlotBookings
from engine.calls.scripting.scripts import Scripts
from engine.errors import EngineError
from engine.routing.hours.opening_hours import opening_hours
from engine.scripts.actions import FindSlots
from tests.support.jobs import callback_job
from tests.support.scene import Scene, run_scene

OFFICE = Calendar(name="office", zone="Europe/Berlin", hours=["thu-fri 09:00-11:30"])
THURSDAY_10 = 9 * 3600.0  # 1970-01-01 10:00 in Berlin
HOUR = 3600.0


def found(tmp_path: Path, queue: str, now: float, agent: str | None = None) -> list[float]:
    async def script(stage: Scene) -> list[float]:
        services = stage.services
        carol = AgentSettings(name="carol", uri="sip:carol@127.0.0.1:5080", calendar="office")
        services.agents.enrol(carol)
        services.queues.start([Queue(name="sales", calendar="office")], [], opening_hours([OFFICE]))
        callbacks = ScriptCallbacks(
            services.queues,
            stage.admission,
            services.dialplan,
            Scripts([], [OFFICE]),
            SlotBookings(OpenJobs(), services.queues),
        )
        wanted = FindSlots(queue, "", 3, HOUR)
        slots = callbacks.find(wanted, "+442079461111", language="en", now=now, agent=agent)
        services.queues.stop()
        return [one.at for one in slots.slots]

    return run_scene(tmp_path, script)


def test_times_are_open_to_their_ends(tmp_path: Path) -> None:
    # From 10:00 to 11:00, and on Friday from 9:00 on: 11:00 to 12:00 would reach into the closed.
    expected = [THURSDAY_10, THURSDAY_10 + 23 * HOUR, THURSDAY_10 + 24 * HOUR]
    assert found(tmp_path, "sales", THURSDAY_10) == expected
    assert found(tmp_path, "sales", THURSDAY_10 - 1.0) == expected


def test_queue_without_hours_is_open_always(tmp_path: Path) -> None:
    now = THURSDAY_10 + 1.0
    assert found(tmp_path, "", now) == [THURSDAY_10 + nth * HOUR for nth in (1, 2, 3)]


def test_without_a_queue_they_are_in_the_hours_of_the_agent(tmp_path: Path) -> None:
    expected = [THURSDAY_10, THURSDAY_10 + 23 * HOUR, THURSDAY_10 + 24 * HOUR]
    assert found(tmp_path, "", THURSDAY_10, agent="carol") == expected


@pytest.mark.parametrize("is_far", [False, True])
def test_slot_that_is_full_is_not_offered(tmp_path: Path, is_far: bool) -> None:
    async def look(stage: Scene) -> list[float]:
        services, jobs = stage.services, OpenJobs()
        services.queues.start([Queue(name="sales")])
        due = HOUR * (2 if is_far else 1)
        jobs.add_job(callback_job(agent=None, queue="sales", not_before=due + 60.0))
        shared = stage.for_attempts(jobs)
        wanted = FindSlots("sales", "", 2, HOUR)
        found = shared.script_callbacks.find(wanted, "+442079461111", language="en", now=1.0)
        services.queues.stop()
        return [one.at for one in found.slots]

    assert run_scene(tmp_path, look) == ([HOUR, 3 * HOUR] if is_far else [2 * HOUR, 3 * HOUR])


def test_caller_whose_number_is_withheld_names_no_other() -> None:
    assert check_may_key_in("+442079461111") == "+442079461111"
    with pytest.raises(EngineError, match="withheld"):
        check_may_key_in(None)
