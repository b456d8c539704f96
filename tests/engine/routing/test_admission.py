"""What may be called, when and at what cost: each policy refuses in its own name."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.agents import Agent
from config.policy import Costs, Destinations, Hours, Limit, Limits, Rate
from config.sections import Route, Trunk
from engine.errors import EngineError
from engine.job import AttemptRecord, Job, LegRecord, Request
from engine.routing.admission import Admission, AdmissionQuery, PolicySettings
from engine.routing.blocking.do_not_call import Blocked
from engine.routing.dialplan import Dialplan
from engine.routing.numbers.number_plan import NumberPlan

LONDON, BERLIN = "+442079460123", "+493012345678"
MOBILE = "+447400123456"
PREMIUM = "+449098790123"
# Wednesday 2026-11-25, 12:00 and 23:00 in London.
NOON, NIGHT = 1795608000.0, 1795647600.0
THURSDAY_8 = NIGHT + 9 * 3600


def admission(**policy: Any) -> Admission:
    settings = PolicySettings(**policy)
    dialplan = Dialplan(
        trunks=[Trunk(name="pbx", uri="sip:192.0.2.9")],
        routes=[Route(prefix="+", trunks=["pbx"]), Route(prefix="1", trunks=["pbx"])],
        agents=[Agent(name="alice", uri="sip:alice@192.0.2.8")],
        allow_hosts=["pbx.example", "192.0.2.9", "192.0.2.1"],
        plan=NumberPlan(settings.default_region, destinations=settings.destinations),
    )
    return Admission(settings, read=dialplan.classify)


def refused_by_admission(under_test: Admission, now: float = NOON, **query: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        under_test.check(AdmissionQuery(**query), now)
    assert caught.value.kind == "refused"
    assert caught.value.message
    return caught.value


def test_what_is_known_of_an_admitted_number() -> None:
    rates = [Rate(prefix="+44", per_minute=Decimal("0.01"))]
    admitted = admission(rates=rates).check(
        AdmissionQuery(to="020 7946 0123", site="shop", source="192.0.2.1"), NOON
    )
    assert (admitted.called, admitted.region, admitted.zone) == (LONDON, "GB", "Europe/London")
    assert admitted.line_type == "fixed_line"
    assert (admitted.site, admitted.source) == ("shop", "192.0.2.1")
    assert (admitted.not_before, admitted.scheduled) == (None, None)
    assert admitted.counted_cost == Decimal("0.03")


@pytest.mark.parametrize("party", ["alice", "1001", "sip:bob@192.0.2.1", "sip:1001@192.0.2.1"])
def test_who_has_no_number_passes(party: str) -> None:
    under_test = admission(destinations=Destinations(allow=["+49"]))
    admitted = under_test.check(AdmissionQuery(to=party, agent=party), NOON)
    assert admitted.called is None
    assert under_test.may_dial_now(None, NOON).allowed


def test_a_number_in_a_uri_is_that_number() -> None:
    uri = f"sip:{PREMIUM}@192.0.2.1;user=phone"
    assert refused_by_admission(admission(), to=uri).data["policy"] == "line_type"


@pytest.mark.parametrize(
    ("to", "policy", "more"),
    [
        (PREMIUM, "line_type", {"line_type": "premium_rate"}),
        ("+33123456789", "destination", {"prefix": None}),
        ("+4930123456", "destination", {"prefix": "+4930"}),
        ("+49891234567", None, {}),
    ],
)
def test_destinations_by_the_longest_prefix(to: str, policy: str | None, more: Any) -> None:
    under_test = admission(destinations=Destinations(allow=["+44", "+49"], refuse=["+4930"]))
    if policy is None:
        under_test.check(AdmissionQuery(to=to), NOON)
        return
    error = refused_by_admission(under_test, to=to)
    assert error.field == "to"
    assert error.data == {"policy": policy} | more


def test_a_fragment_of_a_number_is_refused_before_any_policy_is_asked() -> None:
    error = refused_by_admission(admission(destinations=Destinations(allow=["+49"])), to="+4420")
    assert (error.field, error.data) == ("to", {"reason": "no_number"})


def test_every_number_of_a_request_is_looked_at() -> None:
    under_test = admission()
    assert refused_by_admission(under_test, to=LONDON, numbers=[MOBILE, PREMIUM]).field == "numbers"
    assert refused_by_admission(under_test, to=LONDON, agent=PREMIUM).field == "agent"


def test_emergency_numbers() -> None:
    error = refused_by_admission(admission(), to="112")
    assert error.data == {"policy": "destination", "emergency": True}
    allowed = admission(destinations=Destinations(emergency=True))
    assert allowed.check(AdmissionQuery(to="112"), NOON).called is None


async def test_the_register_of_numbers_that_are_not_called() -> None:
    under_test = admission()
    entry = Blocked(number=LONDON, reason="asked us", since=NOON, until=NOON + 60)
    await under_test.do_not_call.block(entry)
    error = refused_by_admission(under_test, to=LONDON)
    assert error.data == {"policy": "do_not_call", "reason": "asked us", "until": NOON + 60}
    assert refused_by_admission(under_test, to=MOBILE, numbers=[LONDON]).field == "numbers"
    verdict = under_test.may_dial_now(LONDON, NOON)
    assert (verdict.allowed, verdict.policy, verdict.not_before) == (
        False, "do_not_call", NOON + 60,
    )  # fmt: skip
    assert under_test.may_dial_now(LONDON, NOON + 61).allowed
    under_test.check(AdmissionQuery(to=LONDON), NOON + 61)


def test_out_of_hours_a_request_is_scheduled() -> None:
    under_test = admission(hours=Hours(enforce=True))
    assert under_test.check(AdmissionQuery(to=LONDON), NOON).scheduled is None
    admitted = under_test.check(AdmissionQuery(to=LONDON), NIGHT)
    assert admitted.not_before == THURSDAY_8
    assert admitted.scheduled is not None
    assert "Thursday 2026-11-26 08:00" in admitted.scheduled
    # A time that was asked for is held against the hours of that time.
    later = under_test.check(AdmissionQuery(to=LONDON, not_before=NIGHT), NOON)
    assert later.not_before == THURSDAY_8
    at_noon = under_test.check(AdmissionQuery(to=LONDON, not_before=NOON), NOON - 7200)
    assert (at_noon.not_before, at_noon.scheduled) == (NOON, None)


def test_the_hours_are_those_of_the_called_place() -> None:
    under_test = admission(hours=Hours(enforce=True, hours=["mon-fri 08:00-21:00"]))
    evening = NOON + 8.5 * 3600  # 20:30 in London, 21:30 in Berlin
    assert under_test.check(AdmissionQuery(to=LONDON), evening).scheduled is None
    assert under_test.check(AdmissionQuery(to=BERLIN), evening).not_before == THURSDAY_8 - 3600


def test_hours_that_begin_too_late_are_refused() -> None:
    under_test = admission(hours=Hours(enforce=True))
    error = refused_by_admission(under_test, NIGHT, to=LONDON, deadline=NIGHT + 3600)
    assert (error.field, error.data) == ("deadline", {"policy": "hours", "opens_at": THURSDAY_8})
    never = admission(hours=Hours(enforce=True, hours=[]))
    assert refused_by_admission(never, to=LONDON).data == {"policy": "hours", "opens_at": None}


def test_right_before_the_dial_the_hours_say_when_it_may_be() -> None:
    under_test = admission(hours=Hours(enforce=True))
    verdict = under_test.may_dial_now(LONDON, NIGHT)
    assert (verdict.allowed, verdict.policy, verdict.not_before) == (False, "hours", THURSDAY_8)
    assert under_test.may_dial_now(LONDON, THURSDAY_8).allowed


def test_velocity_counts_what_was_accepted() -> None:
    under_test = admission(limits=Limits(number=Limit(per_hour=2), site=Limit(per_day=3)))
    for number in range(2):
        admitted = under_test.check(AdmissionQuery(to=LONDON, site="shop"), NOON + number)
        under_test.count(f"job-{number}", admitted, NOON + number)
    error = refused_by_admission(under_test, NOON + 10, to=LONDON, site="shop")
    assert error.data == {"policy": "velocity", "limit": "number", "retry_at": NOON + 3600}
    under_test.forget("job-1")
    admitted = under_test.check(AdmissionQuery(to=LONDON, site="shop"), NOON + 20)
    # What was accepted already is not held against the limits again.
    under_test.count("job-2", admitted, NOON + 20)
    under_test.check(AdmissionQuery(to=LONDON), NOON + 30, counts=False)
    with pytest.raises(EngineError):
        under_test.check(AdmissionQuery(to=LONDON), NOON + 30)


def test_limits_count_every_number_that_a_request_may_call() -> None:
    """Or a form could have somebody called as often as it likes, as the second of two numbers."""
    under_test = admission(limits=Limits(number=Limit(per_hour=1)))
    admitted = under_test.check(AdmissionQuery(to=LONDON, numbers=[MOBILE, LONDON]), NOON)
    under_test.count("job-1", admitted, NOON)
    assert refused_by_admission(under_test, to=MOBILE).data["limit"] == "number"
    assert refused_by_admission(under_test, to=BERLIN, numbers=[MOBILE]).data["limit"] == "number"
    assert refused_by_admission(under_test, to="alice", numbers=[MOBILE]).data["limit"] == "number"
    under_test.check(AdmissionQuery(to=BERLIN), NOON)


def test_the_dearest_number_of_a_request_is_what_it_is_expected_to_cost() -> None:
    under_test = admission(
        limits=Limits(total=Limit(cost_per_day=Decimal("0.05"))),
        rates=[
            Rate(prefix="+44", per_minute=Decimal("0.01")),
            Rate(prefix="+49", per_minute=Decimal("0.02")),
        ],
    )
    under_test.check(AdmissionQuery(to=LONDON), NOON)
    assert refused_by_admission(under_test, to=LONDON, numbers=[BERLIN]).data["policy"] == "cost"
    error = refused_by_admission(under_test, to=LONDON, numbers=["+33123456789"])
    assert (error.field, error.data["limit"]) == ("numbers", "rate")


def test_where_the_cost_of_visitors_alone_is_limited_only_their_numbers_need_a_rate() -> None:
    under_test = admission(
        limits=Limits(site_number=Limit(cost_per_day=Decimal(1))),
        rates=[Rate(prefix="+44", per_minute=Decimal("0.01"))],
    )
    under_test.check(AdmissionQuery(to=BERLIN), NOON)
    under_test.check(AdmissionQuery(to=BERLIN, site="shop"), NOON)
    visitor: dict[str, Any] = {"site": "shop", "source": "192.0.2.1"}
    error = refused_by_admission(under_test, to=BERLIN, **visitor)
    assert error.data == {"policy": "cost", "limit": "rate"}
    under_test.check(AdmissionQuery(to=LONDON, **visitor), NOON)


def test_cost_is_limited_and_settled() -> None:
    policy: dict[str, Any] = {
        "limits": Limits(total=Limit(cost_per_day=Decimal("0.05"))),
        "rates": [Rate(prefix="+44", per_minute=Decimal("0.01"))],
        "costs": Costs(currency="GBP", expected_talk_s=180.0),
    }
    under_test = admission(**policy)
    admitted = under_test.check(AdmissionQuery(to=LONDON), NOON)
    under_test.count("job-1", admitted, NOON)
    error = refused_by_admission(under_test, to=MOBILE)
    assert error.data["policy"] == "cost"
    legs = [
        LegRecord(
            leg="l", role="customer", uri=f"sip:{LONDON}@trunk", started=NOON,
            answered=NOON, ended=NOON + 60,
        )
    ]  # fmt: skip
    job = Job(
        id="job-1",
        request=Request(to=LONDON, agent="alice"),
        created=NOON,
        attempts=[AttemptRecord(call="c", legs=legs)],
    )
    cost = under_test.settle(job)
    assert (cost["amount"], cost["currency"]) == ("0.0100", "GBP")
    under_test.check(AdmissionQuery(to=MOBILE), NOON)
    assert refused_by_admission(under_test, to=BERLIN).data == {"policy": "cost", "limit": "rate"}


@pytest.mark.parametrize(
    ("roles", "crashes", "counts"),
    [
        ((), 0, False),
        (("agent",), 0, False),
        (("agent", "customer"), 0, True),
        (("customer",), 0, True),
        ((), 1, True),  # it may have been dialled
    ],
)
def test_five_that_are_cancelled_before_any_dial_use_up_no_number(
    roles: tuple[Any, ...], crashes: int, counts: bool
) -> None:
    under_test = admission()
    visitor: dict[str, Any] = {"to": LONDON, "site": "shop.example"}
    for number in range(5):
        asked = AdmissionQuery(**visitor, source=f"192.0.2.{number}")
        under_test.count(f"job-{number}", under_test.check(asked, NOON), NOON)
    refused_by_admission(under_test, **visitor, source="192.0.2.9")
    for number in range(5):
        legs = [LegRecord(leg="l", role=role, uri="sip:x@trunk", started=NOON) for role in roles]
        job = Job(
            id=f"job-{number}",
            request=Request(to=LONDON, agent="alice"),
            created=NOON,
            attempts=[AttemptRecord(call="c", legs=legs)],
            crashes=crashes,
        )
        under_test.settle(job)
    if counts:
        refused_by_admission(under_test, **visitor, source="192.0.2.9")
    else:
        under_test.check(AdmissionQuery(**visitor, source="192.0.2.9"), NOON)


def test_other_settings_hold_at_once_and_what_was_counted_counts() -> None:
    under_test = admission(limits=Limits(number=Limit(per_day=9)))
    under_test.count("job-1", under_test.check(AdmissionQuery(to=LONDON), NOON), NOON)
    under_test.apply(
        PolicySettings(
            limits=Limits(number=Limit(per_day=1)), destinations=Destinations(allow=["+44"])
        )
    )
    assert refused_by_admission(under_test, to=LONDON).data["policy"] == "velocity"
    assert refused_by_admission(under_test, to=BERLIN).data["policy"] == "destination"


def test_a_telephone_number_as_it_is_dialled() -> None:
    assert admission().e164("020 7946 0123") == LONDON
    with pytest.raises(EngineError, match="'alice' is not a telephone number") as refused:
        admission().e164("alice")
    assert (refused.value.kind, refused.value.field) == ("refused", "number")


async def test_what_was_read_before_stays_blocked_where_a_file_is_gone(tmp_path: Path) -> None:
    file, under_test = tmp_path / "blocked.csv", admission()
    file.write_text(f"{LONDON}\n")
    await under_test.read_again([str(file)])
    assert refused_by_admission(under_test, to=LONDON).data["policy"] == "do_not_call"
    await under_test.read_again([str(tmp_path / "none.csv")])
    assert refused_by_admission(under_test, to=LONDON).data["policy"] == "do_not_call"


SATELLITES = [
    "+870773111632", "+881612345678", "+8823421234", "+883510012345", "+878101234567890",
    "+88812345678901",
]  # fmt: skip


@pytest.mark.parametrize("number", SATELLITES)
def test_satellites_are_not_called_for_visitors_of_sites(number: str) -> None:
    under_test = admission()
    error = refused_by_admission(under_test, to=number, site="shop.example", source="192.0.2.7")
    assert (error.kind, error.field) == ("refused", "to")
    assert error.data == {"policy": "destination", "prefix": number[:4]}
    assert error.message == (
        f"{number} is not called for visitors of sites: destinations.refuse_visitors has "
        f"{number[:4]}"
    )
    of_numbers: dict[str, Any] = {
        "to": LONDON,
        "numbers": [number],
        "site": "shop.example",
        "source": "::1",
    }
    assert refused_by_admission(under_test, **of_numbers).field == "numbers"
    verdict = under_test.may_dial_now(number, NOON, "shop.example")
    assert (verdict.allowed, verdict.policy) == (False, "destination")
    own: list[dict[str, Any]] = [{}, {"site": "shop.example"}, {"source": "192.0.2.7"}]
    for who in own:  # the site's own people
        assert under_test.check(AdmissionQuery(to=number, **who), NOON).called == number
    assert under_test.may_dial_now(number, NOON).allowed


@pytest.mark.parametrize(
    ("settings", "site", "is_called"),
    [
        ({"refuse_visitors": []}, "shop.example", True),
        ({"allow": ["+", "+870"]}, "shop.example", True),
        ({"allow": ["+", "+87077"]}, "shop.example", True),
        ({"allow_visitors_of": {"ships.example": ["+870"]}}, "ships.example", True),
        ({"allow_visitors_of": {"ships.example": ["+870"]}}, "shop.example", False),
        ({"allow_visitors_of": {"ships.example": ["+870"]}, "refuse": ["+870"]}, "ships.example",
         False),
    ],
)  # fmt: skip
def test_a_configuration_or_a_site_may_have_them_called(
    settings: dict[str, Any], site: str, is_called: bool
) -> None:
    under_test = admission(destinations=Destinations(**settings))
    asked: dict[str, Any] = {"to": SATELLITES[0], "site": site, "source": "192.0.2.7"}
    if is_called:
        assert under_test.check(AdmissionQuery(**asked), NOON).called == SATELLITES[0]
    else:
        assert refused_by_admission(under_test, **asked).data["policy"] == "destination"
