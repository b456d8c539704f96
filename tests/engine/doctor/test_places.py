"""Directories and files: who may write and read them, and how full the disk is."""

import os
from pathlib import Path
from unittest.mock import patch

from pydantic import SecretStr

from config.sections import Control, Media, Store, Trunk, Whisper
from config.settings import Settings
from engine.doctor.finding import Finding
from engine.doctor.places import Room, directory_findings, room_there, secret_findings

PLENTY = Room(1 << 50, 0, 1 << 50)


def settings(directory: Path) -> Settings:
    return Settings(
        store=Store(path=directory / "store" / "ringback.db"),
        media=Media(recordings=directory / "talks"),
        whisper=Whisper(cache_dir=directory / "speech"),
        control=Control(socket=directory / "control.sock"),
        trunks=[Trunk(name="pbx", uri="sip:127.0.0.1", username="a", password=SecretStr("secret"))],
    )


def levels(findings: list[Finding]) -> dict[str, str]:
    assert all(one.advice for one in findings if one.level != "ok")
    return {one.about: one.level for one in findings}


def test_directories_that_can_be_made_are_right(tmp_path: Path) -> None:
    found = list(directory_findings(settings(tmp_path)))
    assert set(levels(found).values()) == {"ok"}
    assert not (tmp_path / "talks").exists()  # it only looks
    assert room_there(tmp_path).free > 0


def test_disk_that_is_full(tmp_path: Path) -> None:
    found = levels(list(directory_findings(settings(tmp_path), lambda _path: Room(9, 9, 0))))
    assert found["media.recordings"] == "fault"
    assert found["store.path"] == "warning"


def test_directory_that_may_not_be_written_or_is_none(tmp_path: Path) -> None:
    (tmp_path / "talks").write_text("a file")
    with patch.object(os, "access", lambda path, _mode: path != tmp_path):
        found = levels(list(directory_findings(settings(tmp_path), lambda _path: PLENTY)))
    assert found["store.path"] == found["media.recordings"] == "fault"


def test_recordings_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir(mode=0o755)
    found = [one for one in directory_findings(settings(tmp_path)) if one.level != "ok"]
    assert [(one.about, one.level) for one in found] == [("media.recordings", "warning")]


def test_secrets_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text("")
    given = settings(tmp_path)
    for mode, expected in ((0o644, {"configuration": "warning"}), (0o640, {})):
        file.chmod(mode)
        assert levels(list(secret_findings(given, file))) == expected
    key = tmp_path / "token"
    key.write_text("0123456789abcdef")
    key.chmod(0o644)
    named = given.model_copy(
        update={"streams": given.streams.model_copy(update={"token_file": str(key)})}
    )
    assert levels(list(secret_findings(named, file))) == {"streams.token_file": "warning"}
    assert list(secret_findings(given, tmp_path / "missing")) == []
