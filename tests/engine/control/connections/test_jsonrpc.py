"""Lines out of a stream, whatever way it was cut."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.connections.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    LineBuffer,
    LineTooLong,
    RpcError,
    engine_error,
    error_line,
    read_params,
    read_request,
    result_line,
)
from engine.errors import EngineError


def drain(buffer: LineBuffer) -> list[bytes | None]:
    """Every line there is; None stands for one that was too long."""
    lines: list[bytes | None] = []
    while True:
        try:
            line = buffer.next()
        except LineTooLong:
            lines.append(None)
            continue
        if line is None:
            return lines
        lines.append(line)


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b" "))),
    cuts=st.lists(st.integers(1, 20), min_size=1),
)
def test_lines_come_out_however_the_stream_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    buffer = LineBuffer(limit=20)
    stream = b"".join(line + b"\n" for line in lines)
    out: list[bytes | None] = []
    position = turn = 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        buffer.feed(stream[position : position + size])
        out += drain(buffer)
        assert len(buffer._buffer) <= 20 + max(cuts)
        position += size
        turn += 1
    assert out == [line if len(line) <= 20 else None for line in lines]
    assert not buffer.has_rest


def test_endless_line_is_refused_once_and_holds_no_memory() -> None:
    buffer = LineBuffer(limit=100)
    seen = 0
    for _ in range(1000):
        buffer.feed(b"x" * 90)
        seen += len(drain(buffer))
        assert len(buffer._buffer) <= 200
    assert 999 * 90 - 200 <= buffer.skipped <= 1000 * 90
    buffer.feed(b"x\nnext\nrest")
    assert seen == 1
    assert drain(buffer) == [b"next"]
    assert not buffer.skipped
    assert buffer.has_rest


def test_request_without_id_is_a_notification() -> None:
    assert read_request(b'{"jsonrpc":"2.0","method":"m"}') == (None, "m", b"{}")
    assert read_request(b'{"jsonrpc":"2.0","id":null,"method":"m"}').id == b"null"


def test_reply_lines() -> None:
    assert result_line(b'"a"', {"x": [1]}) == b'{"jsonrpc":"2.0","id":"a","result":{"x":[1]}}\n'
    error = engine_error(EngineError("state", "not now"), b"7")
    assert error_line(error) == (
        b'{"jsonrpc":"2.0","id":7,"error":{"code":-32004,"message":"not now",'
        b'"data":{"kind":"state"}}}\n'
    )


@pytest.mark.parametrize("text", ["line\nbreak", "\u2028", "é"])
def test_reply_is_always_one_line(text: str) -> None:
    line = result_line(b"1", text)
    assert line.count(b"\n") == 1


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    limit: int = 5
    deep: Any = None


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        (b'{"limit":', PARSE_ERROR, "Input data was truncated"),
        (b'{"limit": "x", oops', INVALID_PARAMS, "limit"),
        (b'{"deep":' * 2000, PARSE_ERROR, "nested too deeply"),
        (b"[1]", INVALID_PARAMS, "parameters are given by name"),
    ],
)
def test_parameters_that_cannot_be_read_are_refused(params: bytes, code: int, message: str) -> None:
    with pytest.raises(RpcError, match=message) as refused:
        read_params(msgspec.json.Decoder(Asked), params)
    assert refused.value.code == code


def test_an_optional_parameter_may_be_null() -> None:
    assert read_params(msgspec.json.Decoder(Asked), b'{"limit":null,"deep":1}') == Asked(5, 1)


def test_a_number_too_large_for_the_envelope_is_no_request() -> None:
    line = b'{"jsonrpc":"2.0","method":"m","id":1,"params":' + b"1" * 400 + b"}"
    with pytest.raises(RpcError) as refused:
        read_request(line)
    assert refused.value.code in (INVALID_REQUEST, INVALID_PARAMS)
    with pytest.raises(RpcError) as refused:
        read_request(b"1e999")
    assert refused.value.code == INVALID_REQUEST
