"""`ringback recordings` against an engine."""

import os
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli import recordings
from engine.recordings.entry import Mark, RecordedCall
from tests.engine.recordings.test_encode_process import stereo
from tests.support.command_line import ringback
from tests.support.engines.in_process import running, settings_in


def kept(daemon: Any, call: str, **more: Any) -> str:
    entry = daemon.recordings.begin(RecordedCall(call=call, agent="alice", site="shop.example"))
    entry.state, entry.duration_s = "kept", 61.0
    for name, value in more.items():
        setattr(entry, name, value)
    del daemon.recordings._open[entry.id]
    daemon.recordings.save(entry)
    return str(entry.id)


async def test_recordings_for_people(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    player = tmp_path / "player"
    player.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/played\n')
    os.chmod(player, 0o755)
    async with running(settings) as (daemon, _):
        socket = settings.control.socket
        here = kept(daemon, "call-1", marks=[Mark("paused", 3.0, "card number")])
        moved = kept(daemon, "call-2", state="moved", location="s3://talks/2")
        gone = kept(daemon, "call-3")
        file = settings.media.recordings / "call-1.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        stereo(file, 0.1)
        listed = await ringback(socket, "recordings", "list", "--agent", "alice", "--json")
        shown = await ringback(socket, "recordings", "get", here)
        await ringback(socket, "recordings", "play", here, "--player", str(player))
        elsewhere = await ringback(socket, "recordings", "play", moved, status=1)
        nowhere = await ringback(socket, "recordings", "play", gone, status=1)
        unplayed = await ringback(socket, "recordings", "play", here, "--player", "/none", status=1)
        refused = await ringback(
            socket, "recordings", "play", here, "--player", "/bin/false", status=1
        )
        deleted = await ringback(socket, "recordings", "delete", moved)
        nobody = [
            await ringback(socket, "recordings", command, "call-9", status=1)
            for command in ("start", "stop", "pause", "resume")
        ]
    assert [one["recording"] for one in listed.json["recordings"]] == [gone, moved, here]
    assert "card number" in shown.out and "call-1.wav" in shown.out
    assert (tmp_path / "played").read_text().strip() == str(file.absolute())
    assert elsewhere.err == f"ringback: recording {moved} was moved: s3://talks/2\n"
    assert "there is no such file on this machine" in nowhere.err
    assert "/none: No such file" in unplayed.err
    assert refused.err == ""
    assert "is still there: s3://talks/2" in deleted.out
    assert {one.err for one in nobody} == {"ringback: there is no call call-9\n"}


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    one = {
        "recording": "rec-1", "started": 0.0, "duration_s": 61.0, "state": "kept",
        "agent": None, "site": "shop.example", "location": None, "path": "talks/1.wav",
    }  # fmt: skip
    recordings.print_recordings({"recordings": [one]})
    shown = capsys.readouterr().out
    assert "rec-1" in shown and "talks/1.wav" in shown


def test_the_first_player_that_is_installed() -> None:
    assert recordings.player_of(lambda name: name if name == "aplay" else None) == ("aplay", "-q")
    assert recordings.player_of(lambda _name: None) is None


def test_a_machine_without_a_player_is_told_where_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "talk.wav"
    file.touch()
    found = {"file": str(file), "state": "kept", "location": None}
    monkeypatch.setattr(recordings, "ask", lambda _question: found)
    monkeypatch.setattr(recordings, "player_of", lambda _which: None)
    with pytest.raises(typer.Exit) as ended:
        recordings.play("rec-1")
    assert ended.value.exit_code == 1
    said = capsys.readouterr().err
    assert "none of ffplay, mpv, play, paplay, aplay is installed" in said and str(file) in said
