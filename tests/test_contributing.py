"""What CONTRIBUTING.md names is there: files, what they hold, folders, commands, and every room."""

import re
from pathlib import Path

import pytest

from tests.test_layers import MAY_IMPORT

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
KINDS = ("a method", "a state", "a configuration key", "a SIP extension", "a codec")
_PATH = re.compile(r"`([\w.<>*-]+(?:/[\w.<>*-]*)+|[A-Z]+\.md)`")
_HELD = re.compile(r"`([\w/]+\.\w+)`\s+\(([^)]*)\)")
_MAKE = re.compile(r"`make ([\w-]+)`")


def section(title: str) -> str:
    """The text below a heading."""
    _, found, rest = TEXT.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def list_of(kind: str) -> str:
    """The list of files for one kind of addition."""
    found = re.search(rf"- \*\*{kind}:\*\*(.*?)(?=\n- \*\*|\Z)", section("How to add …"), re.S)
    assert found is not None, f"there is no list for {kind}"
    return found[1]


def missing_paths(text: str) -> list[str]:
    """The paths in a text at which there is nothing; `<word>` in one stands for any word."""
    return [
        path
        for path in _PATH.findall(text)
        if not any(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("/"))))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_names_files_that_exist(kind: str) -> None:
    text = list_of(kind)
    assert len(_PATH.findall(text)) >= 4
    assert missing_paths(text) == []


def test_every_other_file_and_folder_exists() -> None:
    assert missing_paths(TEXT) == []


def test_what_a_file_is_said_to_hold_is_in_it() -> None:
    strays = [
        f"{path}: {name}"
        for path, words in _HELD.findall(TEXT)
        for name in re.findall(r"`(\w+)`", words)
        if name not in (ROOT / path).read_text()
    ]
    assert strays == []
    assert _HELD.search("`media/protocol/messages.py` (`Codec`)") is not None


def test_every_command_of_make_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(_MAKE.findall(TEXT)) <= targets
    assert "coverage" in _MAKE.findall(TEXT)


def test_the_lists_are_those_of_these_kinds() -> None:
    assert set(KINDS) <= set(re.findall(r"- \*\*(.*?):\*\*", section("How to add …")))


def test_every_room_is_listed() -> None:
    listed = set(re.findall(r"^- `([\w/]+)`", section("Rooms"), re.M))
    packages = {
        file.parent.relative_to(ROOT).as_posix()
        for room in ("config", "engine", "media", "sip", "web")
        for file in (ROOT / room).glob("*/__init__.py" if room == "engine" else "__init__.py")
    }
    assert packages <= listed
    assert {room for room in listed if not (ROOT / room).is_dir()} == set()


def test_a_room_imports_only_those_above_it_in_the_list() -> None:
    listed = re.findall(r"^- `(engine/\w+)`", section("Rooms"), re.M)
    order = {room.replace("/", "."): place for place, room in enumerate(listed)}
    below = [
        f"{room} imports {other}"
        for room in order
        for other in MAY_IMPORT[room]
        if order.get(other, -1) > order[room]
    ]
    assert below == []


def test_what_ci_runs_is_what_is_written() -> None:
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in commands if line.startswith("make")] == [
        "make lint",
        "make test PROFILE=ci",
    ]
    readme = (ROOT / "README.md").read_text()
    for text in (TEXT, readme):
        assert "`.ci/run`" in text and "make lint" in text and "make test PROFILE=ci" in text


def test_each_decision_has_a_number_of_its_own_which_its_heading_says() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [file.name.partition("-")[0] for file in files]
    assert sorted(set(numbers)) == numbers
    headings = [re.match(r"# (\d+)", file.read_text()) for file in files]
    assert [found and found[1] for found in headings] == numbers
