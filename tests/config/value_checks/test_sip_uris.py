"""sip: and sips: URIs as an administrator may write them."""

import pytest
from pydantic_core import PydanticCustomError

from config.value_checks.sip_uris import (
    check_agent_address,
    check_agent_uri,
    check_outside,
    check_sip_uri,
    host_of,
    is_sip_uri,
    uses_tls,
)


@pytest.mark.parametrize(
    "text",
    ["sip:pbx", "SIP:alice@pbx:5070", "sips:[2001:db8::1]:5061", "sip:pbx;transport=tls;lr"],
)
def test_a_uri_that_can_be_called_is_left_as_it_is(text: str) -> None:
    assert check_sip_uri(text) == text and is_sip_uri(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tel:+442079460000", "is not a sip: or sips: URI"),
        ("sip:a b@pbx", "no blanks"),
        ("sip:pbx?Subject=x", "no \\?header part"),
        ("sip:@pbx", "no user before it"),
        ("sip:pbx:0", "port 0 cannot be called"),
        ("sip:pbx:x", "is not a port"),
        ("sip:alice@", "has no host"),
        ("sip:pbx;transport=ws", "is not supported"),
        ("sips:pbx;transport=udp", "needs TLS"),
    ],
)
def test_a_uri_that_cannot_be_called_says_why(text: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        check_sip_uri(text)


def test_an_agent_is_a_number_or_a_user_somewhere() -> None:
    assert check_agent_address("+442079460000") == "+442079460000"
    assert check_agent_uri("sip:anna@pbx") == "sip:anna@pbx"
    with pytest.raises(PydanticCustomError, match="names a user"):
        check_agent_address("sip:pbx")


def test_who_is_outside_is_written_as_people_write_numbers() -> None:
    for text in ("", "+44 20 7946-0000", "sip:night@pbx"):
        assert check_outside(text) == text
    with pytest.raises(PydanticCustomError, match="neither a telephone number nor a sip: URI"):
        check_outside("night desk")


@pytest.mark.parametrize(
    ("uri", "host", "tls"),
    [
        ("sip:alice@PBX:5070;transport=tls", "pbx", True),
        ("sips:[2001:db8::1]:5061", "2001:db8::1", True),
        ("sip:pbx;transport=udp", "pbx", False),
    ],
)
def test_host_and_protection_of_a_uri(uri: str, host: str, tls: bool) -> None:
    assert (host_of(uri), uses_tls(uri)) == (host, tls)
