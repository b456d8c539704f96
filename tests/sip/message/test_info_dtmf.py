"""Digits in INFO bodies, as phones and gateways write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.info_dtmf import info_digit_body, parse_info_digit


@pytest.mark.parametrize(
    ("body", "pressed"),
    [
        (b"Signal=5\r\nDuration=160\r\n", ("5", 160)),
        (b"Signal= *\r\nDuration= 250\r\n", ("*", 250)),
        (b"signal=#\nduration=0", ("#", 160)),
        (b"Signal=d\r\nDuration=x\r\n", ("D", 160)),
        (b"Signal=10\r\n", ("*", 160)),
        (b"Signal=11\r\nDuration=999999999\r\n", ("#", 160)),
        (b"Signal=1\r\nDuration=99999\r\n", ("1", 8000)),
        (b"7\r\n", ("7", 160)),
        (b"7", ("7", 160)),
        (b"Signal=16\r\n", None),
        (b"!", None),
    ],
)
def test_a_digit(body: bytes, pressed: tuple[str, int] | None) -> None:
    assert parse_info_digit(body) == pressed


@pytest.mark.parametrize("body", [b"", b"Signal=\r\n", b"Signal=55", b"Duration=160", b"\xff"])
def test_none(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse_info_digit(body)


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_info_digit(body)


def test_what_is_sent_is_read_again() -> None:
    for digit in "0123456789*#ABCD":
        assert parse_info_digit(info_digit_body(digit, 160)) == (digit, 160)
