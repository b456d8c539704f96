"""A bot may ask for something now and then, and for much at once, but not for much for long."""

import pytest

from media.streams.asked_budget import AskedBudget
from media.streams.bot_connection import BotFault


def test_who_asks_ten_times_a_second_may_go_on() -> None:
    budget = AskedBudget()
    for number in range(2000):
        budget.asked(number / 10)


def test_who_asks_for_more_is_ended() -> None:
    budget = AskedBudget()
    for _ in range(100):
        budget.asked(5.0)
    with pytest.raises(BotFault, match="asks for too much") as fault:
        budget.asked(5.05)
    assert not fault.value.may_change
