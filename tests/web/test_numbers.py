"""Telephone numbers of visitors."""

from web.numbers import one_number, plain


def test_a_number_is_one_however_it_is_written() -> None:
    for text in ("020 7946 0123", "+44 20 7946 0123", "0044-20-7946-0123", "(020) 79460123"):
        assert one_number(text, "GB") == "+442079460123"
    assert one_number("call 1", "GB") == "1"


def test_what_cannot_be_seen_is_no_part_of_a_number() -> None:
    pasted = "\u202a+44\u00a020 7946\u20090123\u202c\n"
    assert plain(pasted) == "+44 20 7946 0123"
    assert one_number(pasted, "DE") == "+442079460123"
    assert plain("\u200b") == ""
