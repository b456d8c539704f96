"""Every type of event, and every member of one, is expected by some test."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from engine.control.event_types import EVENT_TYPES

TESTS = Path(__file__).parents[2]
# These hold lists against each other. They do not see an event that is published.
OF_LISTS = {"test_documented_protocol.py", "test_schema.py", "test_compatibility.py"}
# What these are given is published by the test itself.
PUBLISHES = {"publish", "at", "Delivery", "EventRow"}


@cache
def expected() -> frozenset[str]:
    """Every word that a test compares with something, asserts, or waits for."""
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        if file.name not in OF_LISTS and file != Path(__file__):
            found.update(_words(ast.parse(file.read_text()), is_expected=False))
    return frozenset(found)


def _words(node: ast.AST, *, is_expected: bool) -> Iterator[str]:
    if isinstance(node, ast.Assert | ast.Compare):
        is_expected = True
    elif isinstance(node, ast.For):  # over the names of what is expected
        yield from _words(node.iter, is_expected=True)
    elif isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        is_expected = name not in PUBLISHES
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_expected:
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _words(child, is_expected=is_expected)


def test_every_type_of_event_is_expected_by_a_test() -> None:
    silent = {kind for kind in EVENT_TYPES if kind not in expected()}
    assert silent == set(), "no test would notice that these are published no more"


def test_every_member_of_an_event_is_expected_by_a_test() -> None:
    members = {member for kind in EVENT_TYPES.values() for member in kind.members}
    silent = members - expected()
    assert silent == set(), "no test would notice that these are missing"
