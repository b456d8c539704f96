"""Context in SIP headers: filled in, and unable to become a header of its own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calls.templates import MAX_VALUE_CHARS, Subject, context_headers, display_name
from engine.job import Job, Request


def subject(context: dict[str, Any]) -> Subject:
    request = Request(to="+442079460000", agent="alice", context=context)
    return Subject.of(Job(id="j1", request=request, created=1.0))


def test_fields_are_filled_in() -> None:
    templates = {
        "X-Ringback-Job": "{id}",
        "X-Customer": "<{to}>",
        "X-Site": "site={context.site}",
        "X-All": "{context}",
    }
    filled = dict(context_headers(templates, subject({"site": "shop.example", "n": 3})))
    assert filled == {
        "X-Ringback-Job": "j1",
        "X-Customer": "<+442079460000>",
        "X-Site": "site=shop.example",
        "X-All": '{"site":"shop.example","n":3}',
    }


def test_a_header_without_a_value_is_left_out() -> None:
    assert context_headers({"X-Site": "site={context.site}"}, subject({})) == ()


def test_a_header_without_fields_is_kept() -> None:
    assert context_headers({"X-From": "ringback"}, subject({})) == (("X-From", "ringback"),)


def test_values_that_are_not_text_are_json() -> None:
    filled = context_headers({"X-N": "{context.n}"}, subject({"n": [1, {"a": None}]}))
    assert filled == (("X-N", '[1,{"a":null}]'),)


def test_a_value_that_looks_like_a_field_is_not_filled_again() -> None:
    filled = context_headers({"X-A": "{context.a}"}, subject({"a": "{id}"}))
    assert filled == (("X-A", "{id}"),)


@given(st.text(min_size=1))
def test_no_value_can_end_its_line(value: str) -> None:
    for _name, filled in context_headers({"X-A": "{context.a}"}, subject({"a": value})):
        assert not any(ord(char) < 0x20 or ord(char) == 0x7F for char in filled)
        assert len(filled) <= MAX_VALUE_CHARS


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Jo Bloggs", "Jo Bloggs"),
        (None, ""),
        (7, ""),
        (" a\r\nX: b ", "a X: b"),
        ("x" * 99, "x" * 64),
    ],
)
def test_the_name_that_the_agents_phone_shows(name: object, shown: str) -> None:
    assert display_name(subject({"caller_name": name})) == shown
