from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.message import Request, Response, response_to
from sip.message.parser import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    MAX_MESSAGE_BYTES,
    MalformedMessage,
    content_length,
    parse,
)
from tests.support.sip import strategies

_FIELDS = (
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: i@h\r\nCSeq: 1 OPTIONS\r\n"
)
_LINE = b"OPTIONS sip:b@h SIP/2.0\r\n"


def _fault(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value


def test_request() -> None:
    message = parse(_LINE + _FIELDS + b"Content-Length: 3\r\n\r\nabcdef")
    assert isinstance(message, Request)
    assert (message.method, message.uri.encode(), message.body) == ("OPTIONS", "sip:b@h", b"abc")
    assert message.get("Content-Length") is None


def test_response() -> None:
    message = parse(b"SIP/2.0 404 Not  Found\r\n" + _FIELDS + b"\r\nrest")
    assert isinstance(message, Response)
    assert (message.status, message.phrase, message.body) == (404, "Not  Found", b"rest")


@pytest.mark.parametrize("line", [b"SIP/2.0 200", b"SIP/2.0 200 ", b"sip/2.0 200 "])
def test_empty_phrase(line: bytes) -> None:
    message = parse(line + b"\r\n" + _FIELDS + b"\r\n")
    assert isinstance(message, Response)
    assert (message.status, message.phrase) == (200, "")


def test_phrase_that_is_no_utf8_can_still_be_shown() -> None:
    message = parse(b"SIP/2.0 200 caf\xe9\r\n" + _FIELDS + b"\r\n")
    assert isinstance(message, Response)
    assert message.phrase == "caf\ufffd"


def test_line_ends_before_the_message() -> None:
    assert isinstance(parse(b"\r\n\r\n" + _LINE + _FIELDS + b"\r\n"), Request)


def test_bytes_that_are_no_utf8_go_back_as_they_came() -> None:
    fields = _FIELDS.replace(b"From: ", b'From: "Andr\xe9" ') + b"X-Raw: \xff\xfe\r\n"
    message = parse(_LINE + fields + b"\r\n")
    assert b'From: "Andr\xe9" <sip:a@h>;tag=1\r\n' in message.encode()
    assert b"X-Raw: \xff\xfe\r\n" in message.encode()
    assert isinstance(message, Request)
    assert b'From: "Andr\xe9" ' in response_to(message, 200).encode()


def test_folding_and_blanks_before_the_colon() -> None:
    fields = _FIELDS.replace(b"To: ", b"tO \t:\r\n\t ").replace(b"1 OPTIONS", b"1\r\n  OPTIONS")
    message = parse(_LINE + fields + b"Subject:\r\n \r\n a\r\n\tb\r\nX:\r\n\r\n")
    assert message.to.uri.encode() == "sip:b@h"
    assert message.cseq.method == "OPTIONS"
    assert (message.get("Subject") or "").split() == ["a", "b"]
    assert message.get("X") == ""


def test_unknown_fields_are_kept_in_order() -> None:
    message = parse(_LINE + b"X-b: ;;,,;\r\n" + _FIELDS + b"x-A: 1\r\nX-b: 2\r\n\r\n")
    assert [f for f in message.headers() if f[0].lower().startswith("x-")] == [
        ("X-b", ";;,,;"),
        ("x-A", "1"),
        ("X-b", "2"),
    ]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"OPTIONS sip:b@h SIP/3.0", 505),
        (b"OPTIONS sip:b@h SIP/2.0 ", 400),
        (b"OPTIONS  sip:b@h SIP/2.0", 400),
        (b"OPTIONS sip:b@h", 400),
        (b"OPTIONS sip:b@h HTTP/1.1", 400),
        (b"OPTIONS <sip:b@h> SIP/2.0", 400),
        (b"OPTIONS sip:b@h?x=y SIP/2.0", 400),
        (b"OPTIONS b@h SIP/2.0", 400),
        (b"OPTIONS sip:%s@h SIP/2.0" % (b"b" * MAX_LINE_BYTES), 414),
    ],
)
def test_bad_request_line_can_be_answered(line: bytes, status: int) -> None:
    fault = _fault(line + b"\r\n" + _FIELDS + b"\r\n")
    assert fault.status == status
    assert isinstance(fault, MalformedMessage)
    answer = parse(response_to(fault.partial, fault.status, to_tag="x").encode())
    assert isinstance(answer, Response)
    assert (answer.status, answer.to.tag) == (status, "x")


@pytest.mark.parametrize("line", [b"OPT(IONS sip:b@h SIP/2.0", b"", b" OPTIONS sip:b@h SIP/2.0"])
def test_what_is_no_request_is_not_answered(line: bytes) -> None:
    assert not isinstance(_fault(line + b"\r\n" + _FIELDS + b"\r\n"), MalformedMessage)


def test_ack_is_never_answered() -> None:
    fields = _FIELDS.replace(b"OPTIONS", b"ACK")
    assert isinstance(parse(b"ACK sip:b@h SIP/2.0\r\n" + fields + b"\r\n"), Request)
    assert not isinstance(_fault(b"ACK sip:b@h SIP/3.0\r\n" + fields + b"\r\n"), MalformedMessage)


@pytest.mark.parametrize(
    "line",
    [
        b"SIP/2.0 99 x",
        b"SIP/2.0 700 x",
        b"SIP/2.0 2000 x",
        b"SIP/2.0 abc x",
        b"SIP/2.0 -20 x",
        b"SIP/2.0",
        b"SIP/3.0 200 OK",
        b"SIP/2.0  200 OK",
        b"SIP/2.0 200 O\rK",
        b"SIP/2.0 200 O\nK",
    ],
)
def test_bad_status_line(line: bytes) -> None:
    assert not isinstance(_fault(line + b"\r\n" + _FIELDS + b"\r\n"), MalformedMessage)


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_mandatory_fields(name: bytes) -> None:
    lines = [line for line in _FIELDS.splitlines(True) if not line.startswith(name + b":")]
    fault = _fault(_LINE + b"".join(lines) + b"\r\n")
    assert fault.reason == f"{name.decode()} is missing"
    assert (not isinstance(fault, MalformedMessage)) == (name == b"Via")
    assert not isinstance(
        _fault(b"SIP/2.0 200 OK\r\n" + b"".join(lines) + b"\r\n"), MalformedMessage
    )
    empty = _FIELDS.replace(name + b":", name + b":\r\nX:")
    assert _fault(_LINE + empty + b"\r\n").reason == f"{name.decode()} is missing"


@pytest.mark.parametrize(
    "field",
    [
        b"From: <sip:c@h>",
        b"t: <sip:c@h>",
        b"i: j@h",
        b"CSeq: 1 OPTIONS",
        b"Max-Forwards: 1\r\nMax-Forwards: 1",
    ],
)
def test_single_fields_given_twice(field: bytes) -> None:
    assert "more than once" in _fault(_LINE + _FIELDS + field + b"\r\n\r\n").reason


@pytest.mark.parametrize(
    "old_new",
    [
        (b"192.0.2.1;", b"192.0.2.1;;"),
        (b"<sip:a@h>", b'"a <sip:a@h>'),
        (b"<sip:b@h>", b"< sip:b@h >"),
        (b"1 OPTIONS", b"1 INVITE"),
        (b"1 OPTIONS", b"9999999999 OPTIONS"),
        (b"From:", b"From"),
        (b"From:", b":"),
        (b"From:", b"Fr om:"),
        (b"From:", b" From:"),
        (b"<sip:b@h>", b"<sip:b@h>\nX: y"),
        (b"<sip:b@h>", b"<sip:b@h>\rX: y"),
        (b"<sip:b@h>", b"<sip:b@h>\r\nno colon"),
        (b"<sip:b@h>", b"<sip:b@h>\r\nContent-Length: -1"),
        (b"<sip:b@h>", b"<sip:b@h>\r\nContent-Length: 1"),
        (b"<sip:b@h>", b"<sip:b@h>\r\nContent-Length: five"),
        (b"<sip:b@h>", b"<sip:b@h>\r\nContent-Length: 0\r\nl: 1"),
    ],
)
def test_bad_fields_can_be_answered(old_new: tuple[bytes, bytes]) -> None:
    fields = _FIELDS.replace(*old_new)
    assert fields != _FIELDS
    fault = _fault(_LINE + fields + b"\r\n")
    assert fault.status == 400
    assert isinstance(fault, MalformedMessage)
    assert fault.partial.via.host == "192.0.2.1"
    parse_again = response_to(fault.partial, fault.status, to_tag="x").encode()
    assert parse_again.startswith(b"SIP/2.0 400 Bad Request\r\n")


def test_same_content_length_twice() -> None:
    assert parse(_LINE + _FIELDS + b"l: 1\r\nContent-Length: 01\r\n\r\nabc").body == b"a"


def test_limits() -> None:
    def of(field: bytes, body: bytes = b"") -> bytes:
        return _LINE + _FIELDS + field + b"\r\n" + body

    assert parse(of(b"X: %s\r\n" % (b"a" * (MAX_LINE_BYTES - 3))))
    assert _fault(of(b"X: %s\r\n" % (b"a" * (MAX_LINE_BYTES - 2)))).status == 513
    assert parse(of(b"X: y\r\n" * (MAX_HEADERS - 5)))
    assert _fault(of(b"X: y\r\n" * (MAX_HEADERS - 4))).status == 513
    line = b"X: %s\r\n" % (b"a" * 4000)
    assert _fault(of(line * (MAX_HEAD_BYTES // len(line) + 1))).status == 513
    room = MAX_MESSAGE_BYTES - len(of(b""))
    assert parse(of(b"", b"b" * room))
    assert _fault(of(b"", b"b" * (room + 1))).status == 513
    assert not isinstance(_fault(_LINE + _FIELDS), MalformedMessage)


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\r\n" * 9, b"\0", b"\0" * 12])
def test_noise(data: bytes) -> None:
    assert not isinstance(_fault(data), MalformedMessage)


def test_content_length_of_a_head() -> None:
    assert content_length(_LINE + _FIELDS + b"L :\r\n  7") == 7
    assert content_length(_LINE + b"broken field\r\nContent-Length: 7") == 7
    assert content_length(_LINE + _FIELDS) is None
    for value in (b"-1", b"x", b"", b"1\r\nl: 2", b"9" * 20):
        with pytest.raises(ParseError):
            content_length(_LINE + b"Content-Length: " + value)


def _only_parse_error(data: bytes) -> None:
    try:
        message = parse(data)
    except ParseError as error:
        assert error.reason
        assert 400 <= error.status < 600
        if isinstance(error, MalformedMessage):
            response_to(error.partial, error.status, to_tag="x").encode()
            assert error.partial.via
        return
    for name in (
        "vias",
        "contact",
        "contacts",
        "record_routes",
        "routes",
        "max_forwards",
        "expires",
        "content_type",
    ):
        try:
            getattr(message, name)
        except ParseError as error:
            assert error.reason
    # What was read, written and read again is the same.
    again = parse(message.encode())
    assert again == message


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    _only_parse_error(data)
    _only_parse_error(_LINE + _FIELDS + data)
    _only_parse_error(data + b"\r\n" + _FIELDS + b"\r\n")


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(strategies.messages).encode())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 6))
        piece = draw(
            st.binary(max_size=4)
            | st.sampled_from(
                [b"\r\n", b"\r\n ", b'"', b"<", b">", b";", b",", b":", b"%", b"\0", b"["]
            )
        )
        data[place : place + length] = piece
    return bytes(data)


@given(_mutated())
def test_mutated_messages(data: bytes) -> None:
    _only_parse_error(data)


@given(strategies.messages)
@example(Response(200, "OK", [("X", "")]))
def test_reads_back(message: Request | Response) -> None:
    if message.get("Via") is None:
        for field in _FIELDS.decode().splitlines():
            name, _, value = field.partition(": ")
            message.add_field(name, value)
    assert parse(message.encode()) == message
    assert parse(message.encode() + b"noise") == message


def test_hostile_sizes_take_no_long_time() -> None:
    for filler in (b" ", b'"', b"<", b",", b"\\", b";", b"%", b"a;", b"\r\n ", b"="):
        text = filler * (8000 // len(filler))
        for name in (b"From: ", b"Via: ", b"Contact: ", b"CSeq: ", b"X: "):
            _only_parse_error(_LINE + name + text + b"\r\n" + _FIELDS + b"\r\n")
