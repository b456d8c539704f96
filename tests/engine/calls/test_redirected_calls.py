"""Whom a call may be redirected to, and whether there is room for one more."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.policy import Hours, Limit, Limits, Rate
from engine.calls.call import Call
from engine.calls.redirected_calls import RedirectedCalls, check_room
from engine.errors import EngineError
from engine.routing.admission import Admission, AdmissionQuery, PolicySettings
from tests.support.scene import Scene, scene

NUMBER, OTHER = "+442079460124", "+442079460125"


def redirected(
    tmp_path: Path, direction: Any = "outbound", **policy: Any
) -> tuple[Scene, Admission, RedirectedCalls]:
    stage = scene(tmp_path)
    admission = Admission(PolicySettings(**policy), read=stage.services.dialplan.classify)
    call = Call("call-1", None, direction=direction, about={"site": "shop.example"})
    return stage, admission, RedirectedCalls(call, stage.services, admission)


def test_hours_of_the_number_hold(tmp_path: Path) -> None:
    _stage, _admission, calls = redirected(
        tmp_path, hours=Hours(enforce=True, hours=[], holiday_hours=[])
    )
    with pytest.raises(EngineError) as caught:
        calls.targets(f"sip:{NUMBER}@127.0.0.1:5071", None)
    assert caught.value.data["policy"] == "hours"
    with pytest.raises(EngineError, match="out of calling hours"):
        calls.targets(f"tel:{NUMBER}", None)
    assert calls.targets("sip:bob@127.0.0.1", None)


@pytest.mark.parametrize("of", ["number", "site", "total"])
def test_each_redirection_is_counted(tmp_path: Path, of: str) -> None:
    _stage, _admission, calls = redirected(tmp_path, limits=Limits(**{of: Limit(per_hour=1)}))
    calls.targets(f"tel:{NUMBER}", None)
    with pytest.raises(EngineError) as caught:
        calls.targets(f"tel:{NUMBER}", None)
    assert caught.value.data["policy"] == "velocity"


@pytest.mark.parametrize(("direction", "still_counts"), [("outbound", False), ("inbound", True)])
def test_the_cost_is_counted_until_the_call_is_over(
    tmp_path: Path, direction: str, still_counts: bool
) -> None:
    """The end of a call that we dialled counts the cost of its legs; nothing else does later."""
    stage, admission, calls = redirected(
        tmp_path,
        direction,
        limits=Limits(total=Limit(cost_per_day=Decimal(4))),
        rates=[Rate(prefix="+44", per_minute=Decimal(1))],
    )
    calls.targets(f"tel:{NUMBER}", None)
    now = stage.services.clock.now()
    with pytest.raises(EngineError) as caught:
        admission.check(AdmissionQuery(to=OTHER), now)
    assert caught.value.data["policy"] == "cost"
    calls.settle()
    if still_counts:
        with pytest.raises(EngineError):
            admission.check(AdmissionQuery(to=OTHER), now)
    else:
        admission.check(AdmissionQuery(to=OTHER), now)


def test_who_is_on_the_line_is_not_called(tmp_path: Path) -> None:
    stage, _admission, calls = redirected(tmp_path)
    other = Call("call-2", None)
    stage.services.registry.add_call(other)
    stage.services.registry.occupy_line(other, NUMBER)
    with pytest.raises(EngineError, match="on the line"):
        calls.targets(f"tel:{NUMBER}", None)


def test_a_proxy_on_the_way_is_no_further_call(tmp_path: Path) -> None:
    stage, _admission, calls = redirected(tmp_path, limits=Limits(total=Limit(per_hour=1)))
    (target, *_) = stage.services.dialplan.destination(NUMBER, field="to").targets
    for _ in range(3):
        (by_proxy,) = calls.targets("sip:127.0.0.1:5099", target)
        assert by_proxy.target == target.target


def test_a_call_has_its_place_when_a_party_is_added(tmp_path: Path) -> None:
    services = scene(tmp_path, max_calls=1).services
    call, other = Call("call-1", None), Call("call-2", None)
    check_room(services)
    services.registry.add_call(call)
    check_room(services, beside=call)
    for beside in (None, other):
        with pytest.raises(EngineError, match="1 calls are up") as caught:
            check_room(services, beside=beside)
        assert (caught.value.kind, caught.value.data["reason"]) == ("unavailable", "max_calls")
    services.registry.add_call(other)
    with pytest.raises(EngineError):
        check_room(services, beside=call)


def test_nobody_is_added_while_the_engine_is_overloaded(tmp_path: Path) -> None:
    services = scene(tmp_path).services
    services.overload.reason = "the engine is overloaded"
    with pytest.raises(EngineError, match="overloaded"):
        check_room(services, beside=Call("call-1", None))
