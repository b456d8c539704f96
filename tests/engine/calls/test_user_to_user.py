"""What goes along in User-to-User comes out as it went in, whoever wrote it."""

import pytest

from engine.calls.templates import Subject, context_headers
from engine.calls.user_to_user import read

JOB = Subject("order-17", "+442079460000", {"site": "shop.example", "note": 'ü; "x", y' * 40})


@pytest.mark.parametrize("name", ["User-to-User", "user-to-user"])
def test_the_header_holds_any_text_in_hexadecimal(name: str) -> None:
    ((_, value),) = context_headers({name: "{id} {context.site}"}, JOB)
    assert value == b"order-17 shop.example".hex() + ";encoding=hex"
    assert read(value) == "order-17 shop.example"


def test_a_context_that_is_too_long_leaves_out_whole_keys() -> None:
    ((_, value),) = context_headers({"User-to-User": "{context}"}, JOB, 256)
    assert len(value) <= 256
    assert read(value) == '{"site":"shop.example","_left_out":["note"]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("6f72646572;encoding=hex;purpose=isdn-uui;content=isdn-uui", "order"),
        ("6F72646572 ; Encoding=HEX", "order"),
        ("order-17", "order-17"),
        ('"a \\"b\\", c";content=x', 'a "b", c'),
        ("6f72646572;encoding=hex, 00;encoding=hex", "order"),
        ("ff;encoding=hex", "ff"),
        ("xyz;encoding=hex", "xyz"),
        ("", ""),
    ],
)
def test_values_that_others_write_are_read(value: str, text: str) -> None:
    assert read(value) == text
