from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message import grammar
from tests.support.sip import strategies


def test_split_commas_leaves_quotes_and_brackets_alone() -> None:
    value = r'"Doe, \"J\", x" <sip:a,b@example.com>;p="1,2" , sip:c@example.com,<sip:d@e>'
    assert grammar.split_commas(value) == [
        r'"Doe, \"J\", x" <sip:a,b@example.com>;p="1,2"',
        "sip:c@example.com",
        "<sip:d@e>",
    ]


def test_split_commas_keeps_empty_elements_for_the_caller_to_refuse() -> None:
    assert grammar.split_commas("a,, b,") == ["a", "", "b", ""]
    assert grammar.split_commas("<a>,, <b>,") == ["<a>", "", "<b>", ""]
    assert grammar.split_commas("") == [""]


@pytest.mark.parametrize("value", ['a, "b', "a, <b", 'x="1,2'])
def test_split_commas_refuses_what_is_not_closed(value: str) -> None:
    with pytest.raises(ParseError):
        grammar.split_commas(value)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        (";a;B=1;c=x@y/z=", {"a": None, "b": "1", "c": "x@y/z="}),
        (' ; a = 1 ;\tb ; c = "q;\\"w" ', {"a": "1", "b": None, "c": '"q;\\"w"'}),
        (";received=[2001:db8::1]", {"received": "[2001:db8::1]"}),
        (';x="й"', {"x": '"й"'}),
    ],
)
def test_params(text: str, params: dict[str, str | None]) -> None:
    assert grammar.parse_params(text, "it") == params


@pytest.mark.parametrize(
    "text",
    [";", ";;a", ";a;", "a=1", ";a=", ";=1", ";a;A", ';a="', ";a b", ";a=b c", ";a=й"],
)
def test_malformed_params(text: str) -> None:
    with pytest.raises(ParseError):
        grammar.parse_params(text, "it")


@given(strategies.params)
def test_params_read_back(params: dict[str, str | None]) -> None:
    assert grammar.parse_params(grammar.encode_params(params), "it") == params


@given(strategies.lines)
def test_quoting_reads_back(text: str) -> None:
    quoted = grammar.quote(text)
    assert grammar.quoted_length(quoted + ' "') == len(quoted)
    assert grammar.unquote(quoted) == text


def test_quoting_leaves_no_line_end() -> None:
    assert grammar.quote("a\r\nEvil: yes") == '"a  Evil: yes"'


def test_integers() -> None:
    assert grammar.parse_integer("0068", "n", 255) == 68
    assert grammar.parse_integer("0" * 5000 + "7", "n", 255) == 7
    for text in ("", "-1", "+1", " 1", "1.0", "٣", "²", "256", "9" * 5000):
        with pytest.raises(ParseError):
            grammar.parse_integer(text, "n", 255)


@given(st.text())
def test_only_parse_error(text: str) -> None:
    for read in (grammar.split_commas, lambda t: grammar.parse_params(t, "it")):
        try:
            read(text)
        except ParseError as error:
            assert error.reason


def test_printable_replaces_what_is_no_utf8() -> None:
    broken = b"caf\xe9 \xd0\xb9".decode("utf-8", "surrogateescape")
    assert grammar.printable(broken) == "caf\ufffd й"


def test_long_runs_of_blanks_and_quotes_take_no_long_time() -> None:
    for text in (" " * 8000, ";a" * 4000 + '"', ';a="' + "\\" * 8000, '"' * 8000, "<," * 4000):
        for read in (grammar.split_commas, lambda t: grammar.parse_params(t, "it")):
            try:
                read(text)
            except ParseError:
                continue
