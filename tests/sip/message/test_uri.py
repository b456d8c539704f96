from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.uri import (
    OtherUri,
    SipUri,
    canonical_host,
    encode_host,
    parse_host_port,
    parse_uri,
)
from tests.support.sip import strategies


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:example.com", SipUri("sip", "example.com")),
        ("SIPS:Alice@EXAMPLE.com:5061", SipUri("sips", "example.com", "Alice", None, 5061)),
        ("sip:alice:secret@h", SipUri("sip", "h", "alice", "secret")),
        ("sip:alice:@h", SipUri("sip", "h", "alice", "")),
        ("sip:[2001:DB8::1]:5060;lr", SipUri("sip", "2001:db8::1", port=5060, params={"lr": None})),
        ("sip:[::1]", SipUri("sip", "::1")),
        (
            "sip:sips%3Auser%40example.com@example.net",
            SipUri("sip", "example.net", "sips:user@example.com"),
        ),
        (
            "sip:user;par=u%40example.net@example.com",
            SipUri("sip", "example.com", "user;par=u@example.net"),
        ),
        ("sip:%00@h", SipUri("sip", "h", "\0")),
        ("sip:*21#@pbx_1", SipUri("sip", "pbx_1", "*21#")),
        ("sip:h;Transport=TCP;%6C%72", SipUri("sip", "h", params={"transport": "TCP", "lr": None})),
        (
            "sip:h?Subject=a%20b&Route=x&Route=y",
            SipUri("sip", "h", headers={"Subject": "a b", "Route": "x, y"}),
        ),
        ("sip:a@192.0.2.1:1", SipUri("sip", "192.0.2.1", "a", None, 1)),
        ("tel:+44-20;phone-context=x", OtherUri("tel", "+44-20;phone-context=x")),
        ("URN:service:sos", OtherUri("urn", "service:sos")),
        ("soap.beep://192.0.2.103:3002", OtherUri("soap.beep", "//192.0.2.103:3002")),
    ],
)
def test_parts(text: str, uri: SipUri | OtherUri) -> None:
    assert parse_uri(text) == uri
    assert parse_uri(uri.encode()) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        ":x",
        "1sip:x",
        "<sip:a@b>",
        "sip:@h",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@ b",
        "sip:a%@h",
        "sip:a%4@h",
        "sip:a%gg@h",
        "sip:ä@h",
        "sip:a@h:",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:5x",
        "sip:a@-h",
        "sip:a@h..b",
        "sip:a@256.1.1.1",
        "sip:a@1.2.3",
        "sip:a@[::1",
        "sip:a@[::1]x",
        "sip:a@[fe80::1%25eth0]",
        "sip:a@[fe80::1%eth0]",
        "sip:a@[1.2.3.4]",
        "sip:a@::1",
        "sip:a@h;",
        "sip:a@h;=1",
        "sip:a@h;x=",
        'sip:a@h;x="y"',
        "sip:a@h?",
        "sip:a@h?x",
        "sip:a@h?=y",
        "sip:a@h?x=y&",
        "tel:",
        "tel:1 2",
        "tel:<1>",
        "sip:a\r\nb@h",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@given(strategies.uris)
def test_reads_back(uri: SipUri | OtherUri) -> None:
    assert parse_uri(uri.encode()) == uri
    assert uri.matches(uri)
    assert hash(parse_uri(uri.encode())) == hash(uri)


@given(
    st.text()
    | st.text().map(lambda text: f"sip:{text}")
    | st.text().map(lambda text: f"sip:a@h;{text}")
)
def test_only_parse_error(text: str) -> None:
    try:
        uri = parse_uri(text)
    except ParseError as error:
        assert error.reason
    else:
        assert parse_uri(uri.encode()) == uri


def test_user_that_is_no_utf8_keeps_its_bytes() -> None:
    uri = parse_uri("sip:%FFx@h")
    assert uri.encode() == "sip:%FFx@h"


# RFC 3261 19.1.4 lists these.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:[2001:db8::1]", "sip:[2001:DB8:0::1]"),
        ("tel:+1", "tel:+1"),
    ],
)
def test_equal_uris(one: str, other: str) -> None:
    assert parse_uri(one).matches(parse_uri(other))
    assert parse_uri(other).matches(parse_uri(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a@h", "tel:+1"),
        ("tel:+1", "tel:+2"),
        ("sip:[::1]", "sip:[::2]"),
    ],
)
def test_different_uris(one: str, other: str) -> None:
    assert not parse_uri(one).matches(parse_uri(other))
    assert not parse_uri(other).matches(parse_uri(one))


def test_hosts() -> None:
    assert encode_host("::1", 5060) == "[::1]:5060"
    assert encode_host("h") == "h"
    assert parse_host_port("[::1]:5060") == ("::1", 5060)
    assert parse_host_port("H.example.") == ("h.example.", None)


def test_long_hosts_and_users_take_no_long_time() -> None:
    for text in ("sip:" + "a-" * 4000, "sip:" + "a." * 4000 + "!", "sip:" + "%4" * 4000 + "@h"):
        with pytest.raises(ParseError):
            parse_uri(text)


def test_of_a_parameter_that_is_there_twice_the_first_counts() -> None:
    uri = parse_uri("sip:a@h;transport=tcp;lr;Transport=udp")
    assert uri.encode() == "sip:a@h;transport=tcp;lr"


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("010.000.002.001", "10.0.2.1"),
        ("example.com", "example.com"),
        ("256.1.1.1", "256.1.1.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("1::2::3", "1::2::3"),
    ],
)
def test_the_usual_form_of_a_host(host: str, canonical: str) -> None:
    assert canonical_host(host) == canonical


@pytest.mark.parametrize(
    ("text", "part"),
    [("sip:a b@h", "user"), ("sip:a:b c@h", "password"), ("sip:a:%zz@h", "password")],
)
def test_the_part_that_is_malformed_is_named(text: str, part: str) -> None:
    with pytest.raises(ParseError, match=f"the {part} part"):
        parse_uri(text)
