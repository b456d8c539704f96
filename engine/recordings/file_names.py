"""The names of the files of recordings: made of a template, and always inside their directory."""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

from .entry import RecordedCall

_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^\w.+@=-]+")
_MOST_VALUE_CHARS = 80
_MOST_PART_BYTES = 200
NOTHING = "none"
"""What stands for a field that the call does not have."""


def safe(value: object) -> str:
    """A value as a part of a name: no separator, no leading dot, not empty, not too long."""
    text = _UNSAFE.sub("_", str(value)).lstrip(".")[:_MOST_VALUE_CHARS]
    return text or NOTHING


def relative_name(
    template: str, recording: str, call: RecordedCall, at: float, zone: tzinfo | None
) -> str:
    """The name that `template` gives, without the ending: parts divided by "/"."""
    moment = datetime.fromtimestamp(at, zone)
    facts: dict[str, object] = {
        "recording": recording, "call": call.call, "job": call.job, "site": call.site,
        "queue": call.queue, "agent": call.agent, "number": call.number,
        "direction": call.direction, "date": f"{moment:%Y-%m-%d}", "time": f"{moment:%H%M%S}",
        "year": f"{moment:%Y}", "month": f"{moment:%m}", "day": f"{moment:%d}",
        "hour": f"{moment:%H}",
    }  # fmt: skip

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("context."):
            known = call.context.get(name.removeprefix("context."))
        else:
            known = facts.get(name)
        return NOTHING if known is None else safe(known)

    parts = [_shortened(part.lstrip(".")) for part in _FIELD.sub(value, template).split("/")]
    return "/".join(part for part in parts if part) or safe(call.call)


def free_path(directory: Path, name: str, ending: str, is_taken: Callable[[str], bool]) -> Path:
    """The file of that name in `directory`, numbered where there is one, or it `is_taken`.

    The endings of all formats count: what it is made of has the same name. Raises OSError.
    """
    number = 1
    while True:
        path = directory / f"{name if number == 1 else f'{name}-{number}'}.{ending}"
        wav = path.with_name(f"{path.name.removesuffix('.' + ending)}.wav")
        if not any(is_taken(str(file)) or file.exists() for file in {path, wav}):
            return path
        number += 1


def _shortened(part: str) -> str:
    while len(part.encode()) > _MOST_PART_BYTES:
        part = part[:-1]
    return part
