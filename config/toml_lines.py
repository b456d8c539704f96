"""A TOML file: what it has, and on which line each key stands, so that an error names it.

Parsers of TOML forget the lines. tree-sitter's grammar keeps them, also where the file is wrong.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from .errors import ConfigError

Location = tuple[str | int, ...]

_LANGUAGE = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")


def read_toml(file: str) -> tuple[str, dict[str, Any]]:
    """The text of a file, and its data. Raises ConfigError where it cannot be read."""
    try:
        text = Path(file).read_text("utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise ConfigError(file, "", f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(file, "", f"is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, "", f"is not TOML: {error}") from error


def lines_of(text: str) -> Mapping[Location, int]:
    """The line, from 1, of each key and each entry of a list, by its location in the data."""
    found: dict[Location, int] = {}
    entries: dict[Location, int] = {}  # how many entries of a list of tables there are so far
    for node in Parser(_LANGUAGE).parse(text.encode()).root_node.children:
        if node.type == "pair":
            _pair(node, (), found)
        elif node.type in ("table", "table_array_element"):
            location: Location = ()
            *outer, last = _header(node)
            for key in outer:
                location = _newest((*location, key), entries)
            location = (*location, last)
            if node.type == "table_array_element":
                entries[location] = entries.get(location, -1) + 1
            location = _newest(location, entries)
            found.setdefault(location, _line(node))
            for child in node.children:
                if child.type == "pair":
                    _pair(child, location, found)
    return found


def line_at(lines: Mapping[Location, int], location: Location) -> int | None:
    """The line of what stands nearest to a location: the key itself, or the table around it."""
    for length in range(len(location), 0, -1):
        if (line := lines.get(location[:length])) is not None:
            return line
    return None


def _newest(location: Location, entries: Mapping[Location, int]) -> Location:
    """The location of the newest entry, where it is that of a list of tables."""
    index = entries.get(location)
    return location if index is None else (*location, index)


def _header(table: Node) -> list[str]:
    return next(list(_names(child)) for child in table.children if child.type in _KEYS)


def _pair(pair: Node, table: Location, found: dict[Location, int]) -> None:
    location = (*table, *_names(pair.children[0]))
    found.setdefault(location, _line(pair))
    _value(pair.children[-1], location, found)


def _value(value: Node, location: Location, found: dict[Location, int]) -> None:
    if value.type == "inline_table":
        for child in value.children:
            if child.type == "pair":
                _pair(child, location, found)
    elif value.type == "array":
        members = [one for one in value.children if one.is_named and one.type != "comment"]
        for index, member in enumerate(members):
            found[*location, index] = _line(member)
            _value(member, (*location, index), found)


def _names(key: Node) -> Iterator[str]:
    if key.type == "dotted_key":
        for child in key.children:
            if child.type in _KEYS:
                yield from _names(child)
        return
    text = (key.text or b"").decode()
    yield json.loads(text) if text.startswith('"') else text.strip("'")


def _line(node: Node) -> int:
    return node.start_point[0] + 1
