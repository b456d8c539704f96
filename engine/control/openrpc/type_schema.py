"""JSON Schema of the code's own types: structs, typed dictionaries and data classes.

msgspec says what a type is on the wire. The sentence under a member in the code becomes the
member's `description`.
"""

import ast
import dataclasses
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Union, get_type_hints, is_typeddict

import msgspec

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"


def components(
    kinds: Iterable[object], instead: Mapping[tuple[type, str], object]
) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each of `kinds`, and of all types that they refer to, by name.

    `instead` has, for a member of a type, the type that it shows in place of the declared one.
    """
    wanted = tuple(kinds)
    alone = [one for kind in wanted for one in _members_of_union(kind)]
    every = tuple(dict.fromkeys([*alone, *instead.values()]))
    found, schemas = msgspec.json.schema_components(every, ref_template=REF)
    by_kind = dict(zip(every, found, strict=True))
    for kind in set(_types_in(every)):
        schema = schemas.get(kind.__name__)
        if schema is None:
            continue
        members = schema.get("properties", {})
        says = sentences(kind)
        for name, member in _wire_names(kind).items():
            if (kind, name) in instead:
                members[member] = _nullable(by_kind[instead[kind, name]])
            if member in members and name in says:
                members[member] = with_sentence(members[member], says[name])
    return [_whole(kind, by_kind) for kind in wanted], schemas


def _members_of_union(kind: object) -> tuple[object, ...]:
    """msgspec knows no unions of typed dictionaries: each is described alone."""
    if typing.get_origin(kind) in (Union, types.UnionType):
        parts = typing.get_args(kind)
        if all(is_typeddict(part) for part in parts):
            return parts
    return (kind,)


def _whole(kind: object, by_kind: Mapping[object, Schema]) -> Schema:
    parts = _members_of_union(kind)
    return by_kind[parts[0]] if len(parts) == 1 else {"anyOf": [by_kind[part] for part in parts]}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def with_sentence(schema: Schema, says: str) -> Schema:
    """The schema of a member, with what it says."""
    # A reference stands alone in JSON Schema drafts before 2019-09.
    if "$ref" in schema:
        return {"description": says, "allOf": [schema]}
    return {"description": says, **schema}


def _types_in(kinds: Iterable[object]) -> Iterator[type]:
    """Every type with members that is reached from `kinds`."""
    waiting, seen = list(kinds), dict[int, object]()  # kept, so that no number is used again
    while waiting:
        kind = waiting.pop()
        if id(kind) in seen:
            continue
        seen[id(kind)] = kind
        waiting += typing.get_args(kind)
        if isinstance(kind, type) and _has_members(kind):
            yield kind
            waiting += get_type_hints(kind, include_extras=False).values()


def _has_members(kind: type) -> bool:
    return is_typeddict(kind) or issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind)


def _wire_names(kind: type) -> dict[str, str]:
    """The name of each member on the wire, by its name in the code."""
    if issubclass(kind, msgspec.Struct):
        return {one.name: one.encode_name for one in msgspec.structs.fields(kind)}
    return {name: name for name in get_type_hints(kind)}


@cache
def sentences(kind: type) -> dict[str, str]:
    """The sentence under each member of a type and of those it inherits from."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):  # made by a function call, or without its source
        return {}
    (node,) = ast.parse(source).body
    if not isinstance(node, ast.ClassDef):
        return {}
    found: dict[str, str] = {}
    # A typed dictionary does not know what it inherits from before Python 3.12.
    named = [one.id for one in node.bases if isinstance(one, ast.Name)]
    bases = [getattr(sys.modules[kind.__module__], name, None) for name in named]
    for base in bases:
        if isinstance(base, type) and _has_members(base):
            found |= sentences(base)
    for member, following in zip(node.body, node.body[1:], strict=False):
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[member.target.id] = " ".join(text.split())
    return found
