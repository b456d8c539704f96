"""Cursors: where the page of a list ended, as a client gives it back for the next."""

import re

from ..errors import BadParams

_ROW = re.compile(r"[1-9][0-9]{0,18}")


def row_of(cursor: str, method: str) -> int:
    """The number of the row that `cursor` stands for. Raises BadParams for one never given."""
    if _ROW.fullmatch(cursor) and int(cursor) < 1 << 63:
        return int(cursor)
    raise never_given(method)


def never_given(method: str) -> BadParams:
    """The error for a cursor that `method` did not give."""
    return BadParams("cursor", f"is not one that {method} gave")
