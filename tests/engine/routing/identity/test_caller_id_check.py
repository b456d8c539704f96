"""A caller id is something at which one can be called back."""

import pytest

from config.numbering import Numbering
from engine.routing.identity.caller_id_check import check_caller_id
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.numbers.reading import NotDialable

PLAN = NumberPlan("GB", Numbering(short_codes=["118118"]))


@pytest.mark.parametrize(
    "text", ["+442079460000", "020 7946 0000", "2001", "118118", "anonymous", "account-7"]
)
def test_what_may_be_shown(text: str) -> None:
    check_caller_id(text, PLAN, ("account-7",))


@pytest.mark.parametrize(
    "text", ["hello", "112", "7946 0123", "+4420", "1;x=y", "a@b", "020 7946 0000x", "\u0661\u0661"]
)
def test_what_may_not(text: str) -> None:
    with pytest.raises(NotDialable):
        check_caller_id(text, PLAN)
