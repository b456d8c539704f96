"""Structures of parameters that several namespaces use: what they accept, and what not."""

from typing import Any

import msgspec
import pytest

from engine.control.params import (
    Auth,
    CallRef,
    Decision,
    DrainRequest,
    JobQuery,
    NoParams,
    Reprioritise,
    Subscribe,
)


def _read(kind: type[msgspec.Struct], **members: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(members), type=kind)


def test_a_call_is_named_by_itself_or_by_one_of_its_legs() -> None:
    assert _read(CallRef, call="c1").call == "c1"
    assert _read(CallRef, leg="l1").leg == "l1"
    for both_or_neither in ({}, {"call": "c1", "leg": "l1"}):
        with pytest.raises(msgspec.ValidationError, match=r"call.*leg"):
            _read(CallRef, **both_or_neither)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        (NoParams, {"any": 1}),
        (JobQuery, {"limit": 0}),
        (JobQuery, {"limit": 1001}),
        (JobQuery, {"state": "asleep"}),
        (JobQuery, {"cursor": "x" * 65}),
        (Decision, {"id": "j1", "decision": "maybe"}),
        (Reprioritise, {"id": "j1", "priority": "high"}),
        (DrainRequest, {"timeout_s": -1.0}),
        (DrainRequest, {"timeout_s": 8 * 86400.0}),
        (Subscribe, {"since": -1}),
        (Subscribe, {"types": [""]}),
        (Subscribe, {"types": ["call."] * 65}),
        (Auth, {}),
        (Auth, {"token": "x" * 1025}),
    ],
)
def test_what_is_out_of_range_is_refused(kind: type[msgspec.Struct], members: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        _read(kind, **members)


def test_what_is_left_out_has_its_default() -> None:
    assert (_read(JobQuery).limit, _read(JobQuery).state) == (100, None)
    assert (_read(DrainRequest).timeout_s, _read(DrainRequest).stop) == (None, False)
    subscribe = _read(Subscribe)
    assert (subscribe.types, subscribe.since, subscribe.snapshot) == ([], None, None)
