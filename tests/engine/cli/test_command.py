"""What client commands print and how they exit."""

import json
import sys

import pytest
import typer

from engine.cli import command
from engine.cli.command import Options
from ringback_client import Client, ClientError, NoReply


def test_options_said_once_hold() -> None:
    Options.take_json(True)
    Options.take_json(False)
    Options.take_socket("/x")
    Options.take_socket(None)
    assert (Options.json, Options.socket) == (True, "/x")


def test_failure_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as exited:
        command.fail(3, "nobody there", kind="no_engine", field=None)
    assert exited.value.exit_code == 3
    assert capsys.readouterr() == ("", "ringback: nobody there\n")
    Options.json = True
    with pytest.raises(typer.Exit):
        command.fail(3, "nobody there", kind="no_engine", field=None)
    out = json.loads(capsys.readouterr().out)
    assert out == {"error": {"message": "nobody there", "kind": "no_engine"}}


def test_result_is_shown_or_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[object] = []
    command.print_result({"a": "é"}, shown.append)
    assert shown == [{"a": "é"}]
    Options.json = True
    command.print_result({"a": "é"}, shown.append)
    assert capsys.readouterr().out == '{"a": "é"}\n'
    assert len(shown) == 1


def test_an_engine_that_does_not_answer_is_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def nobody(*_where: object, **_how: object) -> None:
        raise NoReply("ping: no reply within 60 s")

    monkeypatch.setattr(Client, "connect", nobody)
    with pytest.raises(typer.Exit) as exited:
        command.call("ping", print)
    assert exited.value.exit_code == 3
    seen = "ringback: the engine does not answer: ping: no reply within 60 s\n"
    assert capsys.readouterr() == ("", seen)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (
            ClientError("the engine is of another time"),
            1,
            "ringback: the engine is of another time\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_ends_a_question_is_an_exit_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    status: int,
    said: str,
) -> None:
    async def fails(*_where: object, **_how: object) -> None:
        raise raised

    monkeypatch.setattr(Client, "connect", fails)
    with pytest.raises(typer.Exit) as exited:
        command.call("ping", print)
    assert exited.value.exit_code == status
    assert capsys.readouterr().err == said


def test_where_standard_output_is_closed_json_is_lost_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        command.print_json({"a": 1})
    command.print_json({"a": 2})
    assert capsys.readouterr().out == '{"a": 2}\n'
