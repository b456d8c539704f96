"""Telephone numbers of visitors."""

from web.numbers import one_number


def test_a_number_is_one_however_it_is_written() -> None:
    for text in ("020 7946 0123", "+44 20 7946 0123", "0044-20-7946-0123", "(020) 79460123"):
        assert one_number(text, "GB") == "+442079460123"
    assert one_number("call 1", "GB") == "1"
