"""How trunks write numbers: what they are sent, what they mean, and what is never sent."""

from dataclasses import replace
from typing import Any

import pytest

from config.numbering import Numbering
from config.policy import Destinations
from config.trunk_numbers import NumberRewriting, OutgoingNumbers
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.numbers.phone_number import CalledNumber
from engine.routing.numbers.reading import NotDialable
from engine.routing.targets.number_rewriting import IncomingNumbers, Rewriting, SentNumbers

GB = NumberPlan("GB", route_prefixes=("20", "8"))


def allow(_number: CalledNumber) -> None:
    """Every number may be dialled."""


def sent(text: str, plan: NumberPlan = GB, /, **keys: Any) -> str:
    numbers = SentNumbers.of("t", OutgoingNumbers.model_validate(keys), plan.region)
    assert numbers is not None
    return numbers.written(plan.read(text), plan, allow)


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        ({}, "+442079460000"),
        ({"format": "plus"}, "+442079460000"),
        ({"format": "e164"}, "442079460000"),
        ({"format": "national"}, "02079460000"),
        ({"format": "national", "region": "DE"}, "00442079460000"),
        ({"format": "national", "region": "US"}, "011442079460000"),
        ({"format": "e164", "prepend": "00"}, "00442079460000"),
        ({"format": "national", "prepend": "9"}, "902079460000"),
        ({"strip": 1, "prepend": "00"}, "00442079460000"),
        ({"strip": "+44", "prepend": "0"}, "02079460000"),
        ({"strip": "+33", "prepend": "55#"}, "55#+442079460000"),
        ({"format": "e164", "prepend": "1234#"}, "1234#442079460000"),
    ],
)
def test_what_a_trunk_is_sent(keys: dict[str, Any], number: str) -> None:
    if "+" in number[1:]:
        with pytest.raises(NotDialable, match="cannot be dialled"):
            sent("+442079460000", **keys)
    else:
        assert sent("+442079460000", **keys) == number


def test_american_numbers_have_ten_digits_at_home_and_a_prefix_abroad() -> None:
    us = NumberPlan("US")
    assert sent("+12023456789", us, format="national") == "2023456789"
    assert sent("+442079460000", us, format="national") == "011442079460000"
    assert sent("+911123456789", us, format="e164") == "911123456789"


def test_extensions_are_left_alone_unless_they_are_said_to_be_rewritten() -> None:
    assert sent("2001", format="e164", prepend="9") == "2001"
    assert sent("2001", format="national", prepend="9", extensions=True) == "92001"
    assert sent("8201", strip=1, extensions=True) == "201"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("+442079460112", {"strip": 10}),
        ("+442079460000", {"strip": 13, "prepend": "112"}),
        ("+442079460000", {"strip": 13, "prepend": "9999"}),
        ("+442079460000", {"strip": 13, "prepend": "00911"}),
        ("+442079460000", {"strip": 13, "prepend": "*31#112"}),
        ("+442079460000", {"strip": 13, "prepend": "110", "region": "DE"}),
        ("+442079460000", {"format": "e164", "prepend": "999"}),
        ("8112", {"strip": 1, "extensions": True}),
        ("20999", {"strip": 2, "extensions": True}),
    ],
)
def test_nothing_that_could_reach_an_emergency_service_is_sent(
    text: str, keys: dict[str, Any]
) -> None:
    with pytest.raises(NotDialable, match=r"trunk t would be sent .* emergency") as caught:
        sent(text, **keys)
    assert caught.value.data == {"policy": "destination", "emergency": True}


def test_with_emergency_numbers_permitted_they_may_be_sent() -> None:
    plan = replace(GB, destinations=Destinations(emergency=True))
    assert sent("8112", plan, strip=1, extensions=True) == "112"


@pytest.mark.parametrize(
    ("keys", "other"),
    [
        ({"strip": "+4420", "prepend": "+33"}, "+443379460000"),
        ({"strip": 13, "prepend": "+33155555555"}, "+33155555555"),
        ({"strip": 13, "prepend": "0033155555555"}, "+33155555555"),
        ({"strip": 13, "prepend": "909098790123"}, "+449098790123"),
        ({"strip": 13, "prepend": "0155555555", "region": "FR"}, "+33155555555"),
    ],
)
def test_what_else_it_could_be_is_asked_about(keys: dict[str, Any], other: str) -> None:
    asked: list[str] = []

    def note(number: CalledNumber) -> None:
        asked.append(number.e164)
        if number.e164 == other:
            raise NotDialable(f"{number.e164} is refused", policy="line_type")

    numbers = SentNumbers.of("t", OutgoingNumbers.model_validate(keys), "GB")
    assert numbers is not None
    with pytest.raises(NotDialable, match=r"trunk t would be sent .* is refused") as caught:
        numbers.written(GB.read("+442079460000"), GB, note)
    assert caught.value.data == {"policy": "line_type"}
    assert asked[-1] == other


def test_a_public_short_number_is_not_made() -> None:
    with pytest.raises(NotDialable, match="public short number"):
        sent("+442079460000", strip=13, prepend="118118")
    has_it = replace(GB, numbering=Numbering(short_codes=["118118"]))
    assert sent("+442079460000", has_it, strip=13, prepend="118118") == "118118"


@pytest.mark.parametrize("keys", [{"strip": 13}, {"strip": 32}])
def test_a_number_of_which_nothing_is_left(keys: dict[str, Any]) -> None:
    with pytest.raises(NotDialable, match="cannot be dialled"):
        sent("+442079460000", **keys)


def told(caller_id: str, **keys: Any) -> str:
    numbers = SentNumbers.of("t", OutgoingNumbers.model_validate(keys), "GB")
    assert numbers is not None
    return numbers.written_caller(caller_id)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({}, "020 7946 0000"),
        ({"format": "e164"}, "442079460000"),
        ({"format": "e164", "caller_format": "plus"}, "+442079460000"),
        ({"format": "plus", "caller_format": "national"}, "02079460000"),
        ({"caller_strip": "+", "caller_prepend": "00"}, "00442079460000"),
        ({"strip": 3, "prepend": "9"}, "020 7946 0000"),
    ],
)
def test_the_caller_id_is_written_by_keys_of_its_own(keys: dict[str, Any], shown: str) -> None:
    assert told("020 7946 0000", **keys) == shown


def test_a_caller_id_that_is_no_number_is_left_alone() -> None:
    assert told("2001", format="e164") == "2001"
    assert told("account", format="e164") == "account"


@pytest.mark.parametrize(
    ("keys", "text", "number"),
    [
        ({}, "44 2079460000", "44 2079460000"),
        ({"format": "e164"}, "442079460000", "+442079460000"),
        ({"format": "e164"}, "+442079460000", "+442079460000"),
        ({"format": "e164"}, "2001", "2001"),
        ({"format": "e164"}, "bob", "bob"),
        ({"format": "e164", "strip": "00"}, "00442079460000", "+442079460000"),
        ({"format": "e164", "strip": 1, "prepend": "44"}, "02079460000", "+442079460000"),
        ({"format": "national"}, "02079460000", "+442079460000"),
        ({"format": "national", "region": "DE"}, "030 123456", "+4930123456"),
        ({"format": "national"}, "2001", "2001"),
        ({"format": "plus", "strip": "9"}, "9+442079460000", "+442079460000"),
        ({"prepend": "+"}, "442079460000", "+442079460000"),
    ],
)
def test_what_a_trunk_means(keys: dict[str, Any], text: str, number: str) -> None:
    numbers = IncomingNumbers.of(NumberRewriting.model_validate(keys), "GB")
    assert numbers.called.read(text) == number


def test_the_callers_number_has_keys_of_its_own() -> None:
    keys = {"format": "e164", "strip": "9", "caller_strip": "00"}
    numbers = IncomingNumbers.of(NumberRewriting.model_validate(keys), "GB")
    assert numbers.caller.read("00442079460000") == "+442079460000"
    assert numbers.called.read("9442079460000") == "+442079460000"
    assert IncomingNumbers.of(None, "GB").caller == Rewriting("GB")
