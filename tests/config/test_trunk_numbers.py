"""How a trunk writes numbers: the keys, and what they may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.sections import Trunk
from config.trunk_numbers import OutgoingNumbers


def trunk(**keys: Any) -> Trunk:
    return Trunk.model_validate({"name": "t", "uri": "sip:sip.example", **keys})


def test_a_trunk_has_numbers_as_they_are_unless_it_says_otherwise() -> None:
    assert (trunk().numbers_out, trunk().numbers_in) == (None, None)
    assert trunk(numbers_out={}).numbers_out == OutgoingNumbers()


def test_what_is_stripped_is_a_count_or_the_characters() -> None:
    assert trunk(numbers_out={"strip": 2}).numbers_out == OutgoingNumbers(strip=2)
    both = trunk(numbers_in={"strip": "00", "caller_strip": "+", "prepend": "1234#"}).numbers_in
    assert both is not None
    assert (both.strip, both.caller_strip, both.prepend) == ("00", "+", "1234#")


@pytest.mark.parametrize(
    "keys",
    [
        {"format": "E164"},
        {"strip": -1},
        {"strip": 33},
        {"strip": True},
        {"strip": 1.5},
        {"strip": "a"},
        {"prepend": "sip:"},
        {"prepend": "9" * 33},
        {"prepend": "9\r\n"},
        {"caller_prepend": "0+"},
        {"region": "Germany"},
        {"nothing": 1},
    ],
)
@pytest.mark.parametrize("direction", ["numbers_out", "numbers_in"])
def test_what_is_no_rewriting(direction: str, keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        trunk(**{direction: keys})


def test_extensions_are_rewritten_on_the_way_out_alone() -> None:
    assert trunk(numbers_out={"extensions": True}).numbers_out == OutgoingNumbers(extensions=True)
    with pytest.raises(ValidationError):
        trunk(numbers_in={"extensions": True})
