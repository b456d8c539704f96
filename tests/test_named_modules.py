"""Programs that are held in strings name modules that exist.

Tests and scripts start interpreters with `-c "from engine... import ..."` or `-m engine...`. No
type checker reads these strings, so this test does.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "media", "sip", "web", "scripts", "tests")

_IMPORT = re.compile(
    rf"(?:^|[;\n])[ \t]*(?:from|import)[ \t]+((?:{'|'.join(ROOMS)})(?:\.\w+)*)"
    r"(?:[ \t]+import[ \t]+(\w+))?"
)
_MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+")


def strings(source: str) -> Iterator[str]:
    """Every string of a program, docstrings included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def exists(module: str) -> bool:
    """Whether there is such a module or package in this tree."""
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def named(text: str) -> Iterator[tuple[str, str]]:
    """Each module that a program in `text` imports, and the name it imports from there."""
    for found in _IMPORT.finditer(text):
        yield found[1], found[2] or ""


def is_there(module: str, name: str) -> bool:
    """Whether `name` is a module of the package `module`, or is written in the module's file."""
    if not exists(module):
        return False
    path = ROOT.joinpath(*module.split("."))
    if not name or exists(f"{module}.{name}"):
        return True
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return re.search(rf"\b{name}\b", file.read_text()) is not None


def test_programs_in_strings_import_what_exists() -> None:
    strays = {
        f"{file.relative_to(ROOT)}: {module} {name}".rstrip()
        for room in ROOMS
        for file in sorted((ROOT / room).rglob("*.py"))
        for text in strings(file.read_text())
        for module, name in named(text)
        if not is_there(module, name)
    }
    assert not strays


def test_modules_that_are_run_by_name_exist() -> None:
    strays = set()
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Tuple | ast.List | ast.Call):
                    continue
                parts = node.args if isinstance(node, ast.Call) else node.elts
                words = [part.value if isinstance(part, ast.Constant) else None for part in parts]
                strays |= {
                    f"{file.relative_to(ROOT)}: {module}"
                    for flag, module in itertools.pairwise(words)
                    if flag == "-m"
                    and isinstance(module, str)
                    and _MODULE.fullmatch(module)
                    and not exists(module)
                }
    assert not strays
