"""Whom a phone may have its partner connected with."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from engine.calls.leg import Leg
from engine.calls.transfers.request import check_third_party, destination_of
from engine.errors import EngineError
from engine.job import LegRecord
from engine.routing.dialplan import Dialplan
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.targets.destination import Destination, DialTarget
from tests.support.phones.scripted import ScriptedReferral


def plan() -> Dialplan:
    return Dialplan(
        trunks=[], routes=[], agents=[], allow_hosts=["127.0.0.1"], plan=NumberPlan("GB")
    )


@dataclass
class Party:
    """A party of a call, as far as it is looked at."""

    record: LegRecord = field(
        default_factory=lambda: LegRecord(
            leg="leg-1", role="agent", uri="sip:alice@127.0.0.1:5080", started=0.0
        )
    )


def test_a_target_here_is_what_a_user_dials() -> None:
    referral = ScriptedReferral("sip:x@engine", user_here="sip:carol@127.0.0.1")
    text, destination = destination_of(cast(Any, referral), plan(), Named())
    assert text == "sip:carol@127.0.0.1" and destination is not None
    assert destination.targets[0].target == "sip:carol@127.0.0.1"


class Named:
    """Queues of these names."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def shown(self) -> dict[str, object]:
        return dict.fromkeys(self._names)


def test_a_queue_is_dialled_by_its_name() -> None:
    here = cast(Any, ScriptedReferral("sip:sales@engine", user_here="sales"))
    assert destination_of(here, plan(), Named("sales")) == ("sales", None)
    with pytest.raises(EngineError):
        destination_of(here, plan(), Named("support"))
    elsewhere = cast(Any, ScriptedReferral("sip:sales@192.0.2.66"))
    with pytest.raises(EngineError):
        destination_of(elsewhere, plan(), Named("sales"))


def test_another_target_asks_the_dial_policy() -> None:
    with pytest.raises(EngineError) as refused:
        destination_of(cast(Any, ScriptedReferral("sip:carol@192.0.2.66")), plan(), Named())
    assert refused.value.kind == "refused"


@pytest.mark.parametrize(
    ("target", "is_party"),
    [
        ("sip:alice@127.0.0.1:5080", True),
        ("sip:alice@127.0.0.1:5080;transport=udp", True),
        ("sip:alice@127.0.0.1:5081", False),
        ("sip:bob@127.0.0.1:5080", False),
    ],
)
def test_a_party_of_the_call_in_any_spelling(target: str, is_party: bool) -> None:
    destination = Destination("x", (DialTarget(target, target),))
    parties = (cast(Leg, Party()),)
    if is_party:
        with pytest.raises(EngineError, match="party of this call"):
            check_third_party(destination, parties, plan())
    else:
        check_third_party(destination, parties, plan())
