"""What calls cost: the longest prefix, whole increments, exact decimals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy import Costs, Rate
from engine.job import AttemptRecord, Job, LegRecord, Request
from engine.routing.rates import Rates

TABLE = [
    Rate(prefix="+44", per_minute=Decimal("0.012")),
    Rate(prefix="+447", per_minute=Decimal("0.30"), increment_s=60, connection=Decimal("0.05")),
    Rate(prefix="+1", per_minute=Decimal("0.01"), increment_s=6, minimum_s=30),
]


@pytest.mark.parametrize(
    ("called", "talk_s", "amount", "rate"),
    [
        ("+442079460123", 60.0, "0.012", "+44"),
        ("+442079460123", 59.2, "0.012", "+44"),
        ("+442079460123", 0.0, "0", "+44"),
        ("+447700900123", 1.0, "0.35", "+447"),
        ("+447700900123", 60.0, "0.35", "+447"),
        ("+447700900123", 60.0000001, "0.35", "+447"),
        ("+447700900123", 60.01, "0.65", "+447"),
        ("+12125550123", 3.0, "0.005", "+1"),
        ("+12125550123", 31.0, "0.006", "+1"),
        ("+493012345678", 600.0, "0", None),
    ],
)
def test_price(called: str, talk_s: float, amount: str, rate: str | None) -> None:
    cost = Rates(TABLE, Costs(currency="GBP")).cost(called, talk_s)
    assert (cost.amount, cost.currency, cost.rate) == (Decimal(amount), "GBP", rate)


def test_an_estimate_is_for_the_expected_talk() -> None:
    rates = Rates(TABLE, Costs(expected_talk_s=120.0))
    assert rates.estimate("+442079460123").amount == Decimal("0.024")


RATES = st.builds(
    Rate,
    prefix=st.just("+"),
    per_minute=st.decimals(0, 10, places=4),
    connection=st.decimals(0, 1, places=4),
    increment_s=st.integers(1, 120),
    minimum_s=st.integers(0, 120),
)
TALKS = st.floats(0.01, 1e5)


@given(rate=RATES, one=TALKS, other=TALKS)
def test_a_longer_talk_never_costs_less_and_all_of_it_is_billed(
    rate: Rate, one: float, other: float
) -> None:
    rates = Rates([rate])
    shorter, longer = sorted((one, other))
    assert rates.cost("+1", shorter).amount <= rates.cost("+1", longer).amount
    by_the_second = rate.connection + rate.per_minute * round(Decimal(str(longer)), 3) / 60
    assert rates.cost("+1", longer).amount >= by_the_second - Decimal("0.0001")


def leg(role: str, uri: str, answered: float | None, ended: float | None) -> LegRecord:
    return LegRecord(
        leg=f"leg-{uri}",
        role="agent" if role == "agent" else "customer",
        uri=uri,
        started=0.0,
        answered=answered,
        ended=ended,
    )


def test_a_job_costs_what_its_answered_legs_to_numbers_cost() -> None:
    first = AttemptRecord(
        call="c1",
        legs=[
            leg("agent", "sip:+447700900123@trunk", 10.0, 20.0),
            leg("customer", "sip:+442079460123@trunk", None, 20.0),
        ],
    )
    second = AttemptRecord(
        call="c2",
        legs=[
            leg("agent", "sip:alice@127.0.0.1", 30.0, 200.0),
            leg("customer", "sip:+442079460123@trunk", 40.0, 160.0),
            leg("customer", "sip:+493012345678@trunk", 40.0, 160.0),
        ],
    )
    job = Job(id="j", request=Request(to="x"), created=0.0, attempts=[first, second])
    cost = Rates(TABLE).cost_of(job)
    assert (cost["amount"], cost["currency"]) == ("0.3740", "EUR")
    assert [(one["leg"], one["amount"], one["rate"]) for one in cost["legs"]] == [
        ("leg-sip:+447700900123@trunk", "0.3500", "+447"),
        ("leg-sip:+442079460123@trunk", "0.0240", "+44"),
    ]
