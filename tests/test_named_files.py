"""Files that the documents name are there, so that whoever looks for one finds it.

A name is a path from the root, or from the room that the document speaks of; or, in a row of a
table, of a file beside the one before it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/protocol").glob("*.md")]
)
ROOMS = ("", "engine", "sip", "media", "media/worker", "web", "config", "docs", "scripts/bench")
WORKING = frozenset({"run/"})
"""What a running engine makes."""

_NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|c|h)|(?:[\w.-]+/)+)(?:::\w+)?`")
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def named(line: str) -> Iterator[tuple[str, Path | None]]:
    """Each file or folder that a line names, and where it is; None where it is nowhere."""
    beside: list[Path] = []
    for name in _NAMED.findall(line):
        places = [*beside, *(ROOT / room for room in ROOMS)]
        found = next((place / name for place in places if (place / name).exists()), None)
        yield name, found
        if found is not None:
            beside = [found.parent, *beside]


def strays(document: Path) -> list[str]:
    """What a document names that is not there. Names in capitals stand for any."""
    text = _CODE.sub("", document.read_text())
    return [
        f"{document.relative_to(ROOT)}: {name}"
        for line in text.splitlines()
        for name, found in named(line)
        if found is None and name not in WORKING and not re.search("[A-Z]{3}", name)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_what_is_there(document: Path) -> None:
    assert strays(document) == []


def rows_of(text: str) -> list[str]:
    """The rows of the tables that say in which file something is."""
    return [line for line in text.splitlines() if line.startswith("| ") and line != "| … | File |"]


def test_the_rows_that_say_where_to_change_what_name_files() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text().partition("## Where do I change")[2]
    most_needed = rows_of(architecture.partition("\n## ")[0])
    all_of_them = rows_of((ROOT / "docs/where-to-change.md").read_text())
    assert 12 <= len(most_needed) <= 18 < len(all_of_them)
    assert [row for row in most_needed + all_of_them if not list(named(row))] == []
