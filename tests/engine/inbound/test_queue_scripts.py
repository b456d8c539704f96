"""Scripts of a queue: in place of waiting, where it is closed, and after the talk."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.calendars import Calendar
from config.inbound import Inbound as Route
from config.queues import Queue
from engine.routing.hours.opening_hours import opening_hours
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    CONNECT,
    ended,
    last_script,
    press,
    run,
)
from tests.support.scripts import script, step

RATED = Route(name="shop", queue="sales", after_script="rating")
RATING = script(step("rate", "rating", timeout_s=5.0, tries=1), name="rating")


def test_caller_rates_the_talk_after_the_agent_has_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(10)
        agent.hangs_up()
        await asyncio.sleep(0.5)
        assert desk.states() == {"alice": "available"}
        await press(desk, "4")
        await asyncio.sleep(1)

    desk = run(tmp_path, conduct, CONNECT, route=RATED, others=(RATING,))
    assert ended(desk) == ("completed", "operator hung up")
    assert desk.stage.last("callback.annotated")["rating"] == 4
    (values,) = desk.stage.store.executed
    assert values[0] == desk.stage.last("call.ended")["call"] and values[3] == 4
    assert last_script(desk) == ("hangup", ["rate"])
    assert desk.stage.last("call.ended")["talk_s"] == pytest.approx(10, abs=3)


def test_nobody_is_asked_who_has_hung_up_themselves(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = run(tmp_path, conduct, CONNECT, route=RATED, others=(RATING,))
    assert desk.stage.last("call.ended").get("scripts") is None

    async def removed(desk: Reception) -> None:
        desk.stage.services.scripts.configure([], [])
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        agent.hangs_up()

    desk = run(tmp_path, removed, CONNECT, route=RATED, others=(RATING,))
    assert ended(desk) == ("completed", "operator hung up")


INSTEAD = script(
    step("ask", "menu", keys={"1": "mail", "2": "later", "3": "wait"}, timeout_s=3.0, tries=1,
         no_input="wait"),
    step("mail", "voicemail", queue="sales"),
    step("later", "callback"),
    step("wait", "connect"),
    name="instead",
)  # fmt: skip
PLAIN = Route(name="shop", queue="sales", max_wait_s=60.0)


def in_queue(tmp_path: Path, conduct: Any, **queue: Any) -> Reception:
    """A route without a script, to a queue with one."""
    sales = Queue(name="sales", script="instead", script_digit="9", again_s=5.0, **queue)
    return run(tmp_path, conduct, CONNECT, route=PLAIN, others=(INSTEAD, RATING), queues=[sales])


def test_waiting_caller_leaves_for_the_script_and_keeps_the_position(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(10)
        await press(desk, "9")
        assert desk.queues.count_waiting("sales") == 0
        await press(desk, "3")
        assert desk.queues.count_waiting("sales") == 1
        desk.agents.ready("alice")
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = in_queue(tmp_path, conduct)
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.seen("call.answered") == ["call.answered"]
    assert last_script(desk) == ("connect", ["ask", "wait"])
    assert desk.stage.last("call.ended")["scripts"][0]["use"] == "queue"


def test_waiting_caller_is_called_back_by_the_script_in_their_position(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting_alone()
        await asyncio.sleep(10)
        await press(desk, "9", "2")
        await asyncio.sleep(3)

    desk = in_queue(tmp_path, conduct)
    assert ended(desk)[0] == "callback"
    ((_asked, joined_at),) = desk.intake.accepted
    assert joined_at == desk.stage.last("call.answered")["joined_at"]


def test_caller_leaves_a_message_where_the_queue_is_closed(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 3.0
        await desk.waiting_alone()
        await press(desk, "1")
        await asyncio.sleep(6)
        assert desk.stage.media.recorded
        await press(desk, "#")

    night = Calendar(name="night", zone="UTC", hours=["mon 00:00-01:00"])

    async def closed(desk: Reception) -> None:
        sales = Queue(name="sales", script="instead", calendar="night")
        desk.queues.configure([sales], [], opening_hours([night]), ring_s=20.0)
        await conduct(desk)

    desk = in_queue(tmp_path, closed)
    assert ended(desk)[0] == "voicemail"
    assert desk.stage.last("voicemail.left")["queue"] == "sales"


def test_caller_who_waits_too_long_goes_through_the_script_three_times_at_most(
    tmp_path: Path,
) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(90)
        assert caller.is_hung_up

    desk = in_queue(tmp_path, conduct)
    assert ended(desk) == ("timeout", "no operator within 60 s")
    assert len(desk.stage.last("call.ended")["scripts"]) == 3


def test_queue_has_a_script_for_after_the_talk(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        agent.hangs_up()
        await press(desk, "5")
        await asyncio.sleep(1)

    desk = in_queue(tmp_path, conduct, after_script="rating")
    assert desk.stage.last("callback.annotated")["rating"] == 5
