"""Whether the customer of a job may be called now: their line, and the policies."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.callbacks.attempts.attempt_check import (
    TRUNK_DOWN_S,
    TRUNK_FULL_S,
    AttemptCheck,
    lines_of,
)
from engine.callbacks.completion import Postpone
from engine.callbacks.trunk_line import TrunkLine
from engine.calls.call import ON_THE_LINE_S
from engine.job import Job, Request
from engine.routing.capacity.trunk_load import TrunkLoad
from engine.routing.trunk_states import NoTrunkUsable, TrunksFull

NUMBER, OTHER = "+442079460123", "+442079460777"
NOW = 1000.0


class Policies:
    """Admission as a test says: which numbers it refuses, and the last one it was asked about."""

    def __init__(self, *, enforced: bool = True, **verdict: Any) -> None:
        self.hours = SimpleNamespace(enforced=enforced)
        given = {"allowed": True, "reason": None, "policy": None, "not_before": None}
        self.verdict = SimpleNamespace(**given | verdict)
        self.asked: list[str | None] = []

    def may_dial_now(self, number: str | None, _now: float, _visitor_of: str | None) -> Any:
        self.asked.append(number)
        return self.verdict

    def number(self, text: str) -> Any:
        return SimpleNamespace(e164=text) if text.startswith("+") else None


def check(
    policies: Policies, *on_the_line: str, no_trunk: NoTrunkUsable | None = None
) -> AttemptCheck:
    calls = SimpleNamespace(is_on_the_line=lambda lines: not set(on_the_line).isdisjoint(lines))
    dialplan = SimpleNamespace(no_trunk_for=lambda _text, trunk: no_trunk)
    return AttemptCheck(
        cast(Any, calls), cast(Any, policies), cast(Any, dialplan), TrunkLine(TrunkLoad())
    )


def job(dial_to: str | None = None) -> Job:
    return Job(id="j", request=Request(to="x"), created=0.0, called=NUMBER, dial_to=dial_to)


def test_a_customer_who_may_be_called() -> None:
    policies = Policies()
    assert check(policies).objection(job(), NOW) is None
    assert policies.asked == [NUMBER]


def test_a_customer_who_is_calling_us_is_called_later() -> None:
    policies = Policies()
    busy = Postpone(NOW + ON_THE_LINE_S, "the customer is on the line")
    assert check(policies, NUMBER).objection(job(), NOW) == busy
    assert check(policies, NUMBER).before_queue(job(), NOW) == busy
    assert policies.asked == []  # no policy is asked meanwhile


def test_a_customer_whose_trunk_is_down_is_called_later() -> None:
    policies = Policies()
    waits = Postpone(NOW + TRUNK_DOWN_S, "trunk pbx is down", is_waiting=True)
    down = check(policies, no_trunk=NoTrunkUsable("trunk pbx is down", "to"))
    assert down.objection(job(), NOW) == down.before_queue(job(), NOW) == waits
    assert policies.asked == []


def test_a_customer_whose_trunks_are_full_is_called_soon() -> None:
    full = check(Policies(), no_trunk=TrunksFull("every trunk is full", "to"))
    waits = Postpone(NOW + TRUNK_FULL_S, "every trunk is full", is_waiting=True)
    assert full.objection(job(), NOW) == full.before_queue(job(), NOW) == waits


def test_policies_are_asked_about_the_next_number_and_lines_about_all() -> None:
    policies = Policies()
    assert check(policies).objection(job(dial_to=OTHER), NOW) is None
    assert check(policies).objection(job(dial_to="sip:bob@pbx"), NOW) is None
    assert policies.asked == [OTHER, None]
    several = Job(
        id="j", request=Request(to="x", numbers=[OTHER, "alice"]), created=0.0, called=NUMBER
    )
    assert list(lines_of(several, cast(Any, policies))) == [NUMBER, OTHER, "alice"]
    for line in (NUMBER, OTHER, "alice"):
        assert check(policies, line).on_the_line(several, NOW) is not None


@pytest.mark.parametrize(
    ("verdict", "objection"),
    [
        ({"policy": "do_not_call", "reason": "asked us"}, "asked us"),
        ({"policy": "do_not_call"}, "not to be called"),
        ({"policy": "hours", "reason": "closed"}, "closed"),
        (
            {"policy": "hours", "reason": "closed", "not_before": 5000.0},
            Postpone(5000.0, "closed", is_date=True),
        ),
    ],
)
def test_what_a_policy_refuses_is_postponed_or_ended(
    verdict: dict[str, Any], objection: Postpone | str
) -> None:
    assert check(Policies(allowed=False, **verdict)).objection(job(), NOW) == objection


def test_before_a_queue_only_hours_matter_and_only_where_they_hold() -> None:
    closed: dict[str, Any] = {
        "allowed": False,
        "policy": "hours",
        "reason": "closed",
        "not_before": 5000.0,
    }
    assert check(Policies(**closed)).before_queue(job(), NOW) is not None
    free = Policies(**closed, enforced=False)
    assert check(free).before_queue(job(), NOW) is None and free.asked == []
