"""[[scripts]]: which keys each kind of step has, and what they may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.scripts import Script, Step


def reason(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Step(**keys)
    (error,) = caught.value.errors()
    key = str(error.get("ctx", {}).get("key", "")) or ".".join(map(str, error["loc"][:1]))
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"


MENU = {"name": "a", "kind": "menu", "text": "1?"}


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ({"name": "a", "kind": "say"}, 'text: missing: kind = "say" needs it'),
        ({"name": "a", "kind": "connect", "keys": {"1": "b"}}, 'keys: not of kind = "connect"'),
        (MENU, "keys: missing: there is nothing to press"),
        ({**MENU, "keys": {"12": "b", "2": "c"}}, "keys: the key 2 stands twice"),
        ({**MENU, "keys": {"A": "b"}}, "keys: must be keys of a telephone"),
        ({**MENU, "keys": {"": "b"}}, "keys: must be keys of a telephone"),
        ({**MENU, "words": {"Yes": "b", "yes ": "c"}}, "words: the word 'yes' stands twice"),
        ({**MENU, "text": "{name}", "keys": {"1": "b"}}, "text: {name} is not known"),
        ({**MENU, "text": "file:/no/such.wav", "keys": {"1": "b"}}, "text: /no/such.wav: there"),
        ({"name": "a", "kind": "gather", "text": "?", "into": "x.y"}, "into: 'x.y' cannot be"),
        (
            {"name": "a", "kind": "gather", "text": "?", "into": "x", "min_digits": 5,
             "max_digits": 4},
            "min_digits: is more than max_digits",
        ),
        (
            {"name": "a", "kind": "gather", "text": "?", "into": "x", "terminator": "x"},
            "terminator: must be keys of a telephone, or empty",
        ),
        (
            {"name": "a", "kind": "gather", "text": "?", "into": "x", "secret": True,
             "spoken": True},
            "spoken: a secret is not said aloud",
        ),
        ({"name": "a", "kind": "branch", "cases": {"x": "b"}}, "on: give one of on and calendar"),
        (
            {"name": "a", "kind": "branch", "calendar": "c", "cases": {"x": "b"}},
            "cases: of a calendar there are open and closed",
        ),
        ({"name": "a", "kind": "transfer"}, "queue: give one of queue, agent, number and stream"),
        ({"name": "a", "kind": "transfer", "number": "+44 x"}, "number: "),
        ({"name": "a", "kind": "transfer", "stream": "http://x"}, "stream: this is not a ws:"),
        (
            {"name": "a", "kind": "transfer", "queue": "q", "fallback": {"queue": "r"}},
            "fallback: goes with stream alone",
        ),
        ({"name": "a", "kind": "callback", "slots": 2}, "text: missing: it is said before"),
        (
            {"name": "a", "kind": "callback", "slot_text": "{from}"},
            "slot_text: must say {key}, the key to be pressed",
        ),
        ({"name": "a", "kind": "callback", "number": "{x}"}, "number: '{x}' cannot be"),
    ],
)  # fmt: skip
def test_step_that_cannot_be(step: dict[str, Any], found: str) -> None:
    assert reason(**step).startswith(found)


def test_script_begins_with_its_first_step_or_with_start() -> None:
    steps = [Step(name="a", kind="connect"), Step(name="b", kind="connect")]
    assert Script(name="s", steps=steps).first == "a"
    assert Script(name="s", steps=steps, start="b").first == "b"


def test_voices_and_sounds_are_named_with_their_keys() -> None:
    steps = [
        Step(name="a", kind="say", text="voice:fr:Bonjour."),
        Step(name="b", kind="say", text="file:bell.wav"),
        Step(name="c", kind="callback", done_text="Done."),
    ]
    script = Script(name="s", language="de", steps=steps)
    assert list(script.voices())[:2] == [("voice", "de"), ("steps[0].text", "fr")]
    assert list(script.sounds()) == [("steps[1].text", "bell.wav")]
    assert ("steps[2].done_text", "Done.") in script.said()
