"""Standard error that nobody reads: what passes, what is dropped, and that nobody waits."""

import io
import os
import sys
import threading

import pytest

from media.stderr import LineQueue, never_wait_for_stderr

WAIT_S = 40.0


class Reader:
    """Takes what the stream writes, once it is released."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.text = ""
        self.open = threading.Event()
        self.is_called = threading.Event()
        if is_open:
            self.open.set()

    def __call__(self, text: str) -> None:
        self.is_called.set()
        assert self.open.wait(WAIT_S)
        self.text += text


def test_lines_are_written_in_their_order() -> None:
    reader = Reader()
    lines = LineQueue(reader)
    for number in range(100):
        lines.write(f"line {number}\n")
    assert lines.drain(WAIT_S)
    assert reader.text == "".join(f"line {number}\n" for number in range(100))
    assert lines.dropped == 0


def test_a_line_is_written_once_it_has_its_end() -> None:
    reader = Reader()
    lines = LineQueue(reader)
    print("in", "pieces", file=lines)
    lines.write("begun")
    assert lines.drain(WAIT_S)
    assert reader.text == "in pieces\n"


def test_nobody_waits_for_a_reader_that_does_not_read_and_what_is_dropped_is_counted() -> None:
    reader = Reader(is_open=False)
    dropped: list[int] = []
    lines = LineQueue(reader, most_characters=100, on_dropped=dropped.append)
    lines.write("first\n")
    assert reader.is_called.wait(WAIT_S)  # and it does not come back
    for _ in range(50):
        lines.write("0123456789\n")
    assert not lines.drain(0.0)
    assert lines.dropped == 50 - (100 - len("first\n")) // len("0123456789\n")
    reader.open.set()
    assert lines.drain(WAIT_S)
    assert reader.text.count("\n") == 1 + 50 - lines.dropped
    assert dropped == [lines.dropped]


def test_what_is_dropped_may_be_said_in_the_stream_itself() -> None:
    reader = Reader(is_open=False)
    lines = LineQueue(reader, most_characters=20, on_dropped=lambda n: lines.write(f"lost {n}\n"))
    lines.write("first\n")
    assert reader.is_called.wait(WAIT_S)
    lines.write("x" * 30 + "\n")
    reader.open.set()
    assert lines.drain(WAIT_S)
    assert reader.text == "first\nlost 1\n"


def test_a_line_without_end_takes_bounded_memory() -> None:
    lines = LineQueue(Reader(), most_characters=100)
    for _ in range(1000):
        lines.write("x" * 50)
    assert lines.dropped > 300


def test_a_reader_that_is_gone_ends_nothing() -> None:
    def gone(_text: str) -> None:
        raise BrokenPipeError

    lines = LineQueue(gone)
    lines.write("one\n")
    assert lines.drain(WAIT_S)
    lines.write("two\n")
    assert lines.drain(WAIT_S)


def test_standard_error_on_a_pipe_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.FileIO(writing, "w", closefd=False)))
    monkeypatch.setattr("media.stderr.atexit.register", lambda *_: None)
    lines = never_wait_for_stderr()
    for _ in range(3000):
        print("y" * 999, file=sys.stderr)
    assert lines.dropped > 1000
    written = 0
    while written < (3000 - lines.dropped) * 1000:
        written += len(os.read(reading, 1 << 16))
    assert lines.drain(WAIT_S)
    os.close(reading)
    os.close(writing)


def test_it_is_a_stream_for_writing_any_character() -> None:
    queue = LineQueue(lambda _text: None)
    assert (queue.encoding, queue.writable()) == ("utf-8", True)
