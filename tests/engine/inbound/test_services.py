"""What calls that come in use besides what every call flow uses."""

from typing import Any, cast

import pytest

from engine.inbound.services import InboundServices


class Kept:
    """Positions that callers left behind."""

    def __init__(self, *kept: tuple[str, str]) -> None:
        self._kept = kept

    def has(self, queue: str, number: str | None) -> bool:
        return (queue, number) in self._kept


class Callbacks:
    """Positions of callbacks that wait."""

    def __init__(self, *waiting: tuple[str, str]) -> None:
        self._waiting = waiting

    def position_of(self, number: str | None, queue: str) -> float | None:
        return 100.0 if (queue, number) in self._waiting else None


ANNA, BEN, CLARA = "+442079460001", "+442079460002", "+442079460003"


@pytest.mark.parametrize(
    ("queue", "number", "has_position"),
    [
        ("sales", ANNA, True),  # their own
        ("sales", BEN, True),  # a callback's
        ("sales", CLARA, False),
        ("help", ANNA, False),
        ("sales", None, False),
    ],
)
def test_a_position_is_the_callers_own_or_that_of_their_callback(
    queue: str, number: str | None, has_position: bool
) -> None:
    unused: Any = None
    services = InboundServices(
        router=unused,
        admission=unused,
        intake=unused,
        takeover=cast(Any, Callbacks(("sales", BEN))),
        history=unused,
        positions=cast(Any, Kept(("sales", ANNA))),
        peers=unused,
        verification=unused,
        page_calls=unused,
        page_owners=unused,
    )
    assert services.has_position(queue, number) is has_position
