"""Keeps what fails by a defect of ours from all else: it is logged, and ends alone."""

import traceback
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

FAULT: Final = "a fault of the media worker"
"""The cause of what ended by such a failure, as the engine tells it."""

T = TypeVar("T")


def each_alone(
    some: Iterable[T], act: Callable[[T], object], failed: Callable[[T], object]
) -> None:
    """Do it to each of these. One that fails costs the others nothing: `failed` gets it."""
    for one in some:
        try:
            act(one)
        except Exception:  # noqa: BLE001 - whatever it is, the others go on
            log_fault(one, failed)


def log_fault(one: T, failed: Callable[[T], object]) -> None:
    """An exception is handled of this one, by a defect of ours."""
    traceback.print_exc()
    failed(one)


def ignore(_failed: object) -> None:
    """Nothing follows from a failure but that it is logged."""


def fault(error: BaseException) -> str:
    """Why something has ended that failed by a defect of ours."""
    return f"{FAULT}: {type(error).__name__}: {error}"
