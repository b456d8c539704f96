"""The headers that carry a callback's context to the operator's phone."""

import re
from collections.abc import Mapping

import msgspec

from .job import Job

_FIELD = re.compile(r"\{(id|to|context(?:\.([^{}]+))?)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")
MAX_VALUE_CHARS = 1024


def context_headers(templates: Mapping[str, str], job: Job) -> tuple[tuple[str, str], ...]:
    """The configured headers with `{id}`, `{to}`, `{context}` and `{context.KEY}` filled in.

    A header all of whose fields are empty for this job is left out. Control characters become a
    space, so that no value can begin a header of its own.
    """
    filled = []
    for name, template in templates.items():
        value = fill(template, job)
        if value:
            filled.append((name, _UNSAFE.sub(" ", value)[:MAX_VALUE_CHARS]))
    return tuple(filled)


def fill(template: str, job: Job) -> str:
    """`template` with its fields filled in; empty when it has fields and none has a value."""
    found_any = False
    has_fields = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal found_any, has_fields
        has_fields = True
        value = _value(match, job)
        found_any = found_any or bool(value)
        return value

    text = _FIELD.sub(value_of, template)
    return "" if has_fields and not found_any else text


def _value(match: re.Match[str], job: Job) -> str:
    name, key = match.group(1), match.group(2)
    if name == "id":
        return job.id
    if name == "to":
        return job.request.to
    context = job.request.context
    if key is None:
        return msgspec.json.encode(context).decode() if context else ""
    value = context.get(key)
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
