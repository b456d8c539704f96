"""Whether two requests ask for the same, however they are written."""

from pathlib import Path
from typing import Any

import pytest

from config.sections import Dial
from engine.callbacks.idempotency import fingerprint_of, meaning_of
from engine.request import CallbackRequest, RetrySpec, WhisperSpec
from engine.routing.dialplan import Dialplan
from tests.support.scene import Scene, run_scene

NUMBER = "+442079460123"
DIAL = Dial()


def asked(**params: Any) -> CallbackRequest:
    return CallbackRequest(**{"to": NUMBER, "agent": "alice"} | params)


@pytest.fixture
def dialplan(tmp_path: Path) -> Dialplan:
    found: list[Dialplan] = []

    async def script(stage: Scene) -> None:
        found.append(stage.services.dialplan)

    run_scene(tmp_path, script)
    return found[0]


def test_the_fingerprint_ignores_members_that_are_left_out() -> None:
    assert fingerprint_of(asked()) == fingerprint_of(asked(join=None, record=None))
    assert fingerprint_of(asked()) != fingerprint_of(asked(join=False))
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert fingerprint_of(asked(context=one)) == fingerprint_of(asked(context=other))


@pytest.mark.parametrize(
    "params",
    [
        {"to": "020 7946 0123"},
        {"to": "+44 (0)20 7946 0123"},
        {"to": "020 7946 0123", "region": "GB", "to_kind": "number"},
        {"order": "agent_first"},
        {"priority": 0, "record": False, "numbers": [], "skills": {}, "context": {}, "retry": {}},
        {"ring_s": DIAL.ring_s, "max_duration_s": DIAL.max_duration_s},
        {"max_attempts": DIAL.max_attempts, "on_crash": DIAL.on_crash, "join": DIAL.join},
    ],
)
def test_what_says_the_same_means_the_same(dialplan: Dialplan, params: dict[str, Any]) -> None:
    assert meaning_of(asked(**params), DIAL, dialplan) == meaning_of(asked(), DIAL, dialplan)
    assert fingerprint_of(asked(**params)) != fingerprint_of(asked())


@pytest.mark.parametrize(
    "params",
    [
        {"to": "020 7946 0124"},
        {"order": "customer_first"},
        {"priority": 1},
        {"ring_s": DIAL.ring_s + 1},
        {"not_before": 1.0},
        {"context": {"a": 1}},
        {"numbers": ["020 7946 0124"]},
        {"agent": "bob"},
        {"site": "shop"},
    ],
)
def test_what_says_another_thing_means_another(dialplan: Dialplan, params: dict[str, Any]) -> None:
    assert meaning_of(asked(**params), DIAL, dialplan) != meaning_of(asked(), DIAL, dialplan)


def test_what_only_another_parameter_makes_the_same(dialplan: Dialplan) -> None:
    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        meanings = (meaning_of(asked(**params), DIAL, dialplan) for params in (one, other))
        return len(set(meanings)) == 1

    context = {"site": "shop"}
    assert same({"context": context}, {"context": context, "site": "shop"})
    assert not same({"context": context}, {"context": context, "site": "bank"})
    assert same({"context": {"n": [1.0, {"m": 2}]}}, {"context": {"n": [1, {"m": 2.0}]}})
    assert not same({"context": {"n": 1.5}}, {"context": {"n": 1}})
    assert not same({"context": {"n": True}}, {"context": {"n": 1}})
    assert same({"whisper": WhisperSpec(tone=440.0)}, {"whisper": WhisperSpec(tone="440")})
    assert same({"numbers": ["020 7946 0124"]}, {"numbers": ["+442079460124"]})
    # What a rule of retry says of attempts stands instead of the default.
    retry = {"busy": RetrySpec(attempts=3)}
    assert not same({"retry": retry}, {"retry": retry, "max_attempts": DIAL.max_attempts})
