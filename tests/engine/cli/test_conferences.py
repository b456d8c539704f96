"""`ringback conferences`: what each command asks for, and what it prints."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli import conferences
from engine.cli.main import app

MEMBER = {"call": "c1", "leg": "l1", "muted": True, "deaf": False, "joined_at": 1795317630.0}
FRIDAY = {
    "conference": "friday", "created": 1795317630.0, "locked": True, "max_members": 10,
    "context": {}, "members": [MEMBER], "invited": ["c2"],
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The requests that are made; each is answered with the conference friday."""
    made: list[tuple[str, dict[str, Any]]] = []

    def call(method: str, show: Callable[[Mapping[str, Any]], None], **params: Any) -> None:
        made.append((method, params))
        results: dict[str, Mapping[str, Any]] = {
            "conference.list": {"conferences": [FRIDAY]},
            "conference.join": {"conference": FRIDAY, "call": None},
        }
        show(results.get(method, FRIDAY))

    monkeypatch.setattr(conferences, "call", call)
    return made


@pytest.mark.parametrize(
    ("words", "method", "params"),
    [
        ("list", "conference.list", {}),
        ("show friday", "conference.get", {}),
        ("create friday", "conference.create", {}),
        ("create friday --most 10", "conference.create", {"max_members": 10}),
        ("join friday --leg l1 --muted", "conference.join",
         {"leg": "l1", "to": None, "agent": None, "muted": True, "deaf": False}),
        ("join friday --agent bob --deaf", "conference.join",
         {"leg": None, "to": None, "agent": "bob", "muted": False, "deaf": True}),
        ("kick friday l1", "conference.kick", {"leg": "l1", "hang_up": True}),
        ("kick friday l1 --keep", "conference.kick", {"leg": "l1", "hang_up": False}),
        ("mute friday l1", "conference.mute", {"leg": "l1", "on": True}),
        ("deafen friday l1 --off", "conference.deafen", {"leg": "l1", "on": False}),
        ("lock friday --off", "conference.lock", {"on": False}),
        ("record friday", "conference.record", {"on": True}),
        ("end friday --keep", "conference.end", {"hang_up": False}),
    ],
)  # fmt: skip
def test_each_command_asks_for_its_method(
    asked: list[tuple[str, dict[str, Any]]], words: str, method: str, params: dict[str, Any]
) -> None:
    result = CliRunner().invoke(app, ["conferences", *words.split()])
    assert result.exit_code == 0, result.output
    name = {} if method == "conference.list" else {"conference": "friday"}
    assert asked == [(method, name | params)]


@pytest.mark.parametrize("whom", ["", "--leg l1 --to 1", "--to 1 --agent bob"])
def test_one_of_three_joins(asked: list[tuple[str, dict[str, Any]]], whom: str) -> None:
    result = CliRunner().invoke(app, ["conferences", "join", "friday", *whom.split()])
    assert result.exit_code == 2 and not asked


def test_what_is_printed(capsys: pytest.CaptureFixture[str], asked: Any) -> None:
    conferences.show("friday")
    shown = capsys.readouterr().out
    for text in ("friday", "1 of 10", "l1", "c1", "yes"):
        assert text in shown
