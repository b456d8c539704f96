"""Whether a SIP message is about a number, however that is written in it."""

import re
from collections.abc import Iterator
from typing import Final

_user = re.compile(rb"(?:sips?:|tel:)([^@;>\s:,\"]+)", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_FEWEST_DIGITS: Final = 6


def is_same_number(one: str, other: str) -> bool:
    """Whether two spellings are of one number: +44 20 7946 0000, 02079460000, 442079460000.

    Short ones, and names, have to be the same but for case.
    """
    if one.lower() == other.lower():
        return True
    first, second = _digits(one), _digits(other)
    if first is None or second is None or min(len(first), len(second)) < _FEWEST_DIGITS:
        return False
    return first.endswith(second) or second.endswith(first)


def _digits(text: str) -> str | None:
    """The digits without what is dialled before them; None where it has anything else."""
    bare = text.translate({ord(c): None for c in "+ -.()/"})
    return bare.lstrip("0") if bare.isascii() and bare.isdigit() else None


def users_in(message: bytes) -> Iterator[str]:
    """The user parts of the URIs in the head of a message."""
    head = message.partition(_HEAD_END)[0]
    for found in _user.findall(head):
        yield found.decode("utf-8", "replace")
