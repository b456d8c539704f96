"""Programs that are held in strings name modules that exist.

Tests and scripts start interpreters with `-c "from engine... import ..."` or `-m engine...`. No
type checker reads these strings, so this test does.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "media", "sip", "web", "scripts", "tests")

_IMPORT = re.compile(
    rf"(?:^|[;\n])[ \t]*(?:from|import)[ \t]+((?:{'|'.join(ROOMS)})(?:\.\w+)*)"
    r"(?:[ \t]+import[ \t]+(\w+))?"
)
_MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+")
_RUN_BY_NAME = re.compile(r"""["']-m["']""")


def files() -> Iterator[Path]:
    """Every file of the rooms."""
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def strings(file: Path) -> Iterator[str]:
    """Every string of a program, docstrings included.

    They are those of its compiled form, which Python keeps: parsing all files takes ten times
    as long.
    """
    code = SourceFileLoader(file.stem, str(file)).get_code(file.stem)
    assert code is not None
    yield from _strings(code)


def _strings(constant: object) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, CodeType):
        for one in constant.co_consts:
            yield from _strings(one)
    elif isinstance(constant, tuple | frozenset):
        for one in constant:
            yield from _strings(one)


@cache
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


def test_the_strings_of_a_program_are_seen_wherever_they_are(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        '"""one"""\nx = ["two", ("three", "four")]\n'
        'class A:\n    def b(self):\n        """five"""\n        return f"{self}six" "seven"\n'
    )
    found = set(strings(file))
    assert {"one", "two", "three", "four", "five", "sixseven"} <= found


def test_programs_in_strings_import_what_exists() -> None:
    strays = {
        f"{file.relative_to(ROOT)}: {module} {name}".rstrip()
        for file in files()
        for text in strings(file)
        for module, name in named(text)
        if not is_there(module, name)
    }
    assert not strays


def test_modules_that_are_run_by_name_exist() -> None:
    strays = set()
    for file in files():
        source = file.read_text()
        if not _RUN_BY_NAME.search(source):
            continue
        for node in ast.walk(ast.parse(source)):
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
