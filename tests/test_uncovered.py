"""The list of functions that tests do not reach in full names functions that exist."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from scripts.line_coverage import EXPLAINED, explained

ROOT = Path(__file__).resolve().parent.parent


@cache
def functions(file: Path) -> frozenset[str]:
    """The names of all functions of a file, as coverage gives them."""
    return frozenset(_below(ast.parse(file.read_text()), ""))


def _below(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name
            yield from _below(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _below(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):  # no function has its name there
            yield from _below(child, prefix)


def test_every_function_in_the_list_exists() -> None:
    strays = []
    for name in explained(EXPLAINED):
        path, _, function = name.partition(" ")
        file = ROOT / path
        if not file.is_file():
            strays.append(path)
        elif function and function not in functions(file):
            strays.append(name)
    assert not strays


def test_every_reason_is_a_sentence() -> None:
    assert [why for why in explained(EXPLAINED).values() if len(why.split()) < 4] == []
