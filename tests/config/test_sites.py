"""[web] and [[sites]]: what they must say."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.sites import Web
from tests.support.sites import site


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"key": "a b"}, "a key has 4 to 64"),
        ({"origins": []}, "at least 1"),
        ({"origins": ["https://shop.example/"]}, "without a path"),
        ({"origins": ["*"]}, "not an origin"),
        ({"origins": ["https://a.example", "https://a.example"]}, "stands twice"),
        ({"agent": "alice"}, "give one of queue and agent"),
        ({"queue": ""}, "give one of queue and agent"),
        ({"speak": True, "queue": "", "agent": "alice"}, "needs a queue"),
        ({"language": "tlh"}, "'en'"),
        ({"context": ["Page!"]}, "not the name of a field"),
        ({"look": {"colour": "blue"}}, "not a colour"),
        ({"time_zone": "Mars/Olympus"}, "not a time zone"),
        ({"captcha": {"verify_url": "ftp://x", "secret": "s"}}, "http"),
        ({"limits": {"per_address": -1}}, "greater than or equal to 0"),
    ],
)
def test_what_a_site_must_say(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        site(**more)


def test_origins_may_have_ports_and_literal_addresses() -> None:
    origins = ["http://localhost:8000", "https://[2001:db8::1]:8443", "http://127.0.0.1"]
    assert site(origins=origins).origins == origins


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="needed with"):
        Web(tls_cert="a.pem")
    with pytest.raises(ValidationError, match="needed with"):
        Web(tls_key="a.pem")
