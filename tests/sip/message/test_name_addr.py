from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.name_addr import NameAddr, parse_name_addr, parse_name_addr_list
from sip.message.uri import OtherUri, SipUri
from tests.support.sip import strategies

_URI = SipUri("sip", "example.com", "bob")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:bob@example.com>", NameAddr(_URI)),
        ("sip:bob@example.com", NameAddr(_URI)),
        ("sip:bob@example.com;tag=1", NameAddr(_URI, None, {"tag": "1"})),
        ("sip:bob@example.com ;   tag    = 19n", NameAddr(_URI, None, {"tag": "19n"})),
        ('"Bob" <sip:bob@example.com>;tag=a', NameAddr(_URI, "Bob", {"tag": "a"})),
        ("Bob the  Builder <sip:bob@example.com>", NameAddr(_URI, "Bob the  Builder")),
        ("Bob<sip:bob@example.com>", NameAddr(_URI, "Bob")),
        ('""<sip:bob@example.com>', NameAddr(_URI, "")),
        (r'"a\\\"<b>;," <sip:bob@example.com>', NameAddr(_URI, r"a\"<b>;,")),
        ('"\\\x07\\\x00" <sip:bob@example.com>', NameAddr(_URI, "\x07\x00")),
        ('"й" <sip:bob@example.com>;X="ж"', NameAddr(_URI, "й", {"x": '"ж"'})),
        ("<tel:+442>;q=0.5", NameAddr(OtherUri("tel", "+442"), None, {"q": "0.5"})),
        (
            "<sip:bob@example.com;lr>;expires=5",
            NameAddr(
                SipUri("sip", "example.com", "bob", params={"lr": None}), None, {"expires": "5"}
            ),
        ),
    ],
)
def test_parts(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert parse_name_addr(address.encode()) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        '"Bob <sip:b@h>',
        '"Bob" sip:b@h',
        '"Bob"',
        "<sip:b@h",
        "sip:b@h>",
        "<sip:b@h>x",
        "<sip:b@h> tag=1",
        "< sip:b@h >",
        "<sip:b@h>;;",
        "<sip:b@h>;tag=1;tag=2",
        "sip:b@h?Route=x",
        "sip:a,b@h",
        "<>",
        "<<sip:b@h>>",
        '"a" "b" <sip:b@h>',
        "B\x01b <sip:b@h>",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        parse_name_addr(text)


def test_list() -> None:
    addresses = parse_name_addr_list('"a, b" <sip:a@h>;q=1, <sip:b,c@h>, sip:d@h')
    assert [address.uri.encode() for address in addresses] == ["sip:a@h", "sip:b,c@h", "sip:d@h"]
    with pytest.raises(ParseError):
        parse_name_addr_list("<sip:a@h>,,<sip:b@h>")


def test_tag() -> None:
    address = parse_name_addr("<sip:b@h>;TAG=x")
    assert address.tag == "x"
    assert parse_name_addr("<sip:b@h>").tag is None
    assert parse_name_addr("<sip:b@h>;tag").tag is None


@given(strategies.name_addrs)
def test_reads_back(address: NameAddr) -> None:
    again = parse_name_addr(address.encode())
    assert again == address
    assert hash(again) == hash(address)


@given(
    st.text()
    | st.text().map(lambda text: f'"{text}" <sip:a@h>')
    | st.text().map(lambda text: f"<sip:a@h>{text}")
)
def test_only_parse_error(text: str) -> None:
    try:
        parse_name_addr_list(text)
    except ParseError as error:
        assert error.reason


@pytest.mark.parametrize("name", ["Bob, B", "Böb", "Bob (work)", 'the "real" Bob', "b@h: Bob"])
def test_a_display_name_without_its_quotes(name: str) -> None:
    address = parse_name_addr(f"{name} <sip:b@h>;tag=1")
    assert (address.display_name, address.uri.encode(), address.tag) == (name, "sip:b@h", "1")


def test_a_bare_uri_whose_parameter_holds_brackets() -> None:
    address = parse_name_addr('sip:a@h:5062;q="0.5";+sip.instance="<urn:uuid:0-1>";audio')
    assert (address.uri.encode(), address.display_name) == ("sip:a@h:5062", None)
    assert address.params["+sip.instance"] == '"<urn:uuid:0-1>"'
