"""The kinds of values: what is accepted, and what is refused on one line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.values import (
    Codecs,
    Listen,
    NameServer,
    NumberPrefix,
    PerSecond,
    SessionExpires,
    SipUri,
)


@given(st.text() | st.from_regex(r"(sip|udp|tcp):[a-z0-9.:@;=\[\]-]{0,30}", fullmatch=True))
def test_any_text_is_accepted_as_it_is_or_refused_on_one_line(text: str) -> None:
    for kind in (Listen, SipUri):
        adapter: TypeAdapter[str] = TypeAdapter(kind)
        try:
            assert adapter.validate_python(text) == text
        except ValidationError as error:
            (found,) = error.errors()
            assert found["type"] == "wrong"
            assert found["msg"]


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (NameServer, "dns.example:53", "is not a name server"),
        (NameServer, "192.0.2.1:0", "is not a name server"),
        (SessionExpires, 29, "30 to 86400"),
        (SessionExpires, 86_401, "30 to 86400"),
        (Codecs, ["PCMU", "PCMU"], "stands twice"),
        (PerSecond, 0.001, "0.01 to 1000 a second"),
        (PerSecond, 1001.0, "0.01 to 1000 a second"),
        (NumberPrefix, "+999", "no such country code"),
        (NumberPrefix, "44x", "the start of a number"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(kind: Any, value: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NameServer, "[2001:db8::1]:53"),
        (Codecs, ["PCMA", "PCMU"]),
        (PerSecond, 0.0),
        (PerSecond, 0.5),
        (SessionExpires, 0),
        (SessionExpires, 90),
        (NumberPrefix, "+44"),
    ],
)
def test_values_that_can_be_meant_are_accepted(kind: Any, value: Any) -> None:
    assert TypeAdapter(kind).validate_python(value) == value
