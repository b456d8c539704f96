"""What is installed, by what the configuration asks of it."""

import importlib.util
import subprocess
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from config.alerts import Alert
from config.recognition import Recognition
from config.sections import Trunk
from config.settings import Settings
from engine.doctor import installed
from engine.doctor.finding import Finding
from engine.doctor.installed import library_findings, relay_findings, relay_here, version_findings


@pytest.fixture(autouse=True)
def speaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(installed, "speech_fault", lambda _settings: None)
    yield


def levels(findings: Iterator[Finding]) -> dict[str, str]:
    return {one.about: one.level for one in findings}


def test_relay_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_RELAY", "plain")
    assert relay_here() == ("plain", "RINGBACK_RELAY is plain")
    monkeypatch.setenv("RINGBACK_RELAY", "other")
    name, why = relay_here()
    assert name == "" and "'other'" in why


def test_relay_that_does_not_say_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, timeout: float, **_more: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert relay_here() == ("", "it has not said so within 60 s")


@pytest.mark.parametrize(
    ("name", "why", "level"),
    [("native", "", "ok"), ("plain", "it was not compiled", "warning"), ("", "why", "fault")],
)
def test_relay_is_judged(name: str, why: str, level: str) -> None:
    (found,) = relay_findings((name, why))
    assert found.level == level and why in found.what


@pytest.mark.parametrize(
    ("packages", "level"),
    [
        ({"ringback": "1.0", "ringback-client": "1.0"}, "ok"),
        ({"ringback": "1.0", "ringback-client": "0.9"}, "warning"),
        ({"ringback": "1.0", "ringback-client": ""}, "fault"),
    ],
)
def test_versions_are_one(packages: dict[str, str], level: str) -> None:
    assert [one.level for one in version_findings(packages)] == [level]
    assert "3." in next(version_findings()).what


def test_package_that_is_not_installed_has_no_version() -> None:
    assert installed._version("ringback-nowhere") == ""


def without(*names: str) -> Any:
    real = importlib.util.find_spec
    return patch.object(
        importlib.util, "find_spec", lambda name: None if name in names else real(name)
    )


def test_library_that_is_missing_is_a_fault_where_it_is_asked_for() -> None:
    with without("pocketsphinx", "aiortc"):
        found = levels(library_findings(Settings()))
        assert (found["pocketsphinx"], found["aiortc"]) == ("note", "note")
        asked = Settings(recognition=Recognition(engine="pocketsphinx"))
        assert levels(library_findings(asked))["pocketsphinx"] == "fault"


def test_opus_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "missing", lambda: {"opus": "libopus is not there"})
    assert levels(library_findings(Settings()))["libopus"] == "note"
    trunk = Trunk(name="pbx", uri="sip:127.0.0.1", codecs=["opus", "PCMA"])
    assert levels(library_findings(Settings(trunks=[trunk])))["libopus"] == "fault"


def test_speech_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "speech_fault", lambda _settings: "there is no such voice")
    assert levels(library_findings(Settings()))["espeak-ng"] == "fault"


def test_programs_are_looked_for() -> None:
    def alert(path: str) -> Settings:
        one = Alert(name="one", figure="calls", above=1.0, command=[path])
        return Settings(alerts=[one])

    key = "alerts[0].command"
    assert levels(library_findings(alert("/bin/sh")))[key] == "ok"
    assert levels(library_findings(alert("/nowhere/page")))[key] == "fault"
