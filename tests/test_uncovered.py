"""The list of functions that tests do not reach in full names functions that exist."""

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts.line_coverage import EXPLAINED, explained

ROOT = Path(__file__).resolve().parent.parent


def functions(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """The names of all functions below a node, as coverage gives them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name
            yield from functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def test_every_function_in_the_list_exists() -> None:
    strays = []
    for name in explained(EXPLAINED):
        path, _, function = name.partition(" ")
        file = ROOT / path
        if not file.is_file():
            strays.append(path)
        elif function and function not in functions(ast.parse(file.read_text())):
            strays.append(name)
    assert not strays


def test_every_reason_is_a_sentence() -> None:
    assert [why for why in explained(EXPLAINED).values() if len(why.split()) < 4] == []
