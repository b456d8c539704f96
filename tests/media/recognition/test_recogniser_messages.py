"""What recognisers print and send."""

import pytest

from media.recognition.recogniser_messages import (
    Error,
    NotUnderstood,
    Speech,
    Words,
    read_line,
    result_of,
)
from media.recognition.result import Recognised, RecogniserFailed, SpeechStarted


def test_a_line_is_a_text_or_a_json_object() -> None:
    assert read_line(b"yes please\n") == Words("yes please")
    assert read_line(b'{"text": "yes", "final": false}') == Words("yes", final=False)
    assert read_line(b'{"type": "speech"}') == Speech()
    assert read_line(b"  \r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"a\x00b",
        b"x" * 1001,
        b"{",
        b'{"type": "unheard of"}',
        b'{"text": 1}',
        b'{"text": "yes", "confidence": 2}',
        b'{"text": "yes", "from_ms": -1}',
        b'{"type":' + b"[" * 5000,
    ],
)
def test_nonsense_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_line(line)


def test_what_they_say_of_the_party() -> None:
    said = Words(" yes\n please ", confidence=0.5, from_ms=10, to_ms=20)
    assert result_of(said) == Recognised("yes please", True, 0.5, 10, 20)
    assert result_of(Speech()) == SpeechStarted()
    assert result_of(Words(" \x07 ")) is None
    with pytest.raises(RecogniserFailed, match="out of memory"):
        result_of(Error("out of memory"))
