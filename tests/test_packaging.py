"""The systemd unit and the files beside it: safe, complete, true to the engine's options."""

import configparser
import getpass
import grp
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.settings import load
from config.web_settings import load as load_web
from engine.cli.main import app
from media.priority import Turn

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "ringback.service"
WEB_UNIT = PACKAGING / "ringback-web.service"
SECRETS = "RINGBACK_SECRETS_DIR"
# systemd's figure for how much a service is exposed, 0 to 10.
EXPOSURE_LIMIT = 3.0


class _Unit(configparser.RawConfigParser):
    """A unit file. Keys that stand several times are lists in `all`."""

    def __init__(self, text: str) -> None:
        super().__init__(strict=False, allow_no_value=True, interpolation=None)
        self.all: dict[str, list[str]] = {}
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.all.setdefault(key, []).append(value)


@pytest.fixture
def unit() -> _Unit:
    return _Unit(UNIT.read_text())


def _environment(unit: _Unit) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.all["Environment"])


@pytest.mark.parametrize("file", [UNIT, WEB_UNIT], ids=lambda file: file.stem)
def test_the_unit_is_exposed_less_than_the_limit(file: Path) -> None:
    analyser = shutil.which("systemd-analyze")
    if analyser is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    threshold = round(EXPOSURE_LIMIT * 10)
    done = subprocess.run(
        [analyser, "security", "--offline=true", f"--threshold={threshold}", "--no-pager", file],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_forbids_no_turn_before_others_that_it_permits(unit: _Unit) -> None:
    """systemd refuses SCHED_RR, whatever the limit is, where RestrictRealtime is set."""
    assert unit.all["LimitRTPRIO"] == [f"{max(Turn):d}"]
    assert "RestrictRealtime" not in unit.all


def test_what_the_gateway_writes_lies_in_its_own_directory() -> None:
    unit = _Unit(WEB_UNIT.read_text())
    environment = _environment(unit)
    settings = load_web(ROOT / "config/ringback.toml", environ=environment)
    assert settings.web.secret_file.startswith("/var/lib/ringback-web/")
    assert unit.all["StateDirectory"] == ["ringback-web"]
    assert settings.control.socket == Path("/run/ringback/control.sock")
    assert "ReadWritePaths" not in unit.all


def test_what_the_engine_writes_lies_in_the_two_directories_that_the_unit_permits(
    unit: _Unit,
) -> None:
    assert unit.all["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in unit.all
    assert unit.all["StateDirectory"] == unit.all["RuntimeDirectory"] == ["ringback"]
    settings = load(ROOT / "config/ringback.toml", environ=_engine_environment(unit))
    written = [
        settings.control.socket,
        settings.store.path,
        settings.media.recordings,
        settings.whisper.cache_dir,
    ]
    for path in written:
        assert str(path).startswith(("/var/lib/ringback/", "/run/ringback/")), path


def _engine_environment(unit: _Unit) -> dict[str, str]:
    return {
        key: value
        for key, value in _environment(unit).items()
        if key.startswith("RINGBACK_") and key != SECRETS
    }


@pytest.mark.parametrize("key", ["ExecStartPre", "ExecStart", "ExecStop"])
def test_each_command_of_the_unit_has_the_options_that_it_is_given(key: str, unit: _Unit) -> None:
    program, command, *arguments = unit.all[key][0].removeprefix("-").split()
    assert program == "/opt/ringback/bin/ringback"
    help_text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert help_text.exit_code == 0, help_text.output
    for option in (word for word in arguments if word.startswith("--")):
        assert option in help_text.output


def test_logrotate_accepts_its_file(tmp_path: Path) -> None:
    logrotate = shutil.which("logrotate", path="/usr/sbin:/usr/bin")
    if logrotate is None:
        pytest.skip("logrotate is not installed (Debian package logrotate)")
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    text = (PACKAGING / "ringback.logrotate").read_text()
    assert "su ringback ringback" in text
    copy = tmp_path / "ringback"
    copy.write_text(text.replace("su ringback ringback", f"su {user} {group}"))
    copy.chmod(0o644)
    done = subprocess.run(
        [logrotate, "--debug", "--state", tmp_path / "state", copy],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "error:" not in done.stderr, done.stderr


def test_the_user_of_the_unit_and_of_the_directories_is_made(unit: _Unit) -> None:
    made = [
        line.split()[1]
        for line in (PACKAGING / "ringback.sysusers").read_text().splitlines()
        if line.startswith("u ")
    ]
    assert unit.all["User"] == unit.all["Group"] == made
    for line in (PACKAGING / "ringback.tmpfiles").read_text().splitlines():
        if not line.startswith("#"):
            assert line.split()[4] in made


def test_the_page_on_operations_says_where_each_file_goes() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for file in PACKAGING.iterdir():
        assert f"`{file.name}`" in page
