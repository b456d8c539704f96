"""Callers who say what they would press."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.calls.announcing.plays import Plays
from engine.calls.keys.gathers import Gathers
from engine.calls.recognition.speech import HeardSpeech, WantedSpeech
from engine.errors import EngineError
from tests.support.reception import Reception
from tests.support.scripted_callers import (
    BYE,
    CONNECT,
    ended,
    last_script,
    press,
    run,
)
from tests.support.scripts import step


class Recognised:
    """Takes the place of Recognitions: the party says this as soon as it is listened to."""

    def __init__(self, said: str, word: str | None) -> None:
        self._said = HeardSpeech(said, word, 0.9, True, 0, 500)
        self.wanted: list[WantedSpeech] = []
        self.is_full = False

    def check(self, _wanted: WantedSpeech) -> None:
        if self.is_full:
            raise EngineError("unavailable", "20 recognitions go on")

    async def begin(
        self, _call: Any, _leg: Any, wanted: WantedSpeech, listener: Any, **_more: Any
    ) -> Any:
        self.wanted.append(wanted)
        asyncio.get_running_loop().call_later(0.5, listener.speech_heard, self._said)
        return self

    async def end(self, _recognition: Any) -> None:
        """It listens no more."""


class Hanging(Recognised):
    """A recogniser that hears a voice, or (`is_deaf`) not even that, and says nothing any more."""

    def __init__(self, *, is_deaf: bool) -> None:
        super().__init__("", None)
        self._is_deaf = is_deaf

    async def begin(
        self, _call: Any, _leg: Any, wanted: WantedSpeech, listener: Any, **_more: Any
    ) -> Any:
        self.wanted.append(wanted)
        if not self._is_deaf:
            asyncio.get_running_loop().call_later(0.5, listener.speech_began)
        return self


def speaking(
    tmp_path: Path, recognised: Recognised, *steps: Any, presses: str = "", for_s: float = 8.0
) -> Reception:
    """A caller who speaks, and presses keys after that."""

    async def conduct(desk: Reception) -> None:
        services = desk.stage.services
        services.gathers = Gathers(
            Plays(services.registry, services.announcer, hold=services.hold, country="GB"),
            recognised,  # type: ignore[arg-type]
            services.registry,
            lambda _call: (),
        )
        await desk.waiting()
        await asyncio.sleep(1)
        if presses:
            await press(desk, *presses)
        await asyncio.sleep(for_s)

    return run(tmp_path, conduct, *steps)


WORDS = step("menu", "menu", keys={"1": "go"}, words={"goodbye": "bye"}, timeout_s=3.0, tries=1)


def test_caller_says_a_word_in_place_of_a_key(tmp_path: Path) -> None:
    recognised = Recognised("goodbye please", "goodbye")
    desk = speaking(tmp_path, recognised, WORDS, CONNECT, BYE)
    assert last_script(desk) == ("hangup", ["menu", "bye"])
    assert recognised.wanted == [WantedSpeech(("goodbye",))]
    desk = speaking(tmp_path, Recognised("hello", None), WORDS, CONNECT, BYE)
    assert ended(desk) == ("script", "step menu: no key that was offered")


def test_keys_count_where_nothing_can_be_recognised(tmp_path: Path) -> None:
    recognised = Recognised("goodbye", "goodbye")
    recognised.is_full = True
    keys = step("menu", "menu", keys={"1": "bye"}, words={"goodbye": "bye"}, timeout_s=3.0, tries=1)
    desk = speaking(tmp_path, recognised, keys, BYE, presses="1")
    assert ended(desk) == ("script", "as they wished")
    assert recognised.wanted == []


@pytest.mark.parametrize(
    ("is_deaf", "cause"),
    [(True, "step menu: no key was pressed"), (False, "step menu: no key that was offered")],
)
def test_recogniser_that_hangs_ends_no_script_late(
    tmp_path: Path, is_deaf: bool, cause: str
) -> None:
    desk = speaking(tmp_path, Hanging(is_deaf=is_deaf), WORDS, CONNECT, BYE, for_s=20.0)
    assert ended(desk) == ("script", cause)
    assert last_script(desk)[0] == ("no_input" if is_deaf else "no_match")
    desk = speaking(tmp_path, Hanging(is_deaf=is_deaf), WORDS.model_copy(
        update={"keys": {"1": "bye"}}), BYE, presses="1")  # fmt: skip
    assert ended(desk) == ("script", "as they wished")


@pytest.mark.parametrize(
    ("digits", "order"), [("four seven", "47"), ("1 2 3 4 5", None), ("one", None)]
)
def test_digits_may_be_said(tmp_path: Path, digits: str, order: str | None) -> None:
    figures = {"four seven": "47", "1 2 3 4 5": "12345", "one": "1"}[digits]
    gather = step("order", "gather", into="order", min_digits=2, max_digits=4, spoken=True,
                  tries=1, next="bye", no_match="bye")  # fmt: skip
    recognised = Recognised(digits, figures)
    desk = speaking(tmp_path, recognised, gather, BYE)
    assert desk.stage.last("call.ended")["context"].get("order") == order
    assert recognised.wanted == [WantedSpeech(digits=True)]
