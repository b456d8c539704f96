"""Marks of packets, by number and by name."""

import pytest
from pydantic import ValidationError

from config.sip import Sip


@pytest.mark.parametrize(
    ("written", "dscp"),
    [(0, 0), (63, 63), ("26", 26), ("cs3", 24), ("CS5", 40), ("af31", 26), ("ef", 46), ("va", 44)],
)
def test_marks(written: object, dscp: int) -> None:
    assert Sip.model_validate({"dscp": written}).dscp == dscp


@pytest.mark.parametrize("written", [-1, 64, "cs9", "af44", "high", "", 1.5])
def test_marks_that_there_are_not(written: object) -> None:
    with pytest.raises(ValidationError):
        Sip.model_validate({"dscp": written})
