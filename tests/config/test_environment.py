"""The environment over the file: every key, entries of lists, secrets, wrong variables."""

import re
from pathlib import Path
from typing import Any, get_origin

import pytest

from config.settings import ConfigError, Settings, load
from tests.support.configuration import CONTRACT, refusal_line, write_configuration


@pytest.mark.parametrize(
    ("name", "value", "section", "key", "expected"),
    [
        ("RINGBACK_CONTROL__SOCKET", "/run/x.sock", "control", "socket", Path("/run/x.sock")),
        ("RINGBACK_MEDIA__PORTS", "[20000, 20099]", "media", "ports", (20000, 20099)),
        ("RINGBACK_MEDIA__WORKERS", "4", "media", "workers", 4),
        ("RINGBACK_DIAL__RING_S", "12.5", "dial", "ring_s", 12.5),
        ("RINGBACK_DIAL__CALLER_ID", "442079460123", "dial", "caller_id", "442079460123"),
        ("RINGBACK_SIP__LISTEN", '["udp:[::1]:0"]', "sip", "listen", ["udp:[::1]:0"]),
        ("RINGBACK_DIAL__ALLOW_HOSTS", "10.0.0.1, pbx", "dial", "allow_hosts", ["10.0.0.1", "pbx"]),
        ("RINGBACK_LOG__LEVEL", "debug", "log", "level", "debug"),
        ("RINGBACK_DIAL__HEADERS", '{"X-A": "{id}"}', "dial", "headers", {"X-A": "{id}"}),
    ],
)
def test_environment_overrides(
    tmp_path: Path, name: str, value: str, section: str, key: str, expected: object
) -> None:
    settings = load(write_configuration(tmp_path, CONTRACT), {name: value})
    assert getattr(getattr(settings, section), key) == expected


def test_every_key_can_be_overridden(tmp_path: Path) -> None:
    """A value that is wrong for any key is blamed on the variable that set it."""
    for section, field in Settings.model_fields.items():
        lists = get_origin(field.annotation) is list
        if lists and section not in ("trunks", "routes", "agents"):
            continue  # no entry to override
        model: Any = field.annotation.__args__[0] if lists else field.annotation  # type: ignore[union-attr]
        for name, one in model.model_fields.items():
            key = one.alias or name
            steps = [section, "0", key] if lists else [section, key]
            variable = "RINGBACK_" + "__".join(steps).upper()
            line = refusal_line(tmp_path, CONTRACT, **{variable: "\x00 { wrong"})
            location = f"{section}[0].{key}" if lists else f"{section}.{key}"
            assert re.match(re.escape(location) + r"[.:\[ ]", line), (variable, line)
            if key != "trunks":  # whose names are checked against another section
                assert f"set by {variable}" in line, line


def test_entry_of_a_list_by_name_or_index(tmp_path: Path) -> None:
    environ = {
        "RINGBACK_TRUNKS__PBX__PASSWORD": "secret",
        "RINGBACK_TRUNKS__0__USERNAME": "us",
        "RINGBACK_TRUNKS__PBX__REGISTER": "yes",
        "RINGBACK_AGENTS__ALICE__URI": "sip:a@127.0.0.9",
    }
    settings = load(write_configuration(tmp_path, CONTRACT), environ)
    trunk = settings.trunks[0]
    assert (trunk.username, trunk.password.get_secret_value()) == ("us", "secret")
    assert trunk.register_ is True
    assert settings.agents[0].uri == "sip:a@127.0.0.9"


def test_wrong_variables_are_errors(tmp_path: Path) -> None:
    assert refusal_line(tmp_path, CONTRACT, RINGBACK_CONTROL__SOCKTE="x") == (
        "control.sockte: unknown key; did you mean socket? (set by RINGBACK_CONTROL__SOCKTE)"
    )
    assert "no such section" in refusal_line(tmp_path, CONTRACT, RINGBACK_CONTRL__SOCKET="x")
    assert "no entry 'nine'" in refusal_line(tmp_path, CONTRACT, RINGBACK_TRUNKS__NINE__URI="x")
    load(write_configuration(tmp_path, CONTRACT), {"RINGBACK_HOME": "/opt", "PATH": "/bin"})


def test_environment_of_the_process_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_MEDIA__WORKERS", "3")
    assert load(write_configuration(tmp_path, CONTRACT)).media.workers == 3


def test_secrets_directory(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "RINGBACK_TRUNKS__PBX__PASSWORD").write_text("from-file\n")
    (secrets / "RINGBACK_MEDIA__WORKERS").write_text("3")
    (secrets / "other").write_text("x")
    environ = {"RINGBACK_SECRETS_DIR": str(secrets), "RINGBACK_MEDIA__WORKERS": "2"}
    settings = load(write_configuration(tmp_path, CONTRACT), environ)
    assert settings.trunks[0].password.get_secret_value() == "from-file"
    assert settings.media.workers == 2
    with pytest.raises(ConfigError, match="RINGBACK_SECRETS_DIR"):
        load(
            write_configuration(tmp_path, CONTRACT),
            {"RINGBACK_SECRETS_DIR": str(tmp_path / "none")},
        )
