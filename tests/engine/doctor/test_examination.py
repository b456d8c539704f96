"""Everything that is looked at, of one configuration."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import ConfigError
from engine.doctor import examination, installed
from engine.doctor.examination import examine
from tests.support.configuration import write_configuration


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_given: object, **_named: object) -> Iterator[object]:
        return iter(())

    monkeypatch.setattr(installed, "speech_fault", lambda _settings: None)
    monkeypatch.setattr(examination, "relay_here", lambda: ("native", ""))
    for name in ("address_findings", "port_findings", "name_findings"):
        monkeypatch.setattr(examination, name, nothing)


def about(file: Path) -> dict[str, str]:
    found = list(examine(file, None))
    assert all(one.advice for one in found if one.level in ("warning", "fault"))
    return {one.about: one.level for one in found}


def test_machine_is_looked_at_beside_the_configuration(tmp_path: Path) -> None:
    found = about(write_configuration(tmp_path, ""))
    assert found["configuration"] == "ok"
    assert {"relay", "versions", "espeak-ng", "store.path", "processors"} <= set(found)
    assert "engine" not in found


def test_faults_of_the_configuration_hide_nothing(tmp_path: Path) -> None:
    text = (
        '[dial]\nring_s = "x"\n[[trunks]]\nname = "one"\nuri = "sip:192.0.2.1"\nsrtp = "required"\n'
    )
    found = about(write_configuration(tmp_path, text))
    assert found["dial.ring_s"] == "fault"
    assert "configuration" not in found and "processors" in found
    assert found["trunk one"] == "warning"


def test_codec_that_does_not_work_here_and_an_engine_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [("agent", "alice", "opus", "libopus is not there")]
    monkeypatch.setattr(examination, "missing_codecs", lambda _settings: missing)
    status = {
        "version": "0", "media": {"pids": [os.getpid()], "workers": []}, "draining": False,
        "store": {"last_error": None}, "trunks": [],
    }  # fmt: skip
    found = {one.about: one for one in examine(write_configuration(tmp_path, ""), status)}
    assert "opus is not offered to agent alice" in found["agent alice"].what
    assert "engine" in found and "open files" in found


def test_fault_that_only_the_engine_knows(tmp_path: Path) -> None:
    found = about(write_configuration(tmp_path, '[dial]\ncaller_id = "hello"\n'))
    assert found["dial.caller_id"] == "fault"


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        about(tmp_path / "missing.toml")
