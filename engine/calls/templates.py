"""Templates filled from a job or call, and the SIP headers to the agent's phone made of them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ..job import Job
from . import user_to_user

_FIELD = re.compile(r"\{(id|to|context(?:\.([^{}]+))?)\}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]+")
DEFAULT_BYTES = 1024
MAX_NAME_CHARS = 64
LEFT_OUT = "_left_out"
"""The key of a context that does not have all keys in a header."""
_COUNT_BYTES = 6


class Subject(NamedTuple):
    """What a template is filled from: a job, or a call that came in. `to` is the customer."""

    id: str
    to: str
    context: Mapping[str, Any]

    @classmethod
    def of(cls, job: Job) -> "Subject":
        """That of a job."""
        return cls(job.id, job.request.to, job.request.context)


def context_headers(
    templates: Mapping[str, str], subject: Subject, most_bytes: int = DEFAULT_BYTES
) -> tuple[tuple[str, str], ...]:
    """The configured headers with `{id}`, `{to}`, `{context}` and `{context.KEY}` filled in.

    A header all of whose fields are empty is left out. None is longer than `most_bytes`: where it
    would be, `{context}` has fewer keys (see `fitted_context`), and any other value is cut off.
    Control characters become a space, so that no value can begin a header of its own.
    User-to-User is written as RFC 7433 wants it.
    """
    filled = []
    for name, template in templates.items():
        is_hex = user_to_user.is_user_to_user(name)
        room = user_to_user.most_text_bytes(most_bytes) if is_hex else most_bytes
        value = fill(template, subject)
        if len(value.encode()) > room and "{context}" in template:
            fields = template.count("{context}")
            other = len(value.encode()) - fields * len(_json(subject.context))
            fitted = fitted_context(subject.context, (room - other) // fields)
            if fitted is None:
                continue
            value = fill(template, subject, fitted)
        if value:
            value = _cut(_UNSAFE.sub(" ", value), room)
            filled.append((name, user_to_user.written(value) if is_hex else value))
    return tuple(filled)


def fitted_context(context: Mapping[str, Any], most_bytes: int) -> str | None:
    """The context as JSON of at most `most_bytes`, with LEFT_OUT where keys are missing.

    Its keys are looked at in the order in which the client gave them. One that does not fit is left
    out with its whole value, and the next is looked at. LEFT_OUT has the names of those, or says
    how many they are where their names do not fit. None: not even that fits.
    """
    whole = _json(context)
    if len(whole) <= most_bytes:
        return whole.decode()
    sizes = {key: (len(_json(key)), len(_json(value))) for key, value in context.items()}
    sizes.pop(LEFT_OUT, None)
    for has_names in (True, False):
        # All are left out at first, and come in one by one.
        names = sum(name + 1 for name, _value in sizes.values()) + 1 if has_names else _COUNT_BYTES
        room = most_bytes - len(_json({LEFT_OUT: 0})) + 1 - names
        if room < 0:
            continue
        kept: dict[str, Any] = {}
        for key, (name, value) in sizes.items():
            costs = name + 1 + value + 1 - (name + 1 if has_names else 0)
            if costs <= room:
                room -= costs
                kept[key] = context[key]
        left_out = [key for key in sizes if key not in kept]
        said = _json({**kept, LEFT_OUT: left_out if has_names else len(left_out)})
        return said.decode()
    return None


def display_name(subject: Subject) -> str:
    """What the agent's phone shows beside the number: `caller_name` of the context, if any."""
    name = subject.context.get("caller_name")
    text = name if isinstance(name, str) else ""
    return _UNSAFE.sub(" ", text).strip()[:MAX_NAME_CHARS]


def fill(template: str, subject: Subject, context: str | None = None) -> str:
    """`template` with its fields filled in; empty when it has fields and none has a value.

    `context` stands for `{context}`, where it is not all of the subject's.
    """
    found_any = False
    has_fields = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal found_any, has_fields
        has_fields = True
        is_context = match[1] == "context" and context is not None
        value = context or "" if is_context else _value(match, subject)
        found_any = found_any or bool(value)
        return value

    text = _FIELD.sub(value_of, template)
    return "" if has_fields and not found_any else text


def fill_sentence(template: str, subject: Subject) -> str:
    """`template` with its fields filled in. What stands around one without a value is kept."""
    return _FIELD.sub(lambda match: _value(match, subject), template)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _cut(text: str, most_bytes: int) -> str:
    """The beginning of a text, with whole characters."""
    return text.encode()[:most_bytes].decode(errors="ignore")


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
