"""The parameters of the protocol: what is taken, and which field is blamed for what is not."""

from typing import Any

import msgspec
import pytest

from engine.control.connections.jsonrpc import RpcError, read_params
from engine.control.params import CallRef, DrainRequest, JobQuery, JobRef, NoParams, Subscribe
from engine.errors import KIND_CODES, BadParams, EngineError
from engine.request import CallbackRequest, asked_detection
from tests.support.protocol_pages import PAGES

GOOD: dict[str, Any] = {"to": "+442079460123", "agent": "alice"}


def read(kind: type[msgspec.Struct], params: dict[str, Any]) -> Any:
    return read_params(msgspec.json.Decoder(kind), msgspec.json.encode(params))


def blamed(kind: type[msgspec.Struct], params: dict[str, Any]) -> str:
    with pytest.raises(RpcError) as raised:
        read(kind, params)
    assert raised.value.code == -32602
    assert raised.value.data["reason"]
    field: str = raised.value.data["field"]
    return field


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"k": value}
    return value


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"id": "x" * 128},
        {"id": "Größe / 1"},
        {"order": "customer_first"},
        {"context": {}},
        {"context": {"text": "x" * (16 * 1024 - 11)}},
        {"context": {"n": 123456789012345678901234567890, "f": 1.5, "l": [None, True]}},
        {"context": nested(16)},
        {"whisper": {"text": "A customer waits.\nFrom the shop."}},
        {"whisper": {"file": "welcome.wav"}},
        {"whisper": {"tone": "440/200"}},
        {"caller_id": "+4420"},
        {"trunk": "pbx", "priority": -5, "record": True},
        {"not_before": 1.5e9, "deadline": 1.6e9},
        {"not_before": 0},
        {"max_attempts": 3, "ring_s": 0.5, "max_duration_s": 10},
        {"ring_s": None, "whisper": None, "context": None, "id": None, "queue": None},
    ],
)
def test_callback_request_accepts(more: dict[str, Any]) -> None:
    params = read(CallbackRequest, GOOD | more)
    assert params.to == GOOD["to"]
    for name, value in more.items():
        given = getattr(params, name)
        if name == "whisper" and value is not None:
            (key,) = value
            assert getattr(given, key) == value[key]
        else:
            assert given == value


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"to": ""}, "to"),
        ({"to": 5}, "to"),
        ({"to": "x" * 513}, "to"),
        ({"to": "a\nb"}, "to"),
        ({"agent": ""}, "agent"),
        ({"queue": "sales"}, "queue"),
        ({"id": ""}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"id": "a\tb"}, "id"),
        ({"id": "a\u202eb"}, "id"),
        ({"id": 7}, "id"),
        ({"order": "both"}, "order"),
        ({"context": []}, "context"),
        ({"context": "x"}, "context"),
        ({"context": {"text": "x" * (16 * 1024 - 10)}}, "context"),
        ({"context": nested(17)}, "context"),
        ({"whisper": "text"}, "whisper"),
        ({"whisper": {}}, "whisper.text"),
        ({"whisper": {"text": ""}}, "whisper.text"),
        ({"whisper": {"text": "a", "tone": "b"}}, "whisper.tone"),
        ({"whisper": {"txt": "a"}}, "whisper.txt"),
        ({"whisper": {"text": 1}}, "whisper.text"),
        ({"whisper": {"text": "x" * 1001}}, "whisper.text"),
        ({"whisper": {"file": "a\x00b"}}, "whisper.file"),
        ({"caller_id": "1\r\nVia: x"}, "caller_id"),
        ({"trunk": ""}, "trunk"),
        ({"priority": 1.5}, "priority"),
        ({"priority": 1001}, "priority"),
        ({"not_before": -1}, "not_before"),
        ({"not_before": "now"}, "not_before"),
        ({"not_before": 2.0, "deadline": 2.0}, "deadline"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"ring_s": 0}, "ring_s"),
        ({"ring_s": -1}, "ring_s"),
        ({"ring_s": True}, "ring_s"),
        ({"max_duration_s": 0}, "max_duration_s"),
        ({"record": 1}, "record"),
        ({"wisper": {}}, "wisper"),
        ({"numbers": "+44"}, "numbers"),
        ({"numbers": ["+44"] * 11}, "numbers"),
        ({"skills": {"german": 0}}, "skills"),
        ({"on_crash": "pray"}, "on_crash"),
        ({"retry": {"boredom": {}}}, "retry"),
        ({"retry": {"busy": {"attempts": 0}}}, "retry.attempts"),
        ({"retry": {"busy": {"tries": 3}}}, "retry.tries"),
        ({"join": "yes"}, "join"),
    ],
)
def test_callback_request_refuses(more: dict[str, Any], field: str) -> None:
    assert blamed(CallbackRequest, GOOD | more) == field


def test_to_and_one_of_agent_and_queue_are_required() -> None:
    assert blamed(CallbackRequest, {"agent": "alice"}) == "to"
    with pytest.raises(BadParams, match="give agent or queue"):
        read(CallbackRequest, {"to": "1"}).require_party()
    assert read(CallbackRequest, {"to": "1", "queue": "sales"}).queue == "sales"


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        (JobRef, {}, "id"),
        (JobRef, {"id": "a", "x": 1}, "x"),
        (JobQuery, {"state": "ringing"}, "state"),
        (JobQuery, {"limit": 0}, "limit"),
        (JobQuery, {"limit": 1001}, "limit"),
        (JobQuery, {"cursor": 1}, "cursor"),
        (CallRef, {}, "call"),
        (CallRef, {"call": "a", "leg": "b"}, "leg"),
        (DrainRequest, {"timeout_s": -1}, "timeout_s"),
        (DrainRequest, {"stop": "yes"}, "stop"),
        (Subscribe, {"types": [""]}, "types[0]"),
        (Subscribe, {"since": 1.5}, "since"),
        (NoParams, {"x": 1}, "x"),
    ],
)
def test_other_methods_refuse(
    kind: type[msgspec.Struct], params: dict[str, Any], field: str
) -> None:
    assert blamed(kind, params) == field


def test_every_kind_has_its_own_engine_code() -> None:
    codes = [EngineError(kind, "x").code for kind in KIND_CODES]
    assert len(set(codes)) == len(codes)
    assert all(-32099 <= code <= -32000 for code in codes)


def test_every_parameter_and_kind_is_documented() -> None:
    kinds: list[type[msgspec.Struct]] = [
        CallbackRequest, JobRef, JobQuery, CallRef, DrainRequest, Subscribe
    ]  # fmt: skip
    for kind in kinds:
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in PAGES, field.encode_name
    for name, code in KIND_CODES.items():
        assert f"`{name}`" in PAGES
        assert str(code).replace("-", "\N{MINUS SIGN}") in PAGES


def test_an_optional_parameter_that_is_null_is_left_out() -> None:
    assert read(JobQuery, {"limit": None, "cursor": None, "state": "queued"}) == JobQuery(
        state="queued"
    )
    assert read(DrainRequest, {"stop": None, "timeout_s": 5}) == DrainRequest(timeout_s=5.0)
    assert read(Subscribe, {"types": None, "since": None, "snapshot": None}) == Subscribe()


def test_null_hides_no_other_mistake() -> None:
    assert blamed(JobQuery, {"limit": None, "state": "nope"}) == "state"
    assert blamed(JobQuery, {"limit": None, "strange": None}) == "strange"
    assert blamed(JobRef, {"id": None}) == "id"
    assert blamed(CallbackRequest, GOOD | {"whisper": None, "to": None}) == "to"


def test_detection_may_be_asked_for_in_one_word() -> None:
    assert asked_detection(True) == {"enabled": True}
    assert asked_detection(False) == {"enabled": False}
    assert asked_detection(None) is None
