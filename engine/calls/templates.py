"""Templates filled from a job or call, and the SIP headers to the agent's phone made of them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ..job import Job

_FIELD = re.compile(r"\{(id|to|context(?:\.([^{}]+))?)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")
MAX_VALUE_CHARS = 1024
MAX_NAME_CHARS = 64


class Subject(NamedTuple):
    """What a template is filled from: a job, or a call that came in. `to` is the customer."""

    id: str
    to: str
    context: Mapping[str, Any]

    @classmethod
    def of(cls, job: Job) -> "Subject":
        """That of a job."""
        return cls(job.id, job.request.to, job.request.context)


def context_headers(templates: Mapping[str, str], subject: Subject) -> tuple[tuple[str, str], ...]:
    """The configured headers with `{id}`, `{to}`, `{context}` and `{context.KEY}` filled in.

    A header all of whose fields are empty is left out. Control characters become a space, so that
    no value can begin a header of its own.
    """
    filled = []
    for name, template in templates.items():
        value = fill(template, subject)
        if value:
            filled.append((name, _UNSAFE.sub(" ", value)[:MAX_VALUE_CHARS]))
    return tuple(filled)


def display_name(subject: Subject) -> str:
    """What the agent's phone shows beside the number: `caller_name` of the context, if any."""
    name = subject.context.get("caller_name")
    text = name if isinstance(name, str) else ""
    return _UNSAFE.sub(" ", text).strip()[:MAX_NAME_CHARS]


def fill(template: str, subject: Subject) -> str:
    """`template` with its fields filled in; empty when it has fields and none has a value."""
    found_any = False
    has_fields = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal found_any, has_fields
        has_fields = True
        value = _value(match, subject)
        found_any = found_any or bool(value)
        return value

    text = _FIELD.sub(value_of, template)
    return "" if has_fields and not found_any else text


def _value(match: re.Match[str], subject: Subject) -> str:
    name, key = match.group(1), match.group(2)
    if name == "id":
        return subject.id
    if name == "to":
        return subject.to
    context = subject.context
    if key is None:
        return msgspec.json.encode(context).decode() if context else ""
    value = context.get(key)
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
