"""The parameters of the methods that move calls: what is refused before anything happens."""

from typing import Any

import msgspec
import pytest

from engine.control.methods.call_control import CallControlMethods
from engine.errors import BadParams

METHODS = CallControlMethods(None).table()  # type: ignore[arg-type]


def read(method: str, **params: Any) -> Any:
    return METHODS[method].decoder.decode(msgspec.json.encode(params))


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("call.originate", {"to": "alice", "headers": {"Route": "<sip:x>"}}, "headers"),
        ("call.originate", {"to": "alice", "context": {"long": "x" * 20_000}}, "context"),
        ("call.originate", {"to": "alice", "headers": {"X-A\r\nVia": "x"}}, "headers"),
        ("call.originate", {"to": "alice", "headers": {"X-A": "a\r\nVia: b"}}, "headers"),
        ("call.send_dtmf", {"leg": "a", "digits": "12x"}, "digits"),
        ("call.send_info", {"leg": "a", "content_type": "text"}, "content_type"),
        ("call.send_info", {"leg": "a", "content_type": "a/b\r\nX: y"}, "content_type"),
        ("call.send_info", {"leg": "a", "content_type": "a/b", "body": "é" * 600}, "body"),
        ("call.reject", {"call": "a", "reason": "nö"}, "reason"),
        ("call.reject", {"call": "a", "leg": "b"}, "leg"),
        ("call.answer", {}, "call"),
    ],
)
def test_what_is_refused_with_its_field(method: str, params: dict[str, Any], field: str) -> None:
    with pytest.raises((BadParams, msgspec.ValidationError)) as caught:
        read(method, **params)
    error = caught.value if isinstance(caught.value, BadParams) else caught.value.__cause__
    assert isinstance(error, BadParams) and error.field == field


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("call.reject", {"call": "a", "status": 302}),
        ("call.reject", {"call": "a", "status": 700}),
        ("call.ring", {"call": "a", "status": 200}),
        ("call.bridge", {"leg": "a"}),
        ("call.redirect", {"call": "a"}),
        ("call.send_dtmf", {"leg": "a", "digits": ""}),
        ("call.originate", {"to": "alice", "ring_s": 0}),
        ("call.originate", {"to": "alice", "what": 1}),
    ],
)
def test_what_is_out_of_range_or_missing(method: str, params: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(method, **params)


def test_defaults() -> None:
    assert read("call.reject", call="a").status == 603
    assert read("call.bridge", leg="a", **{"with": "b"}).end_together
    assert read("call.originate", to="alice", headers={"User-to-User": "00"}).headers
