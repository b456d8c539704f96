"""Short numbers of the public network have a line type."""

import pytest

from config.policy import LineType
from engine.routing.numbers.short_number import line_type_of, short_number


@pytest.mark.parametrize(
    ("digits", "region", "line_type"),
    [
        ("118118", "GB", "short_code"),
        ("118118", "FR", "premium_rate"),
        ("3201", "FR", "premium_rate"),
        ("116123", "GB", "toll_free"),
        ("118877", "AT", "short_code"),  # directory enquiries, whether or not a list has them
        ("2001", "GB", None),
        ("020", "GB", None),
        ("x", "GB", None),
    ],
)
def test_the_kind_of_line(digits: str, region: str, line_type: LineType | None) -> None:
    assert line_type_of(digits, region) == line_type


def test_one_that_no_list_has_is_a_short_code() -> None:
    number = short_number("777", "GB")
    assert (number.e164, number.region, number.line_type) == ("777", "GB", "short_code")
