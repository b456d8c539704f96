"""Callers whom a queue sends on: to numbers outside, or away."""

import asyncio
from pathlib import Path

import pytest

from config.inbound import Inbound as Route
from config.queues import Overflow, Queue
from media.sources import Hold, Prompt
from tests.support.reception import Reception, reception
from tests.support.shop_callers import KEY, presses


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        await asyncio.sleep(61)
        assert not caller.is_hung_up  # the caller hears the sentence
        await asyncio.sleep(3)
        assert caller.is_hung_up

    route = Route(name="shop", queue="sales", max_wait_s=60.0)
    desk = reception(tmp_path, script, routes=[route], room={"texts": {"timeout": "Sorry."}})
    assert desk.stage.last("call.ended")["result"] == "timeout"
    assert desk.stage.last("queue.left")["reason"] == "timeout"
    assert desk.heard()[-1] == Prompt("Sorry.")


def test_the_queue_may_send_the_customer_to_an_outside_number(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        outside = await desk.answering_agent()
        assert "+442079460999" in outside.invitation.target
        assert desk.heard()[:-1] == [Hold()], "music, until the two are joined"
        await asyncio.sleep(1)
        outside.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    queue = Queue(name="sales", overflow=[Overflow(after_s=30.0, number="+442079460999")])
    desk = reception(tmp_path, script, queues=[queue])
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("queue.overflowed")["target"] == "+442079460999"


def test_events_of_a_caller_who_overflowed_name_the_queue_where_they_are(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        (await desk.answering_agent()).hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up

    overflow = [Overflow(after_s=10.0, queue="service")]
    sales = Queue(name="sales", skills={"greek": 1}, overflow=overflow)
    service = Queue(name="service", agents=["alice"])
    desk = reception(tmp_path, script, queues=[sales, service])
    assert desk.stage.last("queue.answered")["queue"] == "service"
    assert desk.stage.last("call.bridged")["queue"] == "service"
    assert desk.stage.last("call.ended")["queue"] == "service"


def test_a_caller_not_answered_outside_regains_the_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        caller = await desk.waiting()
        (await desk.stage.phone()).refuses(486, "Busy Here")
        await asyncio.sleep(3)
        assert not caller.is_hung_up
        assert desk.heard() == [Hold()], "the music goes on"
        second = await desk.waiting(caller="+442079462222")
        desk.agents.ready("alice")
        agent = await desk.answering_agent()
        assert "alice" in agent.invitation.target
        agent.hangs_up()
        await asyncio.sleep(0)
        assert caller.is_hung_up and not second.is_hung_up
        second.hangs_up()

    queue = Queue(name="sales", overflow=[Overflow(after_s=30.0, number="+442079460999")])
    desk = reception(tmp_path, script, queues=[queue])
    assert desk.stage.seen("queue.")[:4] == [
        "queue.joined", "queue.overflowed", "queue.joined", "queue.joined",
    ]  # fmt: skip


@pytest.mark.parametrize("ended_by", ["key", "limit"])
def test_the_key_and_the_limit_hold_while_an_outside_number_rings(
    tmp_path: Path, ended_by: str
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        outside = await desk.stage.phone()
        outside.rings()
        await asyncio.sleep(1)
        assert not outside.is_hung_up
        if ended_by == "key":
            presses(desk, "1")
        await asyncio.sleep(5)
        assert outside.is_hung_up and caller.is_hung_up

    overflow = [Overflow(after_s=5.0, number="+447700900123")]
    desk = reception(
        tmp_path, script, room=KEY, queues=[Queue(name="sales", overflow=overflow)],
        routes=[Route(name="shop", queue="sales", max_wait_s=8.0)],
    )  # fmt: skip
    result = desk.stage.last("call.ended")["result"]
    assert result == ("callback" if ended_by == "key" else "timeout")


@pytest.mark.parametrize("text", ["We are full.", ""])
def test_a_full_queue(tmp_path: Path, text: str) -> None:
    async def script(desk: Reception) -> None:
        desk.agents.pause("alice")
        first = await desk.waiting()
        second = desk.call(caller="+442079462222")
        await asyncio.sleep(0.1)
        if text:
            second.acknowledges()
            await asyncio.sleep(3)
            assert second.statuses == [180, 200]
            assert second.is_hung_up
            assert desk.heard(1) == [Prompt(text)]
        else:
            assert second.statuses == [486]
        assert desk.stage.last("call.ended")["result"] == "full"
        first.hangs_up()

    queue = Queue(name="sales", max_length=1)
    reception(tmp_path, script, queues=[queue], room={"texts": {"full": text}})


def test_a_full_queue_admits_a_caller_with_a_position_in_it(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        first = await desk.waiting_alone()
        first.hangs_up()
        await asyncio.sleep(1)
        second = await desk.waiting(caller="+442079462222")
        again = await desk.waiting()
        assert again.statuses == [180, 200] and not again.is_hung_up
        third = desk.call(caller="+442079463333")
        await third.rejected.wait()
        assert third.statuses == [486]
        again.hangs_up()
        second.hangs_up()

    queue = Queue(name="sales", max_length=1)
    room = {"regain_s": 30.0, "texts": {"full": ""}}
    reception(tmp_path, script, queues=[queue], room=room)
