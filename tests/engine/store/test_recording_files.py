"""Which files the recordings of a record are in, and how they are deleted."""

import os
from pathlib import Path

import pytest

from engine.store import recording_files


def test_the_calls_of_a_record_are_its_own_and_those_of_its_attempts() -> None:
    record = {"call": "call-1", "attempts": [{"call": "call-2"}, {}]}
    assert list(recording_files.calls_of(record)) == ["call-1", "call-2"]
    assert list(recording_files.calls_of({"attempts": None})) == []


def test_a_recording_may_be_named_by_the_record_the_path_or_a_call() -> None:
    found = recording_files.names("cb-1", "/elsewhere/named.wav", ["call-1"])
    assert list(found) == ["cb-1.wav", "named.wav", "call-1.wav"]
    assert list(recording_files.names("cb-1", None, ())) == ["cb-1.wav"]


def test_files_that_are_gone_are_not_counted(tmp_path: Path) -> None:
    there = tmp_path / "there.wav"
    there.touch()
    assert recording_files.delete([there, tmp_path / "gone.wav"]) == 1
    assert not there.exists()


def test_only_recordings_that_ended_before_are_deleted(tmp_path: Path) -> None:
    for name, ended in (("old.wav", 100.0), ("new.wav", 300.0), ("old.txt", 100.0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (ended, ended))
    assert recording_files.delete_before(tmp_path, 200.0) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.wav", "old.txt"]
    assert recording_files.delete_before(tmp_path / "none", 200.0) == 0


def test_a_recording_deleted_as_it_is_looked_at_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert recording_files.delete_before(tmp_path, 200.0) == 0

    def gone(_self: Path, _pattern: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "glob", gone)
    assert recording_files.delete_before(tmp_path, 200.0) == 0
