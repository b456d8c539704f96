"""Callers whom a script transfers: to queues, agents, numbers outside and bots."""

import asyncio
from pathlib import Path

from config.calendars import Calendar
from config.inbound import Inbound as Route
from config.queues import Queue
from engine.routing.hours.opening_hours import opening_hours
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    BYE,
    SHOP,
    ended,
    last_script,
    run,
)
from tests.support.scripted_streams import URL, host_of, scripted_streams
from tests.support.scripts import step


def test_transfer_to_a_queue_that_is_closed_goes_on(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    night = Calendar(name="night", zone="UTC", hours=["mon 00:00-01:00"])
    queues = [Queue(name="closed", calendar="night"), Queue(name="sales")]
    steps = (
        step("closed", "transfer", queue="closed", failed="open"),
        step("open", "transfer", queue="sales"),
    )

    async def with_hours(desk: Reception) -> None:
        desk.queues.configure(queues, [], opening_hours([night]), ring_s=20.0)
        await conduct(desk)

    desk = run(tmp_path, with_hours, *steps, route=Route(name="x", script="test"))
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.last("call.ended")["queue"] == "sales"
    assert last_script(desk) == ("transfer", ["closed", "open"])


AGENT = (step("alice", "transfer", agent="alice", max_wait_s=20.0, failed="bye"), BYE)


def test_transfer_to_an_agent(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(3)
        assert desk.states() == {"alice": "talking"}
        agent.hangs_up()

    desk = run(tmp_path, conduct, *AGENT)
    assert ended(desk) == ("completed", "operator hung up")
    assert desk.stage.last("call.ended")["agent"] == "alice"


def test_agent_who_does_not_answer_or_take_calls(tmp_path: Path) -> None:
    async def refused(desk: Reception) -> None:
        await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(5)

    desk = run(tmp_path, refused, *AGENT)
    assert ended(desk) == ("script", "as they wished")

    async def away(desk: Reception) -> None:
        await desk.waiting_alone()
        await asyncio.sleep(30)

    desk = run(tmp_path, away, *AGENT)
    assert last_script(desk) == ("hangup", ["alice", "bye"])


def test_agent_who_hangs_up_in_the_whisper_brings_the_script_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        agent = await desk.stage.phone()
        agent.answers()
        await asyncio.sleep(0.1)
        agent.hangs_up()
        await desk.answering_agent()
        await asyncio.sleep(3)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.owner is not None
        call.owner.hang_up()

    route = SHOP.model_copy(update={"whisper": "A caller of the shop."})
    desk = run(tmp_path, conduct, *AGENT, route=route)
    assert ended(desk) == ("completed", "hung up by command")
    assert [one["result"] for one in desk.stage.last("call.ended")["scripts"]] == ["transfer"] * 2


def test_talk_to_which_a_script_has_led_ends_after_the_longest_time(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.answering_agent()
        await asyncio.sleep(70)
        assert caller.is_hung_up and agent.is_hung_up

    desk = run(tmp_path, conduct, *AGENT, max_duration_s=60.0)
    assert ended(desk) == ("completed", "maximum duration reached")


OUTSIDE = (step("out", "transfer", number="+442079460777", failed="bye"), BYE)


def test_transfer_to_a_number_outside(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        phone = await desk.stage.phone()
        assert "+442079460777" in phone.invitation.target
        phone.answers()
        await asyncio.sleep(5)
        caller.hangs_up()

    desk = run(tmp_path, conduct, *OUTSIDE)
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.last("call.ended")["answered_at"] is not None


def test_number_outside_that_is_busy_or_refused_goes_on(tmp_path: Path) -> None:
    async def busy(desk: Reception) -> None:
        await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(5)

    desk = run(tmp_path, busy, *OUTSIDE)
    assert ended(desk) == ("script", "as they wished")

    async def refused(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    out = step("out", "transfer", number="112", failed="bye")
    desk = run(tmp_path, refused, out, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert desk.stage.sip.phones.empty()


def test_caller_talks_with_a_bot_unless_it_cannot_be_reached(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    async def without_host(desk: Reception) -> None:
        desk.stage.services.streams = scripted_streams()
        host_of(desk.stage.services.streams).works = False
        await conduct(desk)

    async def with_host(desk: Reception) -> None:
        desk.stage.services.streams = scripted_streams()
        caller = await desk.waiting()
        await host_of(desk.stage.services.streams).ready()
        await asyncio.sleep(3)
        caller.hangs_up()

    bot = step("bot", "transfer", stream=URL, failed="bye")
    desk = run(tmp_path, with_host, bot, BYE)
    assert ended(desk) == ("completed", "caller hung up")
    desk = run(tmp_path, without_host, bot, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert last_script(desk)[1] == ["bot", "bye"]


def test_a_bot_of_a_script_that_is_lost_leaves_the_caller_to_its_fallback(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.services.streams = scripted_streams()
        caller = await desk.waiting()
        await host_of(desk.stage.services.streams).ready()
        await asyncio.sleep(1)
        await host_of(desk.stage.services.streams).end("connection lost", "failed")
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    bot = step("bot", "transfer", stream=URL, fallback={"queue": "sales"}, failed="bye")
    desk = run(tmp_path, conduct, bot, BYE)
    assert ended(desk) == ("completed", "caller hung up")
    assert desk.stage.last("stream.failed")["fallback"] == "sales"
    assert desk.stage.last("transfer.completed")["to_queue"] == "sales"
    assert desk.stage.last("call.ended")["agent"] == "alice"
