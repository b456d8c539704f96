"""What is wrong with the parameters of a request: the field, and the reason in words."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from ...errors import BadParams

_PATH: Final = re.compile(r" - at (`key` in )?`\$\.?([^`]*)`$")
_MEMBER: Final = re.compile(
    r"^Object (?:missing required|contains unknown) field `(.*)`$", re.DOTALL
)
_PART: Final = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_INVALID: Final = "Invalid enum value "


def explain(
    error: msgspec.ValidationError, kind: type[msgspec.Struct] | None = None
) -> tuple[str, str]:
    """The field (dotted path) that an error is about, and the reason.

    `kind` is the structure of the parameters: a value that is none of some words
    words there are.
    """
    text, path, is_key = str(error), "", False
    found = _PATH.search(text)
    if found:
        is_key, path, text = bool(found[1]), found[2], text[: found.start()]
    words = () if kind is None else _words_at(kind, path, is_key)
    cause = error.__cause__
    member = ""
    if isinstance(cause, BadParams):
        member, text = cause.field, cause.reason
    elif named := _MEMBER.match(text):
        member = named[1]
        text = "missing" if "missing" in text.partition("`")[0] else "unknown"
    elif words:
        given = text.removeprefix(_INVALID) if text.startswith(_INVALID) else ""
        text = f"must be one of {', '.join(words)}" + (f", not {given}" if given else "")
    elif kind is not None and " matching regex " in text and (said := _said_of(kind, path)):
        text = f"must be {said}"
    # A member of an object whose names are the client's is not named by msgspec.
    field = ".".join(part for part in (path.replace("[...]", ""), member) if part)
    return field, text.replace("`", "").replace("Expected", "expected")


@lru_cache(maxsize=256)
def _words_at(kind: type[msgspec.Struct], path: str, is_key: bool) -> tuple[str, ...]:
    """The words of which the value at a path of the structure must be one, if it must."""
    found = _types_at(kind, path)
    if is_key:
        found = [
            one.key_type for kinds in map(_apart, found) for one in kinds
            if isinstance(one, inspect.DictType)
        ]  # fmt: skip
    words: list[str] = []
    for one in (alternative for each in found for alternative in _apart(each)):
        if isinstance(one, inspect.LiteralType):
            words += map(str, one.values)
        elif not isinstance(one, inspect.NoneType):
            return ()  # it may be something else as well
    return tuple(words)


@lru_cache(maxsize=256)
def _said_of(kind: type[msgspec.Struct], path: str) -> str | None:
    """What a text at a path of the structure must be, in words, where its type says so."""
    for one in _types_at(kind, path):
        types = [one, *(one.types if isinstance(one, inspect.UnionType) else ())]
        for inner in types:
            if isinstance(inner, inspect.Metadata):
                said = (inner.extra_json_schema or {}).get("description")
                return None if said is None else str(said)
    return None


def _types_at(kind: type[msgspec.Struct], path: str) -> list[Any]:
    found: list[Any] = [inspect.type_info(kind)]
    for part in _PART.findall(path):
        found = [inner for one in found for inner in _inside(one, part)]
    return found


def _inside(one: Any, part: str) -> Iterator[Any]:
    for alternative in _apart(one):
        if isinstance(alternative, inspect.StructType):
            yield from (field.type for field in alternative.fields if field.encode_name == part)
        elif isinstance(alternative, inspect.DictType) and part == "[...]":
            yield alternative.value_type
        elif isinstance(alternative, inspect.ListType) and part.startswith("["):
            yield alternative.item_type


def _apart(one: Any) -> Iterator[Any]:
    """The alternatives of a type, without what only adds to it."""
    if isinstance(one, inspect.Metadata):
        yield from _apart(one.type)
    elif isinstance(one, inspect.UnionType):
        for inner in one.types:
            yield from _apart(inner)
    else:
        yield one
