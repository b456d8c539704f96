"""A walk through a script without a phone."""

from collections.abc import Iterable
from typing import Any

from config.calendars import Calendar
from config.queues import Queue
from config.scripts import Script
from config.settings import Settings
from engine.checks.script_trial import ScriptTrial
from tests.support.scripts import script, step

THURSDAY_NOON = 12 * 3600.0


def walk(
    walked: Script, lines: Iterable[str], context: dict[str, Any] | None = None
) -> tuple[list[str], ScriptTrial]:
    written: list[str] = []
    given = iter(lines)

    def read(question: str) -> str:
        line = next(given, "")
        written.append(f"{question}{line}")
        return line

    settings = Settings(
        scripts=[walked],
        queues=[Queue(name="sales", calendar="office")],
        calendars=[Calendar(name="office", zone="UTC", hours=["thu-fri 09:00-14:00"])],
    )
    trial = ScriptTrial(
        settings, walked, context or {}, now=THURSDAY_NOON, write=written.append, read=read
    )
    trial.run()
    return written, trial


def test_what_is_said_and_pressed_is_written() -> None:
    walked = script(
        step("menu", "menu", keys={"1": "order"}),
        step("order", "gather", into="order", max_digits=4, terminator="#", next="go"),
        step("go", "connect"),
    )
    written, trial = walk(walked, ["", "one", "1", "12#9"])
    assert written == [
        "[menu] menu",
        "    asks: menu?",
        "    one of 1 (empty: no key)> ",
        "    asks: menu?",
        "    one of 1 (empty: no key)> one",
        "    asks: menu?",
        "    one of 1 (empty: no key)> 1",
        "[order] gather",
        "    asks: order?",
        "    digits (empty: no key)> 12#9",
        "[go] connect",
        "=> connect",
        "   context: order = 12",
        "   steps: menu order go",
    ]
    assert trial.machine.ended == "connect"


def test_time_goes_by_while_no_key_is_pressed() -> None:
    walked = script(step("menu", "menu", keys={"1": "menu"}, no_input="menu", tries=10), max_s=30.0)
    written, _trial = walk(walked, [])
    assert written[-2] == "=> max_s: script test took over 30 s"


def test_times_are_those_at_which_the_queue_is_open() -> None:
    walked = script(
        step("later", "callback", text="When?", queue="sales", slots=3, next="rate"),
        step("rate", "rating", next="mail"),
        step("mail", "voicemail", next="to"),
        step("to", "transfer", queue="sales", failed="again"),
        step("again", "transfer", queue="sales"),
    )
    written, trial = walk(walked, ["2", "5", "hello", "n", ""])
    offered = [line for line in written if "press" in line]
    assert [line.split()[1] for line in offered] == ["Thursday", "Thursday", "Friday"]
    assert "    calls back: the caller" in written
    assert "    rating: 5" in written
    assert written[-2:] == ["=> transfer: sales", "   steps: later rate mail to again"]
    assert trial.machine.ended == "transfer"


def test_numbers_that_are_keyed_in_are_read_by_the_dial_policy() -> None:
    walked = script(
        step("phone", "gather", into="phone", next="callback"),
        step("callback", "callback", number="phone", next="mail", failed="mail"),
        step("mail", "voicemail", text="Speak."),
    )
    written, _trial = walk(walked, ["112#", ""])
    assert any(line.startswith("    refused: 112 is an emergency number") for line in written)
    assert written[-3] == "=> failed: nothing was said"
    written, _trial = walk(walked, ["020 7946 1111".replace(" ", "")])
    assert "    calls back: +442079461111" in written


def test_too_few_digits_are_asked_for_again() -> None:
    walked = script(step("order", "gather", into="order", min_digits=3, max_digits=4, tries=2))
    written, trial = walk(walked, ["12", "123456"])
    assert trial.machine.context == {"order": "1234"}
    assert written[-1] == "   steps: order"
