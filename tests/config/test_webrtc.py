"""[webrtc], and agents whose phone is a browser."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import ConfigError, load
from config.webrtc import WebRtc

BROWSER = """
[sip]
listen = ["ws:127.0.0.1:5062"]
[[agents]]
name = "anna"
uri = "webrtc:anna"
[[rights]]
name = "anna"
agent = "anna"
token = "anna-signs-in-with-this"
"""


def read(text: str, tmp_path: Path) -> object:
    file = tmp_path / "ringback.toml"
    file.write_text(text)
    return load(file, {})


def test_an_agent_may_have_a_browser(tmp_path: Path) -> None:
    settings = read(BROWSER, tmp_path)
    assert settings.agents[0].uri == "webrtc:anna"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changed", "to", "reason"),
    [
        ("webrtc:anna", "webrtc:bert", "is the browser of another: webrtc:anna is theirs"),
        ("webrtc:anna", "webrtc:", "must be webrtc: and the agent's name"),
        ("ws:127.0.0.1:5062", "udp:127.0.0.1:5062", "needs a ws: or wss: address in sip.listen"),
        ('agent = "anna"', 'role = "read"', "needs a [[rights]] with this agent and a token"),
        ('token = "anna-signs-in-with-this"', "user = 0", "needs a [[rights]] with this agent"),
    ],
)
def test_a_browser_that_could_not_sign_in_is_told(
    tmp_path: Path, changed: str, to: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(BROWSER.replace(changed, to), tmp_path)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("stun = 'http://x'", "webrtc.stun"),
        ("turn = 'stun:x'", "webrtc.turn"),
        ("relay_only = true", "webrtc.relay_only: needs turn"),
        ("turn_username = 'u'", "webrtc.turn_username: needs turn"),
        ("turn_password = 'p'\nturn_password_file = 'f'", "webrtc.turn_password_file"),
        ("advertise = '@'", "webrtc.advertise"),
    ],
)
def test_servers_that_cannot_be_meant(tmp_path: Path, section: str, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(f"[webrtc]\n{section}\n", tmp_path)
    assert reason in str(error.value)


def test_the_password_of_turn_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "turn.secret"
    secret.write_text("hidden\n")
    text = f"[webrtc]\nturn = 'turn:192.0.2.1'\nturn_password_file = '{secret}'\n"
    settings = read(text, tmp_path)
    assert settings.webrtc.turn_password.get_secret_value() == "hidden"  # type: ignore[attr-defined]


TURN = {"turn": "turn:192.0.2.3"}


def test_the_secret_of_the_turn_server_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "turn.secret"
    file.write_text("shared\n")
    section = WebRtc(**TURN, turn_secret_file=str(file))  # type: ignore[arg-type]
    assert section.turn_secret.get_secret_value() == "shared"


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"turn_secret": "s"}, "turn"),
        ({"turn_username": "u"}, "turn"),
        ({"relay_only": True}, "turn"),
        (TURN | {"turn_secret": "s", "turn_username": "u"}, "credentials"),
        (TURN | {"turn_secret": "s", "turn_secret_file": "/x"}, "turn_secret"),
        (TURN | {"turn_password": "s", "turn_password_file": "/x"}, "turn_password"),
    ],
)
def test_what_does_not_fit_together(section: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        WebRtc.model_validate(section)
