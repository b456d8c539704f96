"""The digits that somebody may read out of a text."""

import pytest

from engine.routing.numbers.spellings import (
    beginnings,
    dial_strings,
    dialled_forms,
    digits_among_letters,
    digits_of,
    is_scattered,
    numbers_in,
    readings_of_user,
    short_forms,
)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (" +44 (0)20-7946.0123 ", "+4402079460123"),
        ("\uff11\uff11\uff12", "112"),
        ("\u0661\u0661\u0662", "112"),
        ("\u00b9\u00b9\u00b2", "112"),
        ("1\u200b1\u202e2", "112"),
        ("tel:112;phone-context=+44", "112"),
        ("112x", None),
        ("", None),
        ("1\ufe0f\u20e31", None),
    ],
)
def test_digits_of_a_text(text: str, digits: str | None) -> None:
    assert digits_of(text) == digits


def test_a_user_part_is_read_as_often_as_it_is_escaped() -> None:
    assert list(readings_of_user("%2531%2531")) == [
        "%2531%2531",
        "25312531",
        "%31%31",
        "3131",
        "11",
        "11",
    ]
    assert list(readings_of_user("1!1.2")) == ["1!1.2", "112"]
    assert list(readings_of_user("a112")) == ["a112"]


def test_what_stands_behind_a_service_code_is_dialled() -> None:
    assert "112" in list(readings_of_user("*31%23112"))
    assert "112" in list(readings_of_user("%2331%23112"))
    assert "112" in list(readings_of_user("*31*112"))


def test_digits_among_fewer_letters() -> None:
    assert digits_among_letters("x112") == "112"
    assert digits_among_letters("bob999") == ""
    assert digits_among_letters("112") == ""


def test_numbers_that_hide_in_a_name() -> None:
    assert "00449061234567" in set(numbers_in("x00449061234567"))
    assert "9061234567" in set(numbers_in("%2539061234567"))
    assert list(numbers_in("alice42")) == []


def test_digits_are_read_from_and_up_to_any_place() -> None:
    assert set(dial_strings("*31#9&99")) == {"31", "319", "31999", "999", "99", "9"}
    assert "+4412" in set(dial_strings("tel:+44-12"))
    assert list(dial_strings("desk112")) == []


def test_digits_in_many_places_are_scattered() -> None:
    assert is_scattered("1&" * 17)
    assert not is_scattered("020-7946-0123")


def test_what_a_pbx_dials_for_digits() -> None:
    assert {"00449061234567", "+449061234567"} <= set(dialled_forms("00449061234567"))
    assert "09061234567" in set(dialled_forms("909061234567"))
    assert "9061234567" in set(dialled_forms("0009061234567"))
    assert list(dialled_forms("2001")) == []
    assert list(beginnings("1234567890")) == ["123456789", "12345678", "1234567"]
    assert list(beginnings("1234567")) == []
    assert short_forms("03201") == {"03201", "3201"} and short_forms("") == set()
