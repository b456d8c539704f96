"""[streams]: which URLs may be named, and what a fallback is."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from config.streams import Fallback, Streams, check_stream_url, origin_of, shown_url


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:8765",
        "wss://bots.example/voice?key=1",
        "wss://[2001:db8::1]:8443/",
        "wss://bot-1.example/",
    ],
)
def test_a_url_of_a_websocket_is_taken(url: str) -> None:
    assert check_stream_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://bots.example/", "no"),
        ("wss:///voice", "not a ws: or wss: URL"),
        ("wss://bots.example:0/", "not a ws: or wss: URL"),
        ("wss://bots.example:99999/", "not a ws: or wss: URL"),
        ("wss://[2001:db8::1/", "not a ws: or wss: URL"),
        ("wss://user:secret@bots.example/", "a user"),
        ("wss://bots.example/#x", "#fragment"),
        ("wss://bots.example/a b", "characters"),
        ("wss://bots.example\\@evil.example/", "characters"),
        ("wss://bots.exämple/", "characters"),
        ("wss://bots.example/a/../b", ".."),
        ("wss://bots.example/a/%2E%2e/b", ".."),
        ("wss://127.1/", "usual spelling"),
        ("wss://0x7f000001/", "usual spelling"),
        ("wss://2130706433/", "usual spelling"),
        ("wss://bots.example/" + "x" * 1024, "characters"),
    ],
)
def test_what_is_no_such_url_is_refused_and_not_repeated(url: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        check_stream_url(url)
    message = refused.value.message()
    assert reason in message
    assert "secret" not in message


def test_the_origin_of_a_url_is_the_same_for_its_spellings() -> None:
    wanted = ("wss", "bots.example", 443)
    assert origin_of("wss://BOTS.example./a") == origin_of("wss://bots.example:443") == wanted
    assert shown_url("wss://bots.example/a?token=1") == "wss://bots.example/a"


def test_nothing_is_allowed_by_default() -> None:
    assert Streams().allow == []


@pytest.mark.parametrize(
    "section",
    [
        {"allow": ["wss://a.example/", "wss://a.example/"]},
        {"allow": ["wss://a.example/?key=1"]},
        {"allow": ["a.example"]},
        {"rate_hz": 11025},
        {"ahead_ms": 10},
        {"retries": 100},
        {"token": "a b"},
        {"token": "x", "token_file": "y"},
        {"token_file": "/nowhere/token"},
    ],
)
def test_what_cannot_be_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Streams.model_validate(section)


def test_the_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    made = Streams(token_file=str(tmp_path / "token"))
    assert made.token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(made)


def test_a_fallback_is_one_thing() -> None:
    assert Fallback(hang_up=True).hang_up and Fallback(queue="sales").queue == "sales"
    assert not Fallback().is_given
    with pytest.raises(ValidationError, match="give one of"):
        Fallback.model_validate({"queue": "sales", "to": "+44"})
