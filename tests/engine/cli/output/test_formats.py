"""Times, durations, numbers and text as people read them."""

import pytest

from engine.cli.output import formats


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (61, "1:01"), (3725, "1:02:05")]
)
def test_duration_with_tenths(seconds: float, text: str) -> None:
    assert formats.duration(seconds, tenths=True) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-1, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_no_duration_between_times_of_which_one_is_missing() -> None:
    assert (formats.between(None, 1.0), formats.between(1.0, None)) == ("", "")
    assert formats.between(1.0, 3.5) == "2.5 s"


def test_printable_text_is_one_line_without_control_characters() -> None:
    assert formats.printable("a\x1b[31m\nb") == "a\ufffd[31m\ufffdb"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "yes"), (False, "no"), (1.5, "1.5"), (2.0, "2"), (0.12345, "0.123"),
        ([1, 2], "1, 2"), ({"a": 1, "b": [True]}, "{a 1, b yes}"), ("x", "x"),
    ],
)  # fmt: skip
def test_values_are_short(value: object, text: str) -> None:
    assert formats.value_text(value) == text
