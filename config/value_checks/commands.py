"""Commands of the administrator, and other templates with fields in braces."""

import re
from collections.abc import Sequence

from ..errors import wrong

_FIELD = re.compile(r"\{([^{}]*)\}")


def check_fields(text: str, known: Sequence[str], *, key: str = "", with_context: bool) -> None:
    """Raise ValueError for a field that is not known; `with_context`: {context.KEY} is."""
    rest = _FIELD.sub("", text)
    if "{" in rest or "}" in rest:
        raise wrong(key, "has a brace without its partner")
    for field in _FIELD.findall(text):
        is_of_context = with_context and field.startswith("context.") and len(field) > 8
        if field not in known and not is_of_context:
            listed = ", ".join(f"{{{one}}}" for one in known)
            more = " and {context.KEY}" if with_context else ""
            raise wrong(key, f"{{{field}}} is not known; there are {listed}{more}")


def check_command(command: Sequence[str], fields: Sequence[str], key: str) -> None:
    """Raise ValueError for a command that is no full path, or has other `fields` in braces."""
    if not command[0].startswith("/"):
        raise wrong(key, f"{command[0]!r} is not the full path of a program")
    for argument in command:
        check_fields(argument, fields, key=key, with_context=False)
