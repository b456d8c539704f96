"""In which codec a service hears a leg."""

import pytest

from engine.calls.streams.leg_codec import stream_codec


@pytest.mark.parametrize(
    ("spoken", "rate_hz", "codec"),
    [
        ("opus", 16000, "L16/16000"),
        ("G722", 24000, "L16/16000"),
        ("L16/16000", 16000, "L16/16000"),
        ("opus", 8000, "PCMU"),
        ("L16/8000", 24000, "PCMU"),
        ("PCMA", 16000, "PCMA"),
        ("PCMU", 16000, "PCMU"),
    ],
)
def test_it_is_wide_where_both_are_and_else_a_law_of_g711(
    spoken: str, rate_hz: int, codec: str
) -> None:
    assert stream_codec(spoken, rate_hz) == codec
