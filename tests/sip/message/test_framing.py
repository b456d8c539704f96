from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.message.framing import StreamFramer
from sip.message.parser import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES
from tests.support.sip import strategies


def feed(framer: StreamFramer, data: bytes) -> list[bytes]:
    """What a connection does with what it has read: the messages that are complete by now."""
    framer.push(data)
    messages = []
    while (message := framer.pop()) is not None:
        messages.append(message)
    return messages


_HEAD = b"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n"


def test_messages_back_to_back() -> None:
    one = _HEAD + b"Content-Length: 3\r\n\r\nabc"
    two = _HEAD + b"l:0\r\n\r\n"
    framer = StreamFramer()
    assert feed(framer, one + two + one[:-1]) == [one, two]
    assert feed(framer, b"c") == [one]
    assert framer.take_pongs() == 0


def test_body_may_look_like_a_message() -> None:
    message = _HEAD + b"Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n"
    assert feed(StreamFramer(), message) == [message]


def test_faulty_fields_do_not_put_the_stream_out_of_step() -> None:
    message = _HEAD + b"no colon\r\nContent-Length: 1\r\n\r\nx"
    assert feed(StreamFramer(), message) == [message]


def test_pings_are_counted() -> None:
    framer = StreamFramer()
    assert feed(framer, b"\r\n\r") == []
    assert framer.take_pongs() == 0
    assert feed(framer, b"\n\r\n\r\n\r\n") == []
    assert framer.take_pongs() == 2
    message = _HEAD + b"l: 0\r\n\r\n"
    # The odd line end belonged to no ping.
    assert feed(framer, message + b"\r\n\r\n") == [message]
    assert framer.take_pongs() == 1
    assert framer.take_pongs() == 0


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"Content-Length: -1\r\n",
        b"Content-Length: x\r\n",
        b"l: 1\r\nl: 2\r\n",
        b"Content-Length: 65536\r\n",
        b"Content-Length: 99999999999999\r\n",
    ],
)
def test_faults_end_the_stream(field: bytes) -> None:
    framer = StreamFramer()
    with pytest.raises(ParseError):
        feed(framer, _HEAD + field + b"\r\n")
    with pytest.raises(ParseError):
        feed(framer, _HEAD + b"l: 0\r\n\r\n")
    assert len(framer) == 0


def test_messages_before_a_fault_count() -> None:
    message = _HEAD + b"l: 0\r\n\r\n"
    framer = StreamFramer()
    framer.push(message + _HEAD + b"\r\n")
    assert framer.pop() == message
    assert framer.is_ready
    with pytest.raises(ParseError):
        framer.pop()


def test_limits() -> None:
    framer = StreamFramer()
    with pytest.raises(ParseError) as caught:
        for _ in range(MAX_HEAD_BYTES // 1000 + 2):
            feed(framer, b"x" * 1000)
    assert caught.value.status == 513
    head = _HEAD + b"Content-Length: %d\r\n\r\n"
    room = MAX_MESSAGE_BYTES - len(head % 10000)
    message = head % room + b"b" * room
    assert feed(StreamFramer(), message) == [message]
    with pytest.raises(ParseError):
        feed(StreamFramer(), head % (room + 1))


def _cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


@given(
    st.lists(
        strategies.messages.map(lambda message: message.encode()) | st.just(b"\r\n\r\n"), max_size=4
    ),
    st.lists(st.integers(1, 60), max_size=40),
)
def test_chunks_make_no_difference(messages: list[bytes], sizes: list[int]) -> None:
    framer = StreamFramer()
    found = [m for chunk in _cut(b"".join(messages), sizes) for m in feed(framer, chunk)]
    assert found == [message for message in messages if message != b"\r\n\r\n"]
    assert framer.take_pongs() == messages.count(b"\r\n\r\n")


@given(st.binary(max_size=200), st.lists(st.integers(1, 9), max_size=20))
def test_arbitrary_bytes_in_any_chunks(noise: bytes, sizes: list[int]) -> None:
    data = _HEAD + b"l: 2\r\n\r\nab" + noise

    def run(chunks: list[bytes]) -> tuple[list[bytes], str | None]:
        framer = StreamFramer()
        found: list[bytes] = []
        for chunk in chunks:
            framer.push(chunk)
            try:
                while (message := framer.pop()) is not None:
                    found.append(message)
            except ParseError as fault:
                return found, fault.reason
        return found, None

    assert run([data]) == run(_cut(data, sizes)) == run(_cut(data, [1] * len(data)))


def test_one_byte_at_a_time_costs_no_more_than_its_length() -> None:
    framer = StreamFramer()
    message = _HEAD + b"X: %s\r\nl: 0\r\n\r\n" % (b"a" * 8000)
    found = [m for i in range(len(message)) for m in feed(framer, message[i : i + 1])]
    assert found == [message]


def test_line_ends_by_the_thousand_are_counted_at_once() -> None:
    framer = StreamFramer()
    assert feed(framer, b"\r\n" * 30_000) == []
    assert framer.take_pongs() == 15_000
    assert len(framer) == 0


def test_messages_are_taken_one_by_one() -> None:
    message = _HEAD + b"l: 0\r\n\r\n"
    framer = StreamFramer()
    framer.push(message * 3)
    assert framer.pop() == message
    assert len(framer) == 2 * len(message)
    assert framer.is_ready


def test_single_line_end_is_a_pong_once() -> None:
    framer = StreamFramer()
    for data, pings, is_pong in (
        (b"\r\n", 0, True),
        (b"\r\n\r\n", 1, False),
        (b"\r\n\r\n\r\n", 1, True),
        (b"", 0, False),
    ):
        framer.push(data)
        assert not framer.is_ready
        assert (framer.take_pongs(), framer.take_pong()) == (pings, is_pong)
