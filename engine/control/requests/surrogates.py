r"""Half of a surrogate pair (`\ud83d` alone), which JSON can write and which is no character.

Such a line is JSON by its grammar, so its request has an id, and is told which field is wrong.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_REPLACEMENT: Final = rb"\ufffd"
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class Half(NamedTuple):
    """Where the half of a pair is: the dotted path of the first text that has one."""

    path: str
    mended: bytes
    """The line with another character in its place, which can be read."""


def find_half(line: bytes) -> Half | None:
    """The half of a pair in a line that is a JSON object; None: there is none."""
    halves = list(_halves(line))
    if not halves:
        return None
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    path = _path_of(request, "") if isinstance(request, dict) else None
    if path is None:
        return None
    mended = bytearray(line)
    for at in halves:
        mended[at : at + len(_REPLACEMENT)] = _REPLACEMENT
    return Half(path, bytes(mended))


def _halves(line: bytes) -> Iterator[int]:
    """Where in the line an escape is that stands for half of a character."""
    first: re.Match[bytes] | None = None  # waits for its second half, which follows at once
    for found in _ESCAPE.finditer(line):
        code = int(found[1], 16) if found[1] else 0
        is_second = 0xDC00 <= code <= 0xDFFF
        if first is not None and is_second and found.start() == first.end():
            first = None
            continue
        if first is not None:
            yield first.start()
            first = None
        if is_second:
            yield found.start()
        elif 0xD800 <= code <= 0xDBFF:
            first = found
    if first is not None:
        yield first.start()


def _path_of(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return path if any("\ud800" <= one <= "\udfff" for one in value) else None
    inside: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for name, inner in value.items():
            if _path_of(name, path) is not None:
                return path
            inside.append((f"{path}.{name}" if path else name, inner))
    elif isinstance(value, list):
        inside = [(f"{path}[{number}]", inner) for number, inner in enumerate(value)]
    for where, inner in inside:
        if (found := _path_of(inner, where)) is not None:
            return found
    return None
