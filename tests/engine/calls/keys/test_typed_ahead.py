"""Keys that are pressed before they are asked for: which count, for what, and who knows them."""

import asyncio
from pathlib import Path
from typing import Any

from engine.calls.keys.gather import Gather, GatherSettings
from engine.calls.keys.typed_ahead import MOST_KEPT, TypedAhead
from media.protocol.messages import Dtmf
from media.sources import Prompt
from tests.support.reception import Reception
from tests.support.scripted_callers import BYE, ended, last_script, press, run
from tests.support.scripts import step


def pressed(*keys: str) -> TypedAhead:
    typed = TypedAhead(is_secret=False)
    for key in keys:
        typed.press(key)
    return typed


def test_keys_are_given_once_and_bounded() -> None:
    typed = pressed(*"12")
    assert (typed.take_all(), typed.take_all()) == ("12", "")
    assert len(pressed(*"1" * (MOST_KEPT + 1)).take_all()) == MOST_KEPT
    typed = pressed("1")
    typed.forget()
    assert typed.take_all() == ""


def test_terminator_after_the_last_digit_belongs_to_what_is_over() -> None:
    typed = pressed()
    typed.put_back("", "#")
    typed.press("#")
    typed.press("#")
    assert typed.take_all() == "#"
    typed.put_back("#2", "#")
    assert typed.take_all() == "2"
    typed.put_back("", "#")
    typed.press("2")
    typed.press("#")
    assert typed.take_all() == "2#"


def test_gathering_takes_what_it_needs_and_leaves_the_rest() -> None:
    def rest(keys: str, **settings: Any) -> tuple[str, bool]:
        gather = Gather(GatherSettings(**settings), lambda: None)
        return gather.take_typed(keys), gather.is_over

    assert rest("123", max_digits=1) == ("23", True)
    assert rest("12#3", max_digits=4) == ("3", True)
    assert rest("12", max_digits=4) == ("", False)
    assert rest("12", max_digits=1, barge_in=False) == ("", False)


async def type_at_once(desk: Reception, keys: str) -> None:
    (call,) = desk.stage.services.registry.calls.values()
    for key in keys:
        call.legs[0].on_media(Dtmf(call.legs[0].id, key, 100))


FIRST = step("first", "menu", keys={"1": "hello"}, timeout_s=5.0, tries=2)
HELLO = step("hello", "say", next="code")
CODE = step("code", "gather", into="code", max_digits=4, next="last")
LAST = step("last", "menu", keys={"2": "bye"}, timeout_s=5.0, tries=2)


def test_caller_types_a_whole_menu_ahead(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await type_at_once(desk, "14711#2")

    desk = run(tmp_path, conduct, FIRST, HELLO, CODE, LAST, BYE)
    assert last_script(desk) == ("hangup", ["first", "hello", "code", "last", "bye"])
    assert desk.stage.last("call.ended")["context"]["code"] == "4711"
    said = [one for _leg, one, *_more in desk.stage.media.announced]
    assert Prompt("code?") not in said and Prompt("last?") not in said
    assert Prompt("hello?") in desk.heard()


def test_what_follows_a_wrong_key_is_asked_for_anew(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await type_at_once(desk, "91")
        await press(desk, "1", "1", "2", "3", "4", "2")

    desk = run(tmp_path, conduct, FIRST, HELLO, CODE, LAST, BYE)
    assert desk.stage.last("call.ended")["context"]["code"] == "1234"


def test_prompt_that_has_to_be_heard_is_answered_after_it(tmp_path: Path) -> None:
    last = step("last", "menu", keys={"2": "bye"}, timeout_s=5.0, tries=1, barge_in=False)

    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await type_at_once(desk, "12")

    first = step("first", "menu", keys={"1": "last"})
    assert last_script(run(tmp_path, conduct, first, last, BYE))[0] == "no_input"


def test_secret_keys_are_secret_before_they_are_asked_for(tmp_path: Path) -> None:
    secret = step("code", "gather", into="code", max_digits=4, secret=True, next="check")
    check = step("check", "check", value="code", against="pin", again="code", next="bye")

    async def conduct(desk: Reception) -> None:
        await desk.waiting()
        await press(desk, "1")
        await type_at_once(desk, "4711")

    desk = run(tmp_path, conduct, FIRST, HELLO, secret, check, BYE)
    assert last_script(desk)[1] == ["first", "hello", "code", "check", "bye"]
    lines = b"".join(one.line for one in desk.stage.services.events.after(0))
    assert b'"digit":"1"' in lines and b'"digit":"4"' not in lines


def test_key_that_ends_a_message_counts_for_nothing_else(tmp_path: Path) -> None:
    async def conduct(desk: Reception) -> None:
        desk.stage.media.recorded_s = 4.0
        await desk.waiting()
        await press(desk, "1")
        await asyncio.sleep(6)
        await press(desk, "#", "2")

    first = step("first", "menu", keys={"1": "message"}, timeout_s=5.0)
    hidden = step("pin", "gather", into="pin", secret=True)  # keys between are hidden as well
    message = step("message", "voicemail", next="last")
    desk = run(tmp_path, conduct, first, message, LAST, BYE, hidden)
    assert ended(desk)[0] == "voicemail"
    assert last_script(desk) == ("hangup", ["first", "message", "last", "bye"])
