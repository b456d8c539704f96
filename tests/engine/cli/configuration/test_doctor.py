"""`ringback doctor`: what it prints, and its exit status."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from config.errors import ConfigError
from engine.cli.command import Options
from engine.cli.configuration import doctor
from engine.cli.main import app
from engine.doctor import examination
from engine.doctor.finding import Finding, Level
from ringback_client import Client, ConnectionLost, EngineError

RELAY = Finding("relay", "ok", "The relay in C (native) forwards packets.")
FOUND: dict[Level, Finding] = {
    "ok": Finding("soundfile", "ok", "soundfile is there."),
    "note": Finding("aiortc", "note", "aiortc is not there.", "pip install it"),
    "warning": Finding("clock", "warning", "The clock is not kept right.", "Run chronyd."),
    "fault": Finding("names", "fault", "sip.example.com has no address.", "Correct it."),
}


def run(
    monkeypatch: pytest.MonkeyPatch, levels: tuple[Level, ...], *options: str, **asked: Any
) -> tuple[Result, list[Mapping[str, Any] | None]]:
    seen: list[Mapping[str, Any] | None] = []

    def examine(_file: Path, status: Mapping[str, Any] | None) -> Iterator[Finding]:
        seen.append(status)
        return iter([FOUND[level] for level in levels])

    monkeypatch.setattr(examination, "examine", asked.get("examine", examine))
    answer = asked.get("status", (None, "no engine at run/control.sock"))
    monkeypatch.setattr(doctor, "_status", lambda: answer)
    monkeypatch.setattr(Options, "json", False)
    return CliRunner().invoke(app, ["doctor", *options]), seen


def test_what_is_wrong_is_shown_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    result, seen = run(monkeypatch, ("ok", "note", "warning"))
    assert result.exit_code == 0 and seen == [None]
    assert "The clock is not kept right. → Run chronyd." in result.output
    assert "soundfile is there." not in result.output
    assert "No engine was asked: no engine at run/control.sock" in result.output
    assert "1 ok, 1 note, 1 warning, 0 fault" in result.output
    assert "soundfile is there." in run(monkeypatch, ("ok",), "--all")[0].output


def test_which_relay_runs_is_always_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FOUND, "ok", RELAY)
    assert "The relay in C (native) forwards packets." in run(monkeypatch, ("ok",))[0].output


@pytest.mark.parametrize(
    ("levels", "options", "status"),
    [
        (("ok", "fault"), (), 1),
        (("warning",), ("--strict",), 1),
        (("note",), ("--strict",), 0),
    ],
)
def test_exit_status_is_for_scripts(
    monkeypatch: pytest.MonkeyPatch,
    levels: tuple[Level, ...],
    options: tuple[str, ...],
    status: int,
) -> None:
    assert run(monkeypatch, levels, *options)[0].exit_code == status


def test_json_has_every_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    status = {"version": "1.0"}
    result, seen = run(monkeypatch, ("ok", "fault"), "--json", status=(status, ""))
    assert seen == [status] and result.exit_code == 1
    said = json.loads(result.output)
    assert said["counts"] == {"ok": 1, "note": 0, "warning": 0, "fault": 1}
    assert said["no_engine"] is None
    assert said["findings"][1] == {
        "about": "names", "level": "fault", "what": "sip.example.com has no address.",
        "advice": "Correct it.",
    }  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_configuration_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def examine(file: Path, _status: object) -> Iterator[Finding]:
        raise ConfigError(str(file), "", "there is no such file")

    result, _seen = run(monkeypatch, (), *options, examine=examine)
    assert result.exit_code == 2 and "there is no such file" in result.output


class Asked:
    """A client of an engine that gives this answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def __aenter__(self) -> "Asked":
        return self

    async def __aexit__(self, *_exception: object) -> None:
        return None

    async def call(self, method: str) -> Any:
        assert method == "engine.status"
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"version": "1.0"}, ({"version": "1.0"}, "")),
        (EngineError("refused", "this user may not"), (None, "this user may not")),
        (ConnectionLost("no engine"), (None, "no engine")),
    ],
)
def test_engine_is_asked_where_one_answers(
    monkeypatch: pytest.MonkeyPatch, answer: Any, expected: Any
) -> None:
    async def connect(*_where: object, **_how: object) -> Asked:
        return Asked(answer)

    monkeypatch.setattr(Client, "connect", connect)
    assert doctor._status() == expected
