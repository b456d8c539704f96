"""Lines out of a stream, whatever way it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.jsonrpc import (
    LineBuffer,
    LineTooLong,
    engine_error,
    error_line,
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
