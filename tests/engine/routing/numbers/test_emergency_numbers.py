"""Emergency numbers are found in every form that some exchange connects."""

import pytest

from engine.routing.numbers.emergency_numbers import Abroad, hides_emergency, is_emergency

GB, DE, US = frozenset({"GB"}), frozenset({"DE"}), frozenset({"US"})


@pytest.mark.parametrize(
    "text",
    ["112", "999", "9999", "0999", "00999", "+44999", "+44 (0)112", "999 12", "1-1-2", "+49110",
     "0049110", "9112", "9911", "110", "119", "911", "000", "118", "+112", "00112", "9110",
     "0911", "101", "15", "+9112", "+9999", "sos", "SOS.police", "urn:service:sos.fire"],
)  # fmt: skip
def test_what_is_one_in_great_britain_or_anywhere(text: str) -> None:
    assert is_emergency(text, GB)


@pytest.mark.parametrize(
    "text",
    [
        "2001",
        "1001",
        "020 7946 0123",
        "+442079460123",
        "9000",
        "1300",
        "hello",
        "",
        "+",
        "sosua",
        "s.o.s",
    ],
)
def test_what_is_none(text: str) -> None:
    assert not is_emergency(text, GB)


@pytest.mark.parametrize(
    ("text", "abroad", "found"),
    [
        ("110", "none", False),  # German, and here an extension that the configuration knows
        ("1123", "none", False),
        ("999", "none", True),
        ("9112", "none", True),
        ("101", "well_known", False),
        ("119", "well_known", True),
        ("1123", "well_known", True),
    ],
)
def test_how_much_of_other_countries_counts(text: str, abroad: Abroad, found: bool) -> None:
    assert is_emergency(text, GB, abroad) is found


def test_digits_that_stand_among_letters() -> None:
    assert hides_emergency("112", US) and hides_emergency("110", US)
    assert hides_emergency("133", frozenset({"AT"})) and not hides_emergency("133", US)
    assert not hides_emergency("", GB)


def test_the_country_in_which_a_request_is_written_counts_as_well() -> None:
    assert is_emergency("1220", frozenset({"GB", "AT"}))
    assert not is_emergency("1220", GB)
