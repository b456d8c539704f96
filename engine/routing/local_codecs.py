"""Which codecs work on this machine: all but Opus need nothing that is not installed with us."""

import ctypes
from collections.abc import Iterable
from functools import cache
from typing import Final

_LIBRARIES: Final = ("libopus.so.0", "libopus.so", "libopus.0.dylib")


@cache
def missing() -> dict[str, str]:
    """The codecs that do not work here, and why, for a person."""
    for name in _LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return {}
    return {"opus": "libopus is not on this machine (Debian and Ubuntu: libopus0)"}


def here(codecs: Iterable[str]) -> tuple[str, ...]:
    """Those of `codecs` that work here, in their order."""
    lacking = missing()
    if not lacking:
        return tuple(codecs)
    return tuple(codec for codec in codecs if codec not in lacking)
