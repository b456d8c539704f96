"""What is wrong with parameters, in words."""

from typing import Any

import msgspec
import pytest

from engine.control.methods.agents import NewAgent
from engine.control.methods.audit import AuditQuery
from engine.control.params import JobQuery
from engine.control.requests.reasons import explain
from engine.request import CallbackRequest

ORDERS = "must be one of agent_first, customer_first"


@pytest.mark.parametrize(
    ("kind", "given", "field", "reason"),
    [
        (CallbackRequest, {"to": "1", "order": "x"}, "order", f"{ORDERS}, not 'x'"),
        (CallbackRequest, {"to": "1", "order": 5}, "order", ORDERS),
        (
            CallbackRequest,
            {"to": "1", "retry": {"bussy": {}}},
            "retry",
            "must be one of abandoned, busy, failed, machine, no_answer, operator_missed,"
            " rejected, unreachable, not 'bussy'",
        ),
        (
            NewAgent,
            {"agent": "a", "addresses": [{"uri": "x", "kind": "phone"}]},
            "addresses[0].kind",
            "must be one of browser, desk, mobile, not 'phone'",
        ),
        (
            CallbackRequest,
            {"to": "1", "retry": {"busy": {"attempts": 0}}},
            "retry.attempts",
            "expected int >= 1",
        ),
        (CallbackRequest, {"order": "agent_first"}, "to", "missing"),
        (
            CallbackRequest,
            {"to": "1", "region": "England"},
            "region",
            "must be a country in two capital letters, such as DE",
        ),
        (
            NewAgent,
            {"agent": "a", "addresses": [{"uri": "x", "confirm": "12"}]},
            "addresses[0].confirm",
            "must be a key of the telephone, or nothing",
        ),
        (
            AuditQuery,
            {"outcome": "ok"},
            "outcome",
            "must be one of conflict, done, error, not_found, refused, state, unavailable,"
            " not 'ok'",
        ),
        (CallbackRequest, {"to": "1", "odrer": "x"}, "odrer", "unknown"),
        (CallbackRequest, {"to": "1", "whisper": {}}, "whisper.text", "give text, file or tone"),
        (
            JobQuery,
            {"context": {"a": [1]}},
            "context",
            "expected bool | int | float | str | null, got array",
        ),
    ],
)
def test_the_field_and_what_would_be_right(
    kind: type[msgspec.Struct], given: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(given), type=kind)
    assert explain(caught.value, kind) == (field, reason)


def test_every_state_is_named() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"state":"done"}', type=JobQuery)
    _field, reason = explain(caught.value, JobQuery)
    assert "queued" in reason and "expired" in reason and "'done'" in reason


def test_without_the_structure_the_words_are_not_known() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"to":"1","order":"x"}', type=CallbackRequest)
    assert explain(caught.value) == ("order", "Invalid enum value 'x'")
