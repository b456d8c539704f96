"""Prefixes of numbers, and countries, as an administrator may write them."""

import pytest
from pydantic_core import PydanticCustomError

from config.value_checks.numbers import (
    check_country,
    check_prefix,
    check_region,
    check_route_prefix,
)


@pytest.mark.parametrize("text", ["", "+", "+4", "+44207", "00", "7", "*21#"])
def test_the_beginning_of_a_number(text: str) -> None:
    assert check_prefix(text) == text


@pytest.mark.parametrize(
    ("text", "reason"), [("+999", "no such country code"), ("44x", "the start of a number")]
)
def test_the_beginning_of_no_number(text: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        check_prefix(text)


def test_routes_are_of_numbers_in_full() -> None:
    assert check_route_prefix("+44") == "+44"
    with pytest.raises(PydanticCustomError, match="must begin with"):
        check_route_prefix("0044")


def test_countries() -> None:
    assert check_region("GB") == "GB" and check_country("gb") == "gb"
    with pytest.raises(PydanticCustomError, match="two capital letters"):
        check_region("gb")
    with pytest.raises(PydanticCustomError, match="Great Britain is GB"):
        check_country("UK")
    with pytest.raises(PydanticCustomError, match="is not a country"):
        check_country("XX")
