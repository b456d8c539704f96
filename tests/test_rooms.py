"""Which room may import which, read from the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "config": set(),
    "sip": set(),
    "media": set(),
    "engine": {"sip", "media", "config"},
}
ROOMS = {*MAY_IMPORT, "scripts", "tests"}


def imported_rooms(source: str) -> Iterator[str]:
    """The rooms that `source` imports by absolute name, wherever in the file it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            room = name.split(".")[0]
            if room in ROOMS:
                yield room


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_room_imports_only_what_it_may(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    strays = {
        f"{file.relative_to(ROOT)} imports {other}"
        for file in files
        for other in imported_rooms(file.read_text())
        if other != room and other not in MAY_IMPORT[room]
    }
    assert not strays


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_inside_a_room_imports_are_relative(room: str) -> None:
    strays = {
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / room).rglob("*.py"))
        if room in set(imported_rooms(file.read_text()))
    }
    assert not strays


def test_scripts_reach_the_engine_through_its_client_only() -> None:
    strays = set()
    for file in sorted((ROOT / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                is_engine = node.module.split(".")[0] == "engine"
                allowed = ["engine.request"]
                if file.name == "state_diagrams.py":
                    allowed += ["engine.job", "engine.acd.agent", "engine.acd.queue_entry"]
                if is_engine and node.module not in allowed:
                    strays.add(f"{file.relative_to(ROOT)} imports {node.module}")
    assert not strays


def test_the_client_imports_no_room() -> None:
    files = sorted((ROOT / "clients" / "python" / "ringback_client").glob("*.py"))
    assert files
    assert {room for file in files for room in imported_rooms(file.read_text())} == set()


def test_only_the_command_line_uses_the_client() -> None:
    strays = set()
    for file in sorted((ROOT / "engine").rglob("*.py")):
        name = file.relative_to(ROOT / "engine")
        is_allowed = name.parts[0] == "cli" or name == Path("client.py")
        if not is_allowed and "ringback_client" in file.read_text():
            strays.add(str(name))
    assert strays == set()


def test_sans_io_core_knows_no_socket_and_no_clock() -> None:
    shells = {"udp.py", "tcp.py", "endpoint.py", "resolver.py"}
    forbidden = {"socket", "asyncio", "time", "select", "selectors", "threading"}
    strays = set()
    for file in sorted((ROOT / "sip").rglob("*.py")):
        if file.name in shells:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            strays |= {
                f"{file.relative_to(ROOT)} imports {name}"
                for name in names
                if name.split(".")[0] in forbidden
            }
    assert not strays
