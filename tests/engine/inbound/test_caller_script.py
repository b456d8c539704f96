"""Callers who go through scripts: menus, words and files, and what becomes of the call."""

import asyncio
import re
from pathlib import Path

import pytest

from config.inbound import Inbound as Route
from engine.scripts.record import ScriptRecord
from media.sources import Prompt, Silence
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    BYE,
    CONNECT,
    MENU,
    ended,
    last_script,
    press,
    run,
)
from tests.support.scripts import step


def test_caller_chooses_the_queue_and_talks_with_an_agent(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, "5", "1")
        await desk.answering_agent()
        await asyncio.sleep(5)
        caller.hangs_up()

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("completed", "caller hung up")
    assert last_script(desk) == ("connect", ["menu", "go"])
    assert desk.heard()[0] == Silence()
    told = [desk.stage.last("script.step"), desk.stage.last("script.finished")]
    assert (told[0]["step"], told[0]["step_kind"], told[0]["nth"]) == ("go", "connect", 2)
    assert (told[1]["use"], told[1]["steps"], told[1]["script"]) == ("inbound", 2, "test")
    asked = [source for _leg, source, _mix, _rounds in desk.stage.media.announced]
    assert asked == [Prompt("menu?"), Prompt("menu?")]


def test_caller_is_hung_up_after_the_last_words(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(5)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert Prompt("Goodbye.") in desk.heard()


def test_caller_who_presses_nothing_is_hung_up(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(13)
        assert caller.is_hung_up

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "step menu: no key was pressed")


def test_caller_hangs_up_in_a_menu(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(1)
        caller.hangs_up()

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("abandoned", "caller hung up, while script")
    assert last_script(desk) == ("hung_up", ["menu"])


def test_script_that_loops_ends_with_its_cause(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        caller = await desk.waiting()
        await asyncio.sleep(30)
        assert caller.is_hung_up

    circle = (step("a", "say", next="b"), step("b", "say", next="a"))
    desk = run(tmp_path, conduct, *circle, max_steps=9, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test took over 9 steps")
    assert desk.stage.seen("script.step") == ["script.step"] * 9
    desk = run(tmp_path, conduct, *circle, max_s=5.0, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test took over 5 s")


def test_script_without_a_queue_connects_nobody(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(1)

    async def with_removed(desk: Reception) -> None:
        desk.stage.services.scripts.configure([], [])
        await conduct(desk)

    hours = step("hours", "branch", on="x", cases={"1": "go"}, next="bye")
    desk = run(tmp_path, with_removed, hours, BYE, CONNECT)
    assert ended(desk) == ("unavailable", "there is no script named 'test'")


@pytest.mark.parametrize("digits", ["4711", "4712"])
def test_secret_digits_are_in_no_event(tmp_path: Path, digits: str) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, *digits, "#")
        await asyncio.sleep(5)

    steps = (
        step("ask", "gather", into="entered", secret=True, next="check"),
        step("check", "check", value="entered", against="pin", again="ask", tries=1,
             next="right", failed="bye"),
        step("right", "set", values={"identity": "verified"}, next="bye"),
        BYE,
    )  # fmt: skip
    desk = run(tmp_path, conduct, *steps)
    is_right = digits == "4711"
    assert ("right" in last_script(desk)[1]) is is_right
    context = desk.stage.last("call.ended")["context"]
    assert context.get("identity") == ("verified" if is_right else None)
    lines = b"".join(one.line for one in desk.stage.services.events.after(0))
    # As a word: random ids may have these digits in them.
    assert not re.search(rb"\b4712\b", lines)
    assert b"entered" not in lines


def test_texts_that_cannot_be_spoken_end_no_script(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.services.announcer.fails = True  # type: ignore[attr-defined]
        await desk.waiting()
        await press(desk, "2")
        await asyncio.sleep(2)

    desk = run(tmp_path, conduct, MENU, CONNECT, BYE)
    assert ended(desk) == ("script", "as they wished")
    assert desk.stage.last("leg.not_played")["error"] == "no voice"


def test_route_without_a_queue_fails_where_the_script_connects(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(2)

    desk = run(tmp_path, conduct, CONNECT, route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "script test connects, and the route has no queue")


def test_file_is_played_and_a_fault_ends_the_call_alone(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await asyncio.sleep(5)

    bell = step("say", "say").model_copy(update={"text": "file:/no/bell.wav"})
    desk = run(tmp_path, conduct, bell)
    assert Prompt("/no/bell.wav") in desk.heard()

    async def with_fault(desk: Reception) -> None:
        desk.stage.services.announcer = None  # type: ignore[assignment]
        await conduct(desk)

    desk = run(tmp_path, with_fault, step("say", "say"), route=Route(name="x", script="test"))
    assert ended(desk) == ("failed", "internal error")
    assert last_script(desk)[0] == "stopped"


def test_what_is_kept_of_a_script_moves_with_the_clock() -> None:
    record = ScriptRecord(script="test", use="inbound", started=10.0)
    record.shift(5.0)
    assert (record.started, record.ended) == (15.0, None)
    record.ended = 20.0
    record.shift(-5.0)
    assert (record.started, record.ended) == (10.0, 15.0)
