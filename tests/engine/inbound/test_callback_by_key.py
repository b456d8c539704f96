"""Callers who press the key for a callback, or call again: their position is kept."""

import asyncio
from pathlib import Path

import pytest

from engine.errors import EngineError
from media.sources import Hold, Prompt
from tests.support.reception import Reception, reception
from tests.support.shop_callers import CALLER, KEY, SHOP, presses


def test_a_key_has_the_caller_called_back_in_their_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        await asyncio.sleep(20)
        presses(desk, "2")
        await asyncio.sleep(1)
        assert not desk.intake.accepted
        presses(desk, "1")
        await asyncio.sleep(1)
        assert not caller.is_hung_up  # the caller hears the sentence
        assert not desk.intake.rescheduled
        await asyncio.sleep(3)
        assert caller.is_hung_up
        assert desk.intake.rescheduled

    desk = reception(tmp_path, script, room=KEY, routes=[SHOP])
    ((request, joined_at),) = desk.intake.accepted
    assert (request.to, request.queue) == (CALLER, "sales")
    assert request.context is not None and request.context["site"] == "shop"
    assert request.not_before is not None
    answered = desk.stage.last("call.answered")
    assert joined_at == answered["joined_at"]
    assert desk.stage.last("queue.left")["reason"] == "callback"
    ended = desk.stage.last("call.ended")
    assert ended["result"] == "callback" and ended["callback"] == request.id
    pressed = desk.stage.last("call.callback")
    assert pressed["call"] == ended["call"] and pressed["callback"] == request.id
    assert desk.heard()[-1] == Prompt("Bye.")


def test_a_caller_who_hangs_up_while_the_callback_is_accepted_is_called_back(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.intake.takes_s = 1.0
        presses(desk, "1")
        await asyncio.sleep(0.5)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert len(desk.intake.accepted) == len(desk.intake.rescheduled) == 1
    assert desk.stage.last("call.ended")["result"] == "callback"
    assert desk.stage.last("call.callback")["callback"] == desk.intake.accepted[0][0].id


def test_a_caller_who_withholds_the_number_waits_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting(caller="anonymous")
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(0.1)
        presses(desk, "1")
        await asyncio.sleep(1)
        assert not agent.is_hung_up, "nobody stops ringing for it"
        agent.answers()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert Prompt("No.") in desk.heard()
    assert desk.stage.last("call.ended")["result"] == "completed"
    assert desk.stage.last("call.ended")["from"] == "anonymous"
    assert "number" not in desk.stage.last("call.ended")


def test_a_refused_callback_leaves_the_caller_waiting(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        desk.intake.refusal = EngineError("refused", "too many today")
        presses(desk, "1")
        await asyncio.sleep(5)
        assert desk.heard()[-2:] == [Prompt("No."), Hold()]
        desk.agents.ready("alice")
        await desk.answering_agent()
        await asyncio.sleep(3)
        caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    assert desk.stage.last("call.callback_refused")["reason"] == "too many today"
    assert desk.stage.last("call.ended")["result"] == "completed"


@pytest.mark.parametrize("key_first", [True, False])
def test_the_key_pressed_as_the_agent_answers_has_one_winner(
    tmp_path: Path, key_first: bool
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting()
        agent = await desk.stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        if key_first:
            presses(desk, "1")
            agent.answers()
        else:
            agent.answers()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            presses(desk, "1")
        await asyncio.sleep(5)
        if key_first:
            assert caller.is_hung_up and agent.is_hung_up
            assert len(desk.intake.accepted) == 1
        else:
            assert not caller.is_hung_up and not agent.is_hung_up
            assert not desk.intake.accepted
            caller.hangs_up()

    desk = reception(tmp_path, script, room=KEY)
    expected = "callback" if key_first else "completed"
    assert desk.stage.last("call.ended")["result"] == expected


def test_a_caller_who_calls_again_in_time_is_in_the_old_position(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        first = await desk.waiting_alone()
        joined_at = desk.stage.last("call.answered")["joined_at"]
        await asyncio.sleep(10)
        other = await desk.waiting(caller="+442079462222")
        first.hangs_up()
        await asyncio.sleep(20)
        again = await desk.waiting()
        answered = desk.stage.last("call.answered")
        assert answered["joined_at"] == joined_at and answered["regained"] is True
        assert desk.stage.last("queue.joined")["place"] == 1
        for caller in (again, other):
            caller.hangs_up()

    reception(tmp_path, script, room={"regain_s": 60.0})
