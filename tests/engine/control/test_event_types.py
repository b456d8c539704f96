"""Every type of event, and every member of one, is expected by some test."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.control.event_types import EVENT_TYPES

TESTS = Path(__file__).parents[2]
# These hold lists against each other. They do not see an event that is published.
OF_LISTS = {"test_documented_protocol.py", "test_schema.py", "test_compatibility.py"}
# What these are given is published by the test itself.
PUBLISHES = {"publish", "at", "Delivery", "EventRow"}


def not_expected(words: Iterable[str]) -> set[str]:
    """Those of the words that no test compares with something, asserts, or waits for."""
    left = set(words)
    for file in TESTS.rglob("test_*.py"):
        if file.name in OF_LISTS or file == Path(__file__):
            continue
        text = file.read_text()
        if any(word in text for word in left):
            left.difference_update(_words(ast.parse(text), is_expected=False))
    return left


def _words(tree: ast.AST, *, is_expected: bool) -> Iterator[str]:
    waiting = [(tree, is_expected)]
    while waiting:
        node, is_expected = waiting.pop()
        if isinstance(node, ast.Assert | ast.Compare):
            is_expected = True
        elif isinstance(node, ast.For):  # over the names of what is expected
            waiting.append((node.iter, True))
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else _name(function)
            is_expected = name not in PUBLISHES
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_expected:
            yield node.value
        waiting += [(child, is_expected) for child in ast.iter_child_nodes(node)]


def _name(function: ast.AST) -> str:
    return function.id if isinstance(function, ast.Name) else ""


def test_every_type_of_event_is_expected_by_a_test() -> None:
    silent = not_expected(EVENT_TYPES)
    assert silent == set(), "no test would notice that these are published no more"


def test_every_member_of_an_event_is_expected_by_a_test() -> None:
    silent = not_expected(member for kind in EVENT_TYPES.values() for member in kind.members)
    assert silent == set(), "no test would notice that these are missing"
