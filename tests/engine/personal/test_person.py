"""A number is found in every usual spelling, and no other number is taken for it."""

import pytest

from engine.errors import EngineError
from engine.personal.person import Person

PERSON = Person.of("020 7946 0000", "GB")


@pytest.mark.parametrize(
    "text",
    [
        "+442079460000",
        "00442079460000",
        "442079460000",
        "02079460000",
        "call 020 7946 0000 back",
        "+44 (0)20 7946-0000",
        "sip:+442079460000@pbx.example;user=phone",
        "sip:%2B442079460000@pbx.example",
        '{"phone":"+44.20.7946.0000"}',
    ],
)
def test_a_usual_spelling_is_found_and_replaced(text: str) -> None:
    assert PERSON.is_in(text)
    replaced = PERSON.without(text)
    assert "erased" in replaced
    assert not PERSON.is_in(replaced)
    assert "7946" not in replaced


@pytest.mark.parametrize(
    "text", ["+4420794600001", "+4420794600", "12079460000", "+1 207 946 0000", "9920794600009", ""]
)
def test_another_number_is_left_alone(text: str) -> None:
    assert not PERSON.is_in(text)
    assert PERSON.without(text) == text


def test_everything_within_a_value_is_replaced() -> None:
    value = {"a": ["+442079460000", 7, None], "02079460000": {"b": "nobody"}}
    assert PERSON.without(value) == {"a": ["erased", 7, None], "erased": {"b": "nobody"}}


def test_an_extension_stands_for_itself_and_is_not_looked_for_in_text() -> None:
    person = Person.of("2001", "GB")
    assert person.e164 == "2001"
    assert person.is_number("2001")
    assert not person.is_in("in the year 2001")
    assert person.without("2001") == "2001"


def test_text_that_is_no_number_is_refused() -> None:
    with pytest.raises(EngineError, match="is not a number"):
        Person.of("alice", "GB")
