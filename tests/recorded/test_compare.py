"""What the comparison of a recorded session with one of today finds, and what it lets pass."""

import copy
from typing import Any

import pytest

from .compare import Comparison
from .session import Line, Turn

ASKED: Line = {"id": 1, "method": "call.get", "params": {"call": "call-0001"}}
REPLY: Line = {
    "id": 1,
    "result": {"call": "call-0001", "since": 1000.0, "legs": [{"leg": "leg-0002", "n": 1}]},
}
EVENT: Line = {"params": {"type": "leg.ringing", "seq": 7, "leg": "leg-0002", "epoch": "a"}}
OTHER: Line = {"params": {"type": "leg.ended", "seq": 8, "leg": "leg-0002", "epoch": "a"}}


def differences(before: list[Line], now: list[Line]) -> list[str]:
    """Where a session differs in which `now` is got instead of `before`."""
    comparison = Comparison(frozenset({"leg.ringing", "leg.ended"}), "/tmp/x")
    comparison.translate(ASKED)
    turn = Turn({"send": ASKED}, [{"got": line, "by": "main"} for line in before])
    comparison.got(turn, [{"got": line, "by": "main"} for line in now])
    comparison.finish()
    return [difference.path for difference in comparison.differences]


def changed(line: Line, *path: Any, to: Any) -> Line:
    other = copy.deepcopy(line)
    place: Any = other
    for name in path[:-1]:
        place = place[name]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return other


@pytest.mark.parametrize(
    ("now", "path"),
    [
        (changed(REPLY, "result", "since", to=None), "call.get answered.result.since"),
        (changed(REPLY, "result", "since", to=1002.0), "call.get answered.result.since"),
        (changed(REPLY, "result", "since", to="1000"), "call.get answered.result.since"),
        (changed(REPLY, "result", "legs", to=[]), "call.get answered.result.legs"),
        (changed(REPLY, "result", "legs", 0, "n", to=2), "call.get answered.result.legs[0].n"),
        (changed(REPLY, "result", "legs", 0, "n", to=True), "call.get answered.result.legs[0].n"),
        ({"id": 1, "error": {"code": -32001, "message": "no"}}, "main"),
    ],
)
def test_a_reply_that_is_another_is_found(now: Line, path: str) -> None:
    assert differences([REPLY], [now]) == [path]


@pytest.mark.parametrize(
    "now", [[EVENT], [OTHER], [OTHER, EVENT], [EVENT, OTHER, OTHER], [EVENT, EVENT, OTHER], []]
)
def test_events_that_are_missing_or_in_another_order_are_found(now: list[Line]) -> None:
    assert differences([EVENT, OTHER], now) == ["main"]


def test_an_id_that_stands_for_two_is_found() -> None:
    other = changed(OTHER, "params", "leg", to="leg-0009")
    assert differences([EVENT, OTHER], [EVENT, other]) == ["event leg.ended.params.leg"]


def test_other_ids_times_of_the_same_moment_and_additions_pass() -> None:
    now = changed(REPLY, "result", "call", to="call-0005")
    now = changed(now, "result", "since", to=1000.1)
    now = changed(now, "result", "new", to=1)
    addition = {"params": {"type": "leg.transferred", "seq": 7}}
    later = changed(changed(EVENT, "params", "seq", to=9), "params", "epoch", to="b")
    assert differences([REPLY, EVENT], [now, addition, later]) == []


def test_words_of_errors_pass_and_their_kinds_do_not() -> None:
    before = {"id": 1, "error": {"code": 1, "message": "a", "data": {"kind": "state"}}}
    now = {"id": 1, "error": {"code": 1, "message": "b", "data": {"kind": "state"}}}
    assert differences([before], [now]) == []
    now["error"]["data"] = {"kind": "refused"}  # type: ignore[index]
    assert differences([before], [now]) == ["call.get refused.error.data.kind"]


def test_requests_are_sent_with_the_ids_of_today() -> None:
    comparison = Comparison(frozenset({"leg.ringing"}), "/tmp/x")
    now = changed(changed(EVENT, "params", "leg", to="leg-0009"), "params", "seq", to=11)
    turn = Turn({}, [{"got": EVENT, "by": "main"}])
    comparison.got(turn, [{"got": now, "by": "main"}])
    asked = {
        "id": 2,
        "method": "x",
        "params": {"leg": "leg-0002", "text": "of leg-0002", "since": 7},
    }
    assert comparison.translate(asked)["params"] == {
        "leg": "leg-0009",
        "text": "of leg-0009",
        "since": 11,
    }


def test_an_event_may_come_a_step_later_but_not_two() -> None:
    event, nothing = {"got": EVENT, "by": "main"}, Turn({})
    for steps, expected in ((1, []), (2, ["main"])):
        comparison = Comparison(frozenset({"leg.ringing"}), "/tmp/x")
        comparison.got(Turn({}, [event]), [])
        for _ in range(steps - 1):
            comparison.got(nothing, [])
        comparison.got(nothing, [event] if steps == 1 else [])
        comparison.finish()
        assert [difference.path for difference in comparison.differences] == expected


def at(time: float, type_: str, **about: Any) -> Line:
    return {"params": {"type": type_, "time": time, "seq": 1, **about}}


@pytest.mark.parametrize(
    ("time", "about", "may_change_places"),
    [
        (5.001, {"leg": "leg-0003", "job": "a"}, True),
        (5.001, {"leg": "leg-0002", "job": "a"}, False),
        (5.2, {"leg": "leg-0003", "job": "a"}, False),
        (5.001, {"job": "a"}, False),
        (5.001, {"job": "b"}, True),
    ],
)
def test_events_that_come_at_once_may_change_places(
    time: float, about: dict[str, Any], may_change_places: bool
) -> None:
    first = at(5.0, "leg.ringing", leg="leg-0002", job="a")
    second = at(time, "leg.ended", **about)
    expected = [] if may_change_places else ["main"]
    assert differences([first, second], [second, first]) == expected
