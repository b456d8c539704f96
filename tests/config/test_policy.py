"""The sections on what may be called: what they take, and what they say of the rest."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.policy import Destinations, Hours, Limits, Rate
from config.settings import Settings
from tests.support.configuration import load_text, refusal_line


def test_by_default_nothing_is_limited_but_dear_lines_and_what_strangers_ask_for() -> None:
    assert not Hours().enforce
    assert Limits().number.per_day == 0
    assert (Limits().site_number.per_day, Limits().site_number.per_hour) == (5, 0)
    assert Destinations().refuse_line_types == ["premium_rate", "shared_cost"]
    assert Settings().rates == []


def test_amounts_are_exact_however_they_are_written(tmp_path: Path) -> None:
    text = '[[rates]]\nprefix = "+44"\nper_minute = 0.1\nconnection = "0.05"\n'
    (rate,) = load_text(tmp_path, text).rates
    assert (rate.per_minute, rate.connection) == (Decimal("0.1"), Decimal("0.05"))
    assert (rate.increment_s, rate.minimum_s) == (1, 0)


def test_regions_override_what_they_say(tmp_path: Path) -> None:
    text = '[hours.regions.DE]\nhours = ["mon-sat 09:00-20:00"]\nsubdivision = "BY"\n'
    hours = load_text(tmp_path, text).hours
    assert hours.regions["DE"].hours == ["mon-sat 09:00-20:00"]
    assert hours.regions["DE"].holiday_hours is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[hours]\nhours = ["8-21"]', "hours.hours[0]: '8-21' must look like"),
        ('[hours]\nclosed = ["24.12."]', "hours.closed[0]: '24.12.' is no day"),
        ('[hours]\nclosed = ["02-30"]', "hours.closed[0]: '02-30' is no day"),
        ('[hours]\nunknown_zone = "London"', "hours.unknown_zone: "),
        ("[hours.regions.Germany]", "hours.regions.Germany: 'Germany' is not a region"),
        (
            '[hours.regions.DE]\nsubdivision = "XX"',
            "hours.regions.DE.subdivision: no holidays are known",
        ),
        ("[limits.number]\nper_day = -1", "limits.number.per_day: must be greater"),
        ("[limits.site]\ncost_per_day = -1", "limits.site.cost_per_day: must be an amount"),
        ("[limits.site]\ncost_per_day = 'much'", "limits.site.cost_per_day: 'much' is not"),
        ("[limits.site]\ncost_per_day = nan", "limits.site.cost_per_day: must be an amount"),
        ("[limits.site]\ncost_per_day = true", "limits.site.cost_per_day: must be an amount"),
        ("[limits.site]\nper_week = 1", "limits.site.per_week: unknown key"),
        ('[destinations]\nallow = ["44"]', "destinations.allow[0]: '44' must begin with '+'"),
        (
            '[destinations]\nallow = ["+44"]\nrefuse = ["+44"]',
            "destinations.refuse: the prefix '+44' is both",
        ),
        ('[destinations]\nrefuse_line_types = ["fax"]', "destinations.refuse_line_types[0]: must"),
        ('[costs]\ncurrency = "euro"', "costs.currency: 'euro' is not a currency"),
        ('[[rates]]\nprefix = "+4*"\nper_minute = 1', "rates[0].prefix: '+4*' must be"),
        ('[[rates]]\nprefix = "+44"', "rates[0].per_minute: missing"),
        ('[[rates]]\nprefix = "+4"\nper_minute = 1e-9', "rates[0].per_minute: has more than 6"),
        (
            '[[rates]]\nprefix = "+44"\nper_minute = 1\n' * 2,
            "rates[1].prefix: the prefix '+44' stands twice",
        ),
    ],
)
def test_errors_name_the_key_and_the_reason(tmp_path: Path, text: str, line: str) -> None:
    assert refusal_line(tmp_path, text).startswith(line)


def test_a_rate_is_checked_by_itself() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Rate(prefix="+44", per_minute=Decimal(1), increment_s=0)
