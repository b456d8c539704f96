"""What a recogniser tells of the time in which a party told a secret."""

import pytest

from engine.calls.recognition.secret_spans import MOST_KEPT, SecretSpans


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "is_of_secret"),
    [
        (1000, 2000, False),
        (1000, 2001, True),
        (2500, 2600, True),
        (1000, 9000, True),
        (2999, 4000, True),
        (3000, 4000, False),
        (4500, 5500, True),
    ],
)
def test_what_overlaps_a_secret_is_of_it(from_ms: int, to_ms: int, is_of_secret: bool) -> None:
    spans = SecretSpans()
    spans.sound_begins(100.0)
    for begin, end in ((102.0, 103.0), (105.0, 106.0)):
        spans.change(begin, is_open=True)
        spans.change(end, is_open=False)
    assert spans.has(from_ms, to_ms) is is_of_secret


def test_while_one_is_told_everything_is() -> None:
    spans = SecretSpans()
    spans.sound_begins(100.0)
    assert not spans.is_open and not spans.has(0, 10)
    spans.change(200.0, is_open=True)
    assert spans.is_open and spans.has(0, 10)
    spans.change(201.0, is_open=False)
    assert not spans.has(0, 10)


def test_a_script_without_end_fills_no_memory() -> None:
    spans = SecretSpans()
    for at in range(3 * MOST_KEPT):
        spans.change(at, is_open=True)
        spans.change(at + 0.5, is_open=False)
    assert len(spans._spans) == MOST_KEPT
    assert spans.has(299_100, 299_200) and not spans.has(100, 200)
