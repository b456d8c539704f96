"""The process that counts one large report: a question comes in, its pages go out, it ends.

It reads the store's file beside the engine, at a lower priority.
"""

import contextlib
import os
import sqlite3
import sys
from pathlib import Path

import msgspec

from ..errors import BadParams
from .report_count import Page, Question, answer

NICENESS = 10
BUSY_TIMEOUT_S = 5.0


class Order(msgspec.Struct, frozen=True):
    """What to count, in which file."""

    path: str
    asked: Question


class Reply(msgspec.Struct, frozen=True, tag="pages"):
    """The page that was asked for, and those after it."""

    pages: list[Page]


class Refusal(msgspec.Struct, frozen=True, tag="refused"):
    """The question cannot be answered: which parameter is wrong, and why."""

    field: str
    reason: str


def main() -> None:
    """Answer the order on standard input on standard output."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    connection = sqlite3.connect(
        f"{Path(order.path).resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
    )
    reply: Reply | Refusal
    try:
        reply = Reply(answer(connection, order.asked))
    except BadParams as error:
        reply = Refusal(error.field, error.reason)
    sys.stdout.buffer.write(msgspec.json.encode(reply))
    sys.stdout.buffer.flush()
    os._exit(0)  # freeing the rows would take as long as reading them did


if __name__ == "__main__":
    main()
