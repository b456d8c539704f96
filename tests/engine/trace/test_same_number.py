"""Numbers are recognised however a trunk writes them."""

import pytest

from engine.trace.same_number import is_same_number, users_in
from tests.support.traces import request

WANTED = "+442079460000"


@pytest.mark.parametrize(
    "written", ["+442079460000", "442079460000", "02079460000", "00442079460000", "020 7946-0000"]
)
def test_each_spelling_of_a_number_is_that_number(written: str) -> None:
    assert is_same_number(written, WANTED) and is_same_number(WANTED, written)


@pytest.mark.parametrize("other", ["+442079460001", "60000", "alice", "", "0", "+4420794600001"])
def test_another_number_is_not(other: str) -> None:
    assert not is_same_number(other, WANTED)


def test_names_and_extensions_have_to_be_the_same() -> None:
    assert is_same_number("Alice", "alice") and is_same_number("1001", "1001")
    assert not is_same_number("1001", "91001")


def test_the_users_of_the_uris_in_the_head_are_found_and_no_others() -> None:
    more = 'P-Asserted-Identity: <tel:+15551234567>\r\nContact: "x" <sips:bob:pw@h>\r\n'
    message = request("INVITE", "1", more=more, body=b"sip:body@h")
    assert list(users_in(message)) == ["x", "+442079460000", "alice", "+15551234567", "bob"]
    assert list(users_in(b"\xff\xfe")) == []
