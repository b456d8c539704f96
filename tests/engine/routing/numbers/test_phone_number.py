"""Numbers: written in full, their place, their line, and where a URI hides one."""

import pytest

from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.numbers.phone_number import (
    example_number,
    is_valid,
    lacks_area_code,
    parse_written,
)
from sip.message.uri import SipUri, parse_uri


@pytest.mark.parametrize(
    "text",
    [
        "+442079460123",
        "020 7946 0123",
        "00442079460123",
        "+44 (0)20 7946 0123",
        "tel:+44-20-7946-0123",
        "(+44) 20.7946.0123",
        "020\u20117946\u20130123",
        "020/7946 0123",
        "\uff0b\uff14\uff14\uff12\uff10\uff17\uff19\uff14\uff16\uff10\uff11\uff12\uff13",
        "\u0660\u0662\u0660\u0667\u0669\u0664\u0666\u0660\u0661\u0662\u0663",
    ],
)
def test_every_way_to_write_a_number_is_the_same_number(text: str) -> None:
    number = parse_written(text, "GB")
    assert number is not None
    assert (number.e164, number.region) == ("+442079460123", "GB")
    assert (number.zones, number.line_type) == (("Europe/London",), "fixed_line")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "hello",
        "+",
        "+442079460123 ext. 5",
        # Digits in other texts, and a letter in place of one: somebody else would be called.
        '"Bob" <sip:bob@127.0.0.1>',
        "http://shop.example/2079460123",
        "mailto:2079460123",
        "020 7946 O123",
        "sip 2079460123",
        "0800 FLOWERS",
        "<b>2079460123",
        "++442079460123",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert parse_written(text, "GB") is None


@pytest.mark.parametrize(
    ("text", "region", "line_type"),
    [
        ("+449098790000", "GB", "premium_rate"),
        ("+16502530000", "US", "fixed_line_or_mobile"),
        ("+4915112345678", "DE", "mobile"),
        ("+498003301000", "DE", "toll_free"),
        ("+80012345678", None, "toll_free"),
    ],
)
def test_lines_and_regions(text: str, region: str | None, line_type: str) -> None:
    number = parse_written(text, "GB")
    assert number is not None
    assert (number.region, number.line_type) == (region, line_type)


def test_a_number_that_no_list_has_keeps_the_place_of_its_code() -> None:
    number = parse_written("+447700900123", "GB")  # reserved for drama
    assert number is not None
    assert (number.region, number.line_type) == ("GB", "unknown")
    assert number.zones == ("Europe/London",)


def test_zones_are_those_of_the_numbers_own_country() -> None:
    jamaica = parse_written("+18765551234", "GB")
    assert jamaica is not None
    assert jamaica.zones == ("America/Jamaica",)
    russia = parse_written("+79161234567", "GB")
    assert russia is not None
    assert "Europe/Moscow" in russia.zones
    assert "Asia/Almaty" not in russia.zones


def test_a_number_of_no_country_has_no_zones() -> None:
    number = parse_written("+80012345678", "GB")
    assert number is not None
    assert number.zones == ()


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("sip:+442079460123@127.0.0.1", "+442079460123"),
        ("sip:+44-20-7946-0123;isub=1@pbx.example", "+442079460123"),
        ("sip:%2B442079460123@pbx.example", "+442079460123"),
        ("sip:02079460123@pbx.example", "+442079460123"),
        ("sip:00442079460123@pbx.example", "+442079460123"),
        ("sip:2079460123@pbx.example;user=phone", "+442079460123"),
        ("sip:2001@127.0.0.1", None),
        ("sip:bob@127.0.0.1", None),
        ("sip:b1.c2@127.0.0.1", None),
        ("sip:127.0.0.1", None),
    ],
)
def test_numbers_in_uris(text: str, e164: str | None) -> None:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    number = NumberPlan("GB").read_user(uri).number
    assert (number and number.e164) == e164


def test_what_cannot_be_read_is_no_number_anybody_may_have() -> None:
    assert is_valid("+442079460123") and not is_valid("+") and not is_valid("hello")


@pytest.mark.parametrize(
    ("text", "region", "lacks"),
    [
        ("2345678", "DE", True),
        ("030 2345678", "DE", False),
        ("+49 30 2345678", "DE", False),
        ("2345678", "DK", False),  # has no prefix of its towns
        ("2345678", "ZZ", False),  # there is no such country
        ("x", "DE", False),
    ],
)
def test_what_lacks_its_area_code(text: str, region: str, lacks: bool) -> None:
    assert lacks_area_code(text, region) is lacks


def test_each_country_has_an_example() -> None:
    number = parse_written(example_number("DE"), "GB")
    assert number is not None
    assert (number.region, is_valid(number.e164)) == ("DE", True)
