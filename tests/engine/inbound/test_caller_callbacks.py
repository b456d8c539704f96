"""Callers whom a script has called back: as they are, at another number, at another time."""

import asyncio
from pathlib import Path

import pytest

from engine.calls.agent_wait import HELD_S
from engine.errors import BadParams
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    BYE,
    CALLER,
    ended,
    last_script,
    press,
    run,
)
from tests.support.scripts import step

CALLBACK = (step("later", "callback", done_text="Thank you.", failed="bye"), BYE)


def test_caller_is_called_back_once_they_have_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(5)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, *CALLBACK)
    assert ended(desk) == ("callback", "the caller asked to be called back")
    ((asked, _joined_at),) = desk.intake.accepted
    assert (asked.to, asked.queue) == (CALLER, "sales")
    assert asked.not_before is not None and asked.not_before >= HELD_S
    assert desk.intake.rescheduled == [desk.stage.last("call.ended")["callback"]]


def test_caller_who_cannot_be_called_back_goes_on(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting(caller="anonymous")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *CALLBACK)
    assert last_script(desk) == ("hangup", ["later", "bye"])
    assert desk.intake.accepted == []


PHONE = (
    step("phone", "gather", into="phone", next="call"),
    step("call", "callback", number="phone", queue="sales", failed="bye"),
    BYE,
)


@pytest.mark.parametrize(
    ("digits", "to"),
    [("02079462222", "+442079462222"), ("00442079462222", "+442079462222"), ("112", None),
     ("09098790000", None), ("4711", None)],
)  # fmt: skip
def test_number_that_is_keyed_in_is_called_only_where_policy_permits(
    tmp_path: Path, digits: str, to: str | None
) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, *digits, "#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    if to is None:
        assert desk.intake.accepted == []
        assert last_script(desk) == ("hangup", ["phone", "call", "bye"])
    else:
        ((asked, _joined_at),) = desk.intake.accepted
        assert (asked.to, asked.source, asked.queue) == (to, CALLER, "sales")
        assert desk.stage.last("call.ended")["callback"] == "cb-1"
        assert ended(desk)[0] == "callback"


def test_caller_without_a_number_keys_in_no_other(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting(caller="anonymous")
        await press(desk, *"02079462222#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    assert desk.intake.accepted == []


def test_caller_chooses_a_time_at_which_the_queue_is_open(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(5)

    when = step("when", "callback", slots=2, text="When?", failed="bye",
                slot_text="{day} {from}-{until} {key}")  # fmt: skip

    async def with_full_slot(desk: Reception) -> None:
        desk.intake.bookings.full = (3600.0,)
        await conduct(desk)

    desk = run(tmp_path, with_full_slot, when, BYE)
    ((asked, _joined_at),) = desk.intake.accepted
    assert asked.slot is not None
    assert (asked.not_before, asked.slot.start, asked.slot.end) == (7200.0, 7200.0, 10800.0)
    assert desk.stage.last("call.ended")["callback"] == "cb-1"
    assert ended(desk)[0] == "callback"


def test_callback_without_a_queue_is_refused(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.intake.refusal = BadParams("agent", "give agent or queue")  # type: ignore[assignment]
        await desk.waiting()
        await press(desk, *"02079462222#")
        await asyncio.sleep(5)

    desk = run(tmp_path, conduct, *PHONE)
    assert ended(desk) == ("script", "as they wished")
    desk = run(tmp_path, conduct, *CALLBACK)
    assert ended(desk) == ("script", "as they wished")


def test_caller_who_hangs_up_after_asking_is_called_back(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, *"02079462222#")
        caller.hangs_up()

    said = PHONE[1].model_copy(update={"done_text": "Thank you."})
    desk = run(tmp_path, conduct, PHONE[0], said, BYE)
    assert ended(desk) == ("callback", "the caller asked to be called back")
