"""Half of a surrogate pair in a request."""

import json
from typing import Any

import pytest

from engine.control.connections import jsonrpc
from engine.control.connections.jsonrpc import RpcError
from engine.control.requests.surrogates import find_half


def line(id: str, **members: str) -> bytes:
    """A request as raw JSON."""
    given = {"jsonrpc": '"2.0"', "id": id, "method": '"callback.request"'} | members
    return ("{" + ",".join(f'"{name}":{value}' for name, value in given.items()) + "}").encode()


def refusal(text: bytes) -> RpcError:
    with pytest.raises(RpcError) as caught:
        jsonrpc.read_request(text)
    return caught.value


@pytest.mark.parametrize(
    ("params", "field"),
    [
        (r'{"to":"\ud83d"}', "to"),
        (r'{"to":"\ude00"}', "to"),
        (r'{"to":"1","context":{"name":"x\uD83Dy"}}', "context.name"),
        (r'{"to":"1","context":{"list":["ok","\ud83d\u0041"]}}', "context.list[1]"),
        (r'{"to":"1","context":{"\udc00":1}}', "context"),
        (r'{"to":"\ud83d\ud83d\ude00"}', "to"),
        (r'{"to":"\\ud83d\ud83d"}', "to"),
    ],
)
@pytest.mark.parametrize("id", ["7", '"a"', "1.50", "null"])
def test_it_is_told_with_the_id_and_the_field(params: str, field: str, id: str) -> None:
    error = refusal(line(id, params=params))
    assert error.code == jsonrpc.INVALID_PARAMS
    assert error.id == id.encode()  # as it was written
    assert error.data["field"] == field
    assert "surrogate" in error.data["reason"]


def test_elsewhere_in_the_request() -> None:
    error = refusal(line("7", method=r'"ping\ud83d"', params="{}"))
    assert (error.code, error.id, error.data["field"]) == (jsonrpc.INVALID_REQUEST, b"7", "method")
    error = refusal(line(r'"\ud83d"', params=r'{"to":"\ud83d"}'))
    assert (error.code, error.id) == (jsonrpc.PARSE_ERROR, b"null")
    error = refusal(line("true", params=r'{"to":"\ud83d"}'))
    assert error.id == b"null"


@pytest.mark.parametrize(
    "text",
    [
        r'{"to":"\ud83d\ude00"}',
        r'{"to":"\\ud83d"}',
        r'{"to":"\u00e9\n"}',
        r'{"to":"😀"}',
    ],
)
def test_whole_characters_are_no_halves(text: str) -> None:
    assert find_half(line("1", params=text)) is None
    assert jsonrpc.read_request(line("1", params=text)).id == b"1"


@pytest.mark.parametrize("text", [rb'{"a":"\ud83d"', rb'["\ud83d"]', rb'"\ud83d"', rb"\ud83d"])
def test_what_is_no_object_has_no_field(text: bytes) -> None:
    assert find_half(text) is None


def test_the_mended_line_can_be_read() -> None:
    found = find_half(line("1", params=r'{"to":"a\ud83db\udc00","x":"\ud83d\ude00"}'))
    assert found is not None
    read: Any = json.loads(found.mended)
    assert read["params"] == {"to": "a\ufffdb\ufffd", "x": "😀"}
