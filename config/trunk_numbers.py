"""How a trunk writes numbers: `numbers_out` and `numbers_in` of [[trunks]]."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from .errors import reject
from .section import Section
from .values import Region

# How a number in full is written: without its plus sign, as people of the country dial it, or with
# the plus sign.
NumberFormat = Literal["e164", "national", "plus"]

_DIALLED = re.compile(r"\+?[0-9*#]{0,32}")
_MOST_STRIPPED = 32


def _check_dialled(text: str) -> str:
    if not _DIALLED.fullmatch(text):
        raise reject(f"{text!r} must be up to 32 digits, * and #, after a + if any")
    return text


def _check_stripped(value: object) -> object:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if is_count and not 0 <= int(str(value)) <= _MOST_STRIPPED:
        raise reject(f"must be 0 to {_MOST_STRIPPED} characters")
    if not is_count and not isinstance(value, str):
        raise reject('must be a count of characters, or the characters themselves: 2 or "00"')
    return _check_dialled(value) if isinstance(value, str) else value


Dialled = Annotated[str, AfterValidator(_check_dialled)]
# So many characters, or these where a number begins with them.
Stripped = Annotated[int | str, BeforeValidator(_check_stripped)]


class NumberRewriting(Section):
    """`numbers_in`, and what it shares with `numbers_out`.

    The keys without `caller_` are about the number that is called, the others about the caller's;
    `caller_format` is `format` where it is left out. `region` is the country of the trunk; None:
    dial.default_region.
    """

    format: NumberFormat | None = None
    strip: Stripped = 0
    prepend: Dialled = ""
    caller_format: NumberFormat | None = None
    caller_strip: Stripped = 0
    caller_prepend: Dialled = ""
    region: Region | None = None


class OutgoingNumbers(NumberRewriting):
    """`numbers_out`. `extensions`: extensions and short codes are stripped and prepended too."""

    extensions: bool = False
