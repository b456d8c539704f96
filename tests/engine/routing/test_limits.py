"""Velocity and cost limits, against a plain count over random histories."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from config.policy import Limit, Limits
from engine.errors import EngineError
from engine.routing.limits import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    WARNED_S,
    Accepted,
    RateLimits,
    address_block,
)
from engine.store.protocols import NOTHING_KEPT, LoadedDocuments
from engine.store.store import Store


def rate_limits(store: LoadedDocuments = NOTHING_KEPT, **limits: dict[str, Any]) -> RateLimits:
    return RateLimits(Limits.model_validate(limits), store)


def request(id: str, at: float, cost: str = "0", **who: Any) -> Accepted:
    return Accepted(id=id, at=at, cost=Decimal(cost), **who)


def refused_by_limits(under_test: RateLimits, asked: Accepted) -> EngineError:
    with pytest.raises(EngineError) as caught:
        under_test.check(asked)
    assert caught.value.kind == "refused"
    return caught.value


@pytest.mark.parametrize(
    ("key", "length_s"),
    [("per_minute", MINUTE_S), ("per_hour", HOUR_S), ("per_day", DAY_S)],
)
def test_the_window_slides(key: str, length_s: float) -> None:
    under_test = rate_limits(number={key: 2})
    for id, at in (("a", 100.0), ("b", 110.0)):
        under_test.check(request(id, at, number="+441"))
        under_test.count(request(id, at, number="+441"))
    error = refused_by_limits(under_test, request("c", 120.0, number="+441"))
    assert (error.data["policy"], error.data["limit"]) == ("velocity", "number")
    assert error.data["retry_at"] == 100.0 + length_s
    assert error.field == "to"
    under_test.check(request("c", 120.0, number="+442"))
    under_test.check(request("c", 100.0 + length_s, number="+441"))


def test_each_site_each_source_and_all_together() -> None:
    under_test = rate_limits(site={"per_hour": 1}, source={"per_hour": 1}, total={"per_hour": 3})
    under_test.count(request("a", 1.0, site="shop", source="192.0.2.1"))
    assert refused_by_limits(under_test, request("b", 2.0, site="shop")).data["limit"] == "site"
    assert (
        refused_by_limits(under_test, request("b", 2.0, source="192.0.2.1")).data["limit"]
        == "source"
    )
    under_test.count(request("b", 2.0, site="other"))
    under_test.count(request("c", 3.0))
    assert refused_by_limits(under_test, request("d", 4.0)).data["limit"] == "total"


def of_visitor(id: str, at: float, number: str = "+441", site: str = "shop") -> Accepted:
    return request(id, at, number=number, site=site, source=f"192.0.2.{id}")


def test_visitors_of_all_sites_have_one_number_called_five_times_a_day_by_default() -> None:
    under_test = rate_limits()
    for number in range(5):
        asked = of_visitor(str(number), 100.0 + number, site=f"site {number}")
        under_test.check(asked)
        under_test.count(asked)
    error = refused_by_limits(under_test, of_visitor("6", 200.0))
    # A gateway tells nobody of a limit of the number, whatever version it has.
    assert (error.data["policy"], error.data["limit"]) == ("velocity", "number")
    assert (error.field, error.data["retry_at"]) == ("to", 100.0 + DAY_S)
    under_test.check(of_visitor("6", 200.0, number="+442"))
    under_test.check(of_visitor("6", 100.0 + DAY_S))
    # The site's own people may call, and are not counted either.
    under_test.check(request("7", 200.0, number="+441", site="shop"))
    under_test.count(request("7", 200.0, number="+441", site="shop"))
    assert not under_test.counts("7")


def test_the_limit_of_visitors_can_be_another_or_none() -> None:
    two = rate_limits(site_number={"per_day": 2})
    none = rate_limits(site_number={"per_day": 0})
    for limits in (two, none):
        for id in "12":
            limits.check(of_visitor(id, 1.0))
            limits.count(of_visitor(id, 1.0))
    refused_by_limits(two, of_visitor("3", 2.0))
    none.check(of_visitor("3", 2.0))
    assert not none.counts("1")


def test_a_request_that_rang_nobody_uses_up_no_number_of_visitors() -> None:
    under_test = rate_limits(
        site_number={"per_day": 1, "per_minute": 1, "cost_per_day": 1}, source={"per_day": 2}
    )
    for id, at in (("1", 100.0), ("2", 100.0 + HOUR_S)):
        asked = request(id, at, "0.9", number="+441", site="shop", source="192.0.2.7")
        under_test.check(asked)
        under_test.count(asked)
        refused_by_limits(under_test, of_visitor("8", at + 70.0))
        under_test.rang_nobody(id)
        under_test.rang_nobody(id)
    under_test.check(of_visitor("8", 101.0 + HOUR_S))
    # For its source it was a request like any other.
    of_source = request("3", 101.0 + HOUR_S, site="shop", source="192.0.2.7")
    assert refused_by_limits(under_test, of_source).data["limit"] == "source"
    under_test.forget("2")
    under_test.check(request("3", 100.0 + DAY_S, number="+441", site="shop", source="192.0.2.7"))
    under_test.rang_nobody("1")  # it counts no more anyway
    own = request("own", 100.0 + DAY_S, number="+441")
    under_test.count(own)
    under_test.rang_nobody("own")
    assert under_test.counts("own") and not own.rang_nobody


def test_one_that_rang_nobody_counts_for_others_of_its_number_as_they_do() -> None:
    under_test = rate_limits(number={"per_day": 9})
    for id in "12":
        under_test.count(of_visitor(id, 100.0))
    under_test.rang_nobody("1")
    assert list(under_test._day.by_key["site_number", "+441"]) == [under_test._by_id["2"]]
    assert len(under_test._day.by_key["number", "+441"]) == 2


def test_the_owner_is_told_now_and_then_that_visitors_reach_their_limit() -> None:
    under_test = rate_limits(site_number={"per_day": 1}, source={"per_day": 1})
    under_test.count(of_visitor("1", 100.0))
    with capture_logs() as said:
        for at in (200.0, 201.0, 202.0, 200.0 + WARNED_S):
            refused_by_limits(under_test, of_visitor("2", at))
        refused_by_limits(under_test, of_visitor("1", 900.0, number="+442"))  # of its source
    assert [(one["event"], one["number"], one["refused"]) for one in said] == [
        ("visitors_limited", "+441", 1), ("visitors_limited", "+441", 3),
    ]  # fmt: skip


def test_sources_of_one_owner_count_as_one() -> None:
    assert address_block("2001:db8::1") == address_block("2001:db8::2:3")
    assert address_block("2001:db8::1") != address_block("2001:db8:0:1::1")
    assert address_block("::ffff:192.0.2.1") == address_block("192.0.2.1")
    assert address_block("192.0.2.1") != address_block("192.0.2.2")
    assert address_block("visitor-7") == "visitor-7"


def test_cost_is_expected_first_and_settled_later() -> None:
    under_test = rate_limits(site={"cost_per_day": 1})
    for id in ("a", "b"):
        under_test.count(request(id, 1.0, "0.4", site="shop"))
    error = refused_by_limits(under_test, request("c", 2.0, "0.4", site="shop"))
    assert (error.data["policy"], error.data["retry_at"]) == ("cost", 1.0 + DAY_S)
    under_test.settle("a", Decimal("0.2"))
    under_test.check(request("c", 2.0, "0.4", site="shop"))
    under_test.settle("a", Decimal("5"))
    assert refused_by_limits(under_test, request("c", 2.0, site="shop")).data["policy"] == "cost"
    under_test.check(request("c", 1.0 + DAY_S, "0.4", site="shop"))
    assert (
        refused_by_limits(under_test, request("d", 2.0 + DAY_S, "1.1", site="shop")).data[
            "retry_at"
        ]
        is None
    )


def test_what_was_not_saved_does_not_count() -> None:
    under_test = rate_limits(number={"per_day": 1, "cost_per_day": 1})
    under_test.count(request("a", 1.0, "0.9", number="+441"))
    under_test.forget("a")
    under_test.check(request("b", 1.0, "0.9", number="+441"))
    under_test.forget("never")


def test_a_clock_that_is_set_back_loses_no_count() -> None:
    under_test = rate_limits(total={"per_minute": 2})
    under_test.count(request("a", 1000.0))
    under_test.count(request("b", 500.0))
    assert refused_by_limits(under_test, request("c", 1001.0)).data["retry_at"] == 1060.0


def test_without_limits_nothing_is_kept() -> None:
    under_test = rate_limits()
    under_test.count(request("a", 1.0, number="+441"))
    under_test.apply(Limits(number=Limit(per_day=1)))
    under_test.check(request("b", 1.0, number="+441"))


HISTORIES = st.lists(
    st.tuples(
        st.floats(0, 20_000).map(lambda step: round(step, 1)),
        st.sampled_from(["+441", "+442"]),
        st.sampled_from(["shop", "other", None]),
        st.sampled_from(["0", "0.25", "1.5"]),
        st.sampled_from([None, "0", "0.75"]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(history=HISTORIES, hourly=st.integers(1, 4), daily=st.integers(1, 8))
def test_accepted_requests_never_exceed_a_limit_and_none_is_refused_below_it(
    history: list[tuple[float, str, str | None, str, str | None]], hourly: int, daily: int
) -> None:
    most = Decimal(4)
    under_test = rate_limits(
        number={"per_hour": hourly}, site={"per_day": daily, "cost_per_day": most}
    )
    taken: list[Accepted] = []
    now = 0.0
    for index, (step, number, site, cost, settled) in enumerate(history):
        now += step
        asked = Accepted(id=str(index), at=now, number=number, site=site, cost=Decimal(cost))

        def lately(length_s: float, now: float = now) -> list[Accepted]:
            return [one for one in taken if one.at + length_s > now]

        calls = sum(one.number == number for one in lately(HOUR_S))
        of_site = [one for one in lately(DAY_S) if site is not None and one.site == site]
        spent = sum((one.cost for one in of_site), asked.cost if site is not None else Decimal(0))
        fits = calls < hourly and len(of_site) < daily and spent <= most
        try:
            under_test.check(asked)
        except EngineError as error:
            assert not fits
            retry_at = error.data["retry_at"]
            assert retry_at is None or retry_at > now
        else:
            assert fits
            under_test.count(asked)
            taken.append(asked)
            if settled is not None:
                under_test.settle(asked.id, Decimal(settled))


async def test_counts_and_costs_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "ringback.db")
    await store.open()
    limits = {"number": {"per_day": 2}, "total": {"cost_per_day": 1}}
    before = rate_limits(store, **limits)
    before.count(request("old", 1.0, number="+441"))
    before.count(request("a", 1000.0, "0.5", number="+441"))
    before.count(request("b", 1001.0, "0.5", number="+442"))
    before.count(request("gone", 1002.0, number="+441"))
    before.settle("b", Decimal("0.1"))
    before.forget("gone")
    await store.close()

    store = Store(tmp_path / "ringback.db")
    await store.open()
    try:
        after = rate_limits(store, **limits)
        await after.load(now=10.0 + DAY_S)
        after.check(request("c", 20.0 + DAY_S, "0.4", number="+441"))
        error = refused_by_limits(after, request("c", 20.0 + DAY_S, "0.5", number="+441"))
        assert error.data["policy"] == "cost"
        after.count(request("c", 20.0 + DAY_S, number="+441"))
        error = refused_by_limits(after, request("d", 21.0 + DAY_S, number="+441"))
        assert error.data["retry_at"] == 1000.0 + DAY_S
        await asyncio.sleep(0)
        await store.flush()
        assert set(await store.load("accepted", Accepted)) == {"a", "b", "c"}
    finally:
        await store.close()


async def test_that_one_rang_nobody_survives_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "ringback.db")
    await store.open()
    before = rate_limits(store, site_number={"per_day": 1})
    before.count(of_visitor("1", 100.0))
    before.rang_nobody("1")
    await store.close()

    store = Store(tmp_path / "ringback.db")
    await store.open()
    try:
        after = rate_limits(store, site_number={"per_day": 1})
        await after.load(now=101.0)
        after.check(of_visitor("2", 101.0))
        assert after.counts("1")
        after.check(of_visitor("2", 101.0 + DAY_S))
        assert not after.counts("1")
    finally:
        await store.close()
