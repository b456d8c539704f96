"""Marks of packets (DSCP), by number or by name."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from .errors import wrong

CLASS_SELECTOR_3 = 24  # signalling
EXPEDITED_FORWARDING = 46  # voice
_CODE_POINTS = {
    "default": 0,
    **{f"cs{number}": 8 * number for number in range(8)},
    **{f"af{klass}{drop}": 8 * klass + 2 * drop for klass in range(1, 5) for drop in range(1, 4)},
    "va": 44,
    "ef": EXPEDITED_FORWARDING,
}


def _dscp(value: object) -> object:
    """A code point by its name in RFC 2474, 2597, 3246 or 5865, or as it is."""
    if not isinstance(value, str):
        return value
    name = value.strip().lower()
    if name.isascii() and name.isdigit():
        return int(name)
    if name not in _CODE_POINTS:
        raise wrong("", f"{value!r} is no DSCP; it is 0 to 63, or a name such as cs3, af31 or ef")
    return _CODE_POINTS[name]


def _check_dscp(dscp: int) -> int:
    if not 0 <= dscp <= 63:
        raise wrong("", f"{dscp} is no DSCP; it is 0 to 63, or a name such as cs3, af31 or ef")
    return dscp


Dscp = Annotated[int, BeforeValidator(_dscp), AfterValidator(_check_dscp)]
