"""Cursors: what was given is read back, anything else is refused by name."""

import pytest

from engine.errors import BadParams
from engine.store.cursor import row_of


@pytest.mark.parametrize("row", [1, 7, (1 << 63) - 1])
def test_a_row_is_read_back(row: int) -> None:
    assert row_of(str(row), "audit.list") == row


@pytest.mark.parametrize(
    "cursor", ["", "x", "0", "01", "-1", "1.0", " 1", "²", "٣", str(1 << 63), "9" * 5000]
)
def test_one_never_given_is_refused(cursor: str) -> None:
    with pytest.raises(BadParams, match=r"that audit\.list gave") as raised:
        row_of(cursor, "audit.list")
    assert raised.value.field == "cursor"
