"""The command that moves a file: what it gets, what it says, how it fails."""

import asyncio
import sys
import time
from datetime import UTC

import pytest

from engine.recordings.entry import RecordingEntry
from engine.recordings.moving import LONGEST_RETRY_S, NotMoved, command_of, move, retry_s

ENTRY = RecordingEntry(
    id="rec-1", call="call-1", path="/talks/$(reboot) x.wav", started=0.0, sha256="ab"
)


def test_each_argument_is_filled_by_itself() -> None:
    template = ["/bin/cp", "{path}", "--to={year}/{name}", "{job}{sha256}"]
    assert command_of(template, ENTRY, UTC) == [
        "/bin/cp", "/talks/$(reboot) x.wav", "--to=1970/$(reboot) x.wav", "ab",
    ]  # fmt: skip


def test_the_pauses_grow_to_an_hour() -> None:
    assert [retry_s(attempts) for attempts in (1, 2, 3)] == [10.0, 20.0, 40.0]
    assert retry_s(1000) == LONGEST_RETRY_S


async def test_where_it_is_now_is_the_first_line_that_the_command_says() -> None:
    assert await move(["/bin/echo", "\ns3://talks/1\nmore"], 60.0) == "s3://talks/1"
    assert await move(["/bin/true"], 60.0) is None


async def test_the_command_is_told_none_of_the_engines_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RINGBACK_CONTROL__TOKEN", "s3cret")
    monkeypatch.setenv("HOME", "/var/lib/talks")
    say = 'echo "$HOME, $RINGBACK_CONTROL__TOKEN"'
    assert await move(["/bin/sh", "-c", say], 60.0) == "/var/lib/talks,"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["/bin/sh", "-c", "echo no room >&2; exit 3"], "/bin/sh: exit status 3: no room"),
        (["/bin/sh", "-c", "kill -9 $$"], "/bin/sh: signal 9"),
        (["/none/such"], "/none/such: No such file or directory"),
    ],
)
async def test_why_it_failed(command: list[str], reason: str) -> None:
    with pytest.raises(NotMoved) as failed:
        await move(command, 60.0)
    assert str(failed.value) == reason


async def test_a_command_that_says_too_much_holds_nothing_up() -> None:
    say = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 3_000_000)"
    said = await move([sys.executable, "-c", say], 60.0)
    assert said == "x" * 1024


async def test_a_command_that_hangs_is_ended_with_all_that_it_started() -> None:
    began = time.monotonic()
    with pytest.raises(NotMoved, match=r"took over 0\.3 s"):
        await move(["/bin/sh", "-c", "sleep 600 & sleep 600"], 0.3)
    assert time.monotonic() - began < 300


async def test_a_command_is_ended_when_nobody_waits_for_it_any_more() -> None:
    moving = asyncio.ensure_future(move(["/bin/sleep", "600"], 600.0))
    await asyncio.sleep(0.2)
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
