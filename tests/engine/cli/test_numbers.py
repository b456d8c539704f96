"""`ringback numbers` against an engine: what it prints, and its exit status."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli import numbers
from tests.support.command_line import ringback
from tests.support.engines.in_process import running, settings_in

NUMBER = "+442079460123"


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    settings = settings_in(tmp_path)
    async with running(settings):
        yield settings.control.socket


async def test_the_register_from_the_shell(socket: Path) -> None:
    blocked = await ringback(socket, "numbers", "block", NUMBER, "--reason", "asked us")
    assert blocked.text == f"{NUMBER} is not called for good: asked us\n"
    until = await ringback(socket, "numbers", "block", "+442079460999", "--until", "+30d")
    assert "is not called until 20" in until.text
    listed = await ringback(socket, "numbers", "list", "--json")
    assert [entry["number"] for entry in listed.json["numbers"]] == [NUMBER, "+442079460999"]
    shown = await ringback(socket, "numbers", "list", "--limit", "1")
    assert NUMBER in shown.text and "asked us" in shown.text and "more: --cursor" in shown.text
    again = await ringback(socket, "numbers", "unblock", NUMBER)
    assert again.text == f"{NUMBER} may be called again\n"
    await ringback(socket, "numbers", "unblock", NUMBER, status=1)


async def test_a_check_is_done_or_failed(socket: Path) -> None:
    allowed = await ringback(socket, "numbers", "check", NUMBER)
    assert "may be called" in allowed.text and "Europe/London" in allowed.text
    refused = await ringback(socket, "numbers", "check", "+449098790123", status=1)
    assert "refused (line_type)" in refused.text
    await ringback(socket, "numbers", "check", "nobody", status=1)


async def test_a_check_says_what_a_text_is_read_as(socket: Path) -> None:
    number = await ringback(socket, "numbers", "check", "020 7946 0123")
    assert "the number +442079460123" in number.text
    german = await ringback(socket, "numbers", "check", "030 123456", "--region", "DE", status=1)
    assert "the number +4930123456" in german.text and "no route" in german.text
    agent = await ringback(socket, "numbers", "check", "alice")
    assert "an agent" in agent.text and "cost" not in agent.text
    emergency = await ringback(socket, "numbers", "check", "1 1 2", status=1)
    assert "refused (destination): 1 1 2 is an emergency number" in " ".join(emergency.text.split())
    enquiries = await ringback(socket, "numbers", "check", "118118", status=1)
    assert "short code" in enquiries.text


@pytest.mark.parametrize("until", ["soon", "+3x"])
async def test_times_that_are_none_are_usage_errors(socket: Path, until: str) -> None:
    await ringback(socket, "numbers", "block", NUMBER, "--until", until, status=2)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "may be called"),
        (
            {"not_before": 1_790_003_600.0, "reason": "out of calling hours"},
            "from 2026-09-21 15:13, out of calling hours",
        ),
        (
            {"allowed": False, "policy": "line_type", "reason": "it is a premium rate number"},
            "refused (line_type): it is a premium rate number",
        ),
    ],
)
def test_whether_and_when_a_number_may_be_called(
    capsys: pytest.CaptureFixture[str], fields: dict[str, Any], answer: str
) -> None:
    found: dict[str, Any] = {
        "reading": {"kind": "number", "words": "the number +44123"},
        "allowed": True, "policy": None, "reason": None, "not_before": None, "called": "+44123",
        "line_type": "fixed_line", "region": None, "zones": [], "cost_estimate": {"rate": None},
    }  # fmt: skip
    numbers._print_check(found | fields)
    lines = [line.rstrip().split("  ") for line in capsys.readouterr().out.splitlines()]
    shown = {line[0].strip(): line[-1].strip() for line in lines}
    assert shown["answer"] == answer
    assert (shown["region"], shown["time zones"], shown["cost, about"]) == (
        "unknown", "unknown", "no rate",
    )  # fmt: skip


def test_what_each_trunk_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    sent = [
        {"trunk": "pbx", "number": "0044123", "caller_id": "020794600", "reason": None},
        {"trunk": "other", "number": None, "caller_id": None, "reason": "too long"},
    ]
    numbers._print_check({
        "reading": None, "allowed": True, "policy": None, "reason": None, "not_before": None,
        "called": None, "line_type": None, "cost_estimate": None, "sent": sent,
    })  # fmt: skip
    said = [line.rstrip().split(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    assert ["sent", "to", "pbx", "0044123, caller id 020794600"] in said
    assert ["sent", "to", "other", "too long"] in said


async def test_a_file_of_numbers_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    lines = [f"020 79460{number:03d};;" for number in range(600)]
    file.write_text("\n".join(["number;reason;until", *lines, "hello;;", "+442079461000;x;never"]))
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        socket = settings.control.socket
        done = await ringback(
            socket, "numbers", "import", str(file), "--reason", "register", status=1
        )
        assert done.out == "600 blocked, 0 were blocked already\n"
        assert [line.partition(":")[0] for line in done.err.splitlines()] == [
            "line 602",
            "line 603",
        ]
        listed = (await client.call("number.list", limit=1000))["numbers"]
        assert len(listed) == 600 and {one["reason"] for one in listed} == {"register"}
        file.write_text("020 7946 0001\n")
        done = await ringback(socket, "numbers", "import", str(file), "--json")
        assert done.json == {"blocked": 0, "unchanged": 1, "not_read": []}
        missing = await ringback(socket, "numbers", "import", "/nowhere", status=2)
        assert "/nowhere" in missing.err
