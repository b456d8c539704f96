"""How many examples of a costly property are tried."""

from typing import Any

from hypothesis import settings


def at_most(number: int, **more: Any) -> settings:
    """As many as the profile says, but no more than `number`: for examples that take long each."""
    return settings(max_examples=min(number, settings().max_examples), **more)
