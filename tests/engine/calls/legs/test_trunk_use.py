"""What the owner of legs tells of trunks: their lines, their turns, and how each try went."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from config.sections import Trunk
from engine.calls.hangup_cause import HangupCause
from engine.calls.legs.leg_listener import ObservedLeg
from engine.calls.legs.trunk_use import TrunkUse
from engine.calls.services import CallServices
from engine.job import LegRecord
from engine.routing.capacity.trunk_load import TrunkLoad
from engine.routing.dialplan import Dialplan
from engine.routing.targets.destination import DialTarget
from engine.routing.trunk_figures import TrunkTry
from tests.support.scene import scene


def services_of(tmp_path: Path, *, max_calls: int = 0, per_s: float = 0.0) -> CallServices:
    """The services of calls, where trunk "one" has these limits."""
    services = scene(tmp_path).services
    one = Trunk(name="one", uri="sip:127.0.0.1", max_calls=max_calls, max_calls_per_s=per_s)
    services.trunk_load = TrunkLoad([one], lambda: 0.0)
    return services


def leg() -> ObservedLeg:
    record = LegRecord(leg="leg-1", role="agent", uri="sip:anna@127.0.0.1", started=0.0)
    return cast(ObservedLeg, SimpleNamespace(id="leg-1", record=record))


def test_a_leg_uses_the_line_that_its_call_has_reserved(tmp_path: Path) -> None:
    services = services_of(tmp_path, max_calls=1)
    services.trunk_load.reserve("call-1", [("agent", "one")])
    assert not TrunkUse(services).trunk_entered(leg(), "one"), "it is kept for the call"
    assert TrunkUse(services, "call-1").trunk_entered(leg(), "one")
    assert services.trunk_load.is_full("one")
    assert TrunkUse(services, "call-1").trunk_entered(leg(), None), "it goes by no trunk now"
    assert not services.trunk_load.is_full("one")


def test_invites_of_all_owners_take_turns(tmp_path: Path) -> None:
    services = services_of(tmp_path, per_s=1.0)
    turns = [TrunkUse(services, call).trunk_turn_s("one") for call in ("a", "b", "")]
    assert turns == sorted(turns) and turns[0] == 0.0 and turns[-1] > 0.0


def test_each_try_is_counted(tmp_path: Path) -> None:
    services = services_of(tmp_path)
    TrunkUse(services).trunk_tried(TrunkTry("one", answered=True))
    counts = services.trunk_figures.of("one")
    assert (counts["attempts"], counts["answered"]) == (1, 1)


def test_the_host_of_a_trunk_that_has_failed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(
        Dialplan,
        "trunk_failed",
        lambda _self, name, for_s, reason, **how: told.append((name, for_s, reason, how)),
    )
    cause = HangupCause("unreachable", "no response", trunk_rests_s=30.0, trunk_is_silent=True)
    target = DialTarget("sip:bob@192.0.2.1", "sip:192.0.2.1", trunk="one", host="192.0.2.1")
    TrunkUse(services_of(tmp_path)).trunk_failed(target, cause)
    how = {"is_silent": True, "host": "192.0.2.1"}
    assert told == [("one", 30.0, "no response", how)]
