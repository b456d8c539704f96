"""Messages are compressed, and are what they were."""

from hypothesis import given
from hypothesis import strategies as st

from engine.trace.compression import compressed, decompressed
from tests.support.traces import request, response


@given(st.binary(max_size=20_000))
def test_whatever_was_compressed_is_had_again(text: bytes) -> None:
    assert decompressed(compressed(text)) == text


def test_the_messages_of_a_dialog_take_a_quarter() -> None:
    text = request("INVITE", "c1") + response("180 Ringing", "c1") + response("200 OK", "c1")
    assert len(compressed(text)) < len(text) / 4
