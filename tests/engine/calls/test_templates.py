"""Context in SIP headers: filled in, and unable to become a header of its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calls.templates import (
    DEFAULT_BYTES,
    LEFT_OUT,
    Subject,
    context_headers,
    display_name,
    fitted_context,
)
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
        assert len(filled.encode()) <= DEFAULT_BYTES


def header(context: dict[str, Any], most_bytes: int, template: str = "{context}") -> str | None:
    """The value of a header for a context, if there is one."""
    return dict(context_headers({"X-A": template}, subject(context), most_bytes)).get("X-A")


def test_whole_keys_are_left_out_of_a_long_context_in_their_order() -> None:
    context = {"site": "shop.example", "page": "x" * 90, "order": 17, "cart": "y" * 90, "vip": True}
    value = header(context, 100)
    assert value is not None
    assert json.loads(value) == {
        "site": "shop.example", "order": 17, "vip": True, LEFT_OUT: ["page", "cart"],
    }  # fmt: skip
    assert header(context, 300) == json.dumps(context, separators=(",", ":"))


def test_where_the_names_do_not_fit_their_number_does() -> None:
    context = {"site": "shop.example", **{f"key number {n}": "x" * 100 for n in range(50)}}
    value = header(context, 80)
    assert value is not None
    assert json.loads(value) == {"site": "shop.example", LEFT_OUT: 50}


def test_text_around_the_context_has_its_room() -> None:
    context = {"a": "x" * 100, "b": 1}
    value = header(context, 64, template="job {id}: {context}")
    assert value == 'job j1: {"b":1,"_left_out":["a"]}'


def test_a_header_without_room_for_any_json_is_left_out() -> None:
    assert header({"a": "x" * 100}, 64, template="x" * 60 + "{context}") is None


def test_other_values_are_cut_off_at_a_whole_character() -> None:
    assert header({"a": "é" * 100}, 65, template="{context.a}") == "é" * 32


@pytest.mark.parametrize("most_bytes", [20, 21, 40, 64, 200, 1024])
@given(
    context=st.dictionaries(
        st.text(max_size=12),
        st.one_of(st.text(max_size=200), st.integers(), st.booleans(), st.lists(st.text())),
        max_size=12,
    )
)
def test_a_fitted_context_is_json_that_fits(most_bytes: int, context: dict[str, Any]) -> None:
    fitted = fitted_context(context, most_bytes)
    assert fitted is not None
    assert len(fitted.encode()) <= most_bytes
    read = json.loads(fitted)
    if read == context:
        return
    left_out = read.pop(LEFT_OUT)
    assert all(context[key] == value for key, value in read.items())
    missing = [key for key in context if key not in read and key != LEFT_OUT]
    assert left_out in (missing, len(missing))


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
