from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.headers import (
    COMPACT_FORMS,
    CSeq,
    Via,
    canonical_name,
    known_name,
    parse_cseq,
    parse_top_via,
    parse_via,
    parse_via_list,
    warning,
)
from tests.support.sip import strategies


def test_compact_forms_and_case() -> None:
    for short, name in COMPACT_FORMS.items():
        assert canonical_name(short) == canonical_name(short.upper()) == name
        assert canonical_name(name.upper()) == canonical_name(name.lower()) == name
    assert canonical_name("cAlL-iD") == "Call-ID"
    assert canonical_name("X-nEw") == "X-nEw"
    assert (known_name("Via"), known_name("v"), known_name("X-nEw")) == ("Via", "Via", None)


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP h", Via("UDP", "h")),
        (
            "SIP/2.0/TCP H.example:5070;branch=z9hG4bKx",
            Via("TCP", "h.example", 5070, {"branch": "z9hG4bKx"}),
        ),
        (
            "SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255;rport",
            Via("UDP", "2001:db8::9:1", 5060, {"received": "2001:db8::9:255", "rport": None}),
        ),
        (
            "SIP  / 2.0  / tcp   s.example  ;\tbranch  =  b",
            Via("TCP", "s.example", None, {"branch": "b"}),
        ),
        ("SIP/2.0/UDP h : 5060 ;x", Via("UDP", "h", 5060, {"x": None})),
        ("SIP/2.0/UDP\th", Via("UDP", "h")),
        ("SIP/2.0/UNKNOWN h", Via("UNKNOWN", "h")),
        ("SIP/7.0/UDP h", Via("UDP", "h", protocol="SIP/7.0")),
    ],
)
def test_via(text: str, via: Via) -> None:
    assert parse_via(text) == via
    assert parse_via(via.encode()) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0 UDP h",
        "UDP h",
        "SIP/2.0/U DP h;",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/(x) h",
        "SIP/2.0/UDP h;branch=a;branch=b",
    ],
)
def test_malformed_via(text: str) -> None:
    with pytest.raises(ParseError):
        parse_via(text)


def test_via_list() -> None:
    text = 'SIP/2.0/UDP a;x="1,2", SIP/2.0/TCP b'
    assert [via.host for via in parse_via_list(text)] == ["a", "b"]
    assert parse_top_via(text).host == "a"
    with pytest.raises(ParseError):
        parse_via_list("SIP/2.0/UDP a,")


def test_branch_and_rport() -> None:
    assert parse_via("SIP/2.0/UDP h;branch=z9hG4bK1").is_rfc3261
    assert parse_via("SIP/2.0/UDP h;branch=Z9HG4BK1").is_rfc3261
    assert not parse_via("SIP/2.0/UDP h;branch=z9hG4bK").is_rfc3261
    assert not parse_via("SIP/2.0/UDP h").is_rfc3261
    via = parse_via("SIP/2.0/UDP h;rport;branch=z9hG4bK1")
    assert via.wants_rport and via.rport is None
    filled = via.with_source("192.0.2.7", 6000)
    assert (filled.received, filled.rport, filled.branch) == ("192.0.2.7", 6000, "z9hG4bK1")
    assert via.received is None
    assert parse_via("SIP/2.0/UDP h;rport=x").rport is None


def test_received_only_when_it_differs() -> None:
    via = parse_via("SIP/2.0/UDP 192.0.2.1")
    assert via.with_source("192.0.2.1", 1).params == {}
    assert via.with_source("192.0.2.2", 1).params == {"received": "192.0.2.2"}
    assert parse_via("SIP/2.0/UDP h;received=[::1]").received == "::1"


@given(
    st.builds(
        Via,
        transport=st.sampled_from(["UDP", "TCP", "TLS"]),
        host=strategies.hosts,
        port=strategies.ports,
        params=strategies.params,
    )
)
@example(Via("TLS", "h", None, {"x": '"\t"'}))
def test_via_reads_back(via: Via) -> None:
    assert parse_via(via.encode()) == via
    assert hash(parse_via(via.encode())) == hash(via)


def test_cseq() -> None:
    assert parse_cseq("0009   INVITE") == CSeq(9, "INVITE")
    assert parse_cseq("1\tX!") == CSeq(1, "X!")
    assert CSeq(2**31 - 1, "BYE").encode() == "2147483647 BYE"
    for text in ("", "1", "INVITE", "INVITE 1", "-1 A", "1 A B", "2147483648 A", "1 (", "x A"):
        with pytest.raises(ParseError):
            parse_cseq(text)


def test_warning() -> None:
    assert warning('no "x"\r\nhere') == ("Warning", r'399 - "no \"x\"  here"')


@given(st.text() | st.text().map(lambda text: f"SIP/2.0/UDP {text}"))
def test_only_parse_error(text: str) -> None:
    for read in (parse_via_list, parse_cseq, parse_top_via):
        try:
            read(text)
        except ParseError as error:
            assert error.reason
