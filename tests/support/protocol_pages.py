"""The pages that document the control protocol, and what the code itself says of it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FIRST_PAGE = (DOCS / "control-protocol.md").read_text()
EVENTS_PAGE = (DOCS / "protocol" / "events.md").read_text()
PAGES = "\n".join(
    [FIRST_PAGE, *(page.read_text() for page in sorted((DOCS / "protocol").glob("*.md")))]
)

# The groups of events, and where no name of a method is meant by the same word.
GROUPS = (
    "callback", "call", "leg", "bridge", "recording", "agent", "line", "customer", "queue", "trunk",
    "webhook", "engine", "number", "person", "alert", "snapshot", "stream",
)  # fmt: skip
EVENT = re.compile(rf"(?:{'|'.join(GROUPS)})\.[a-z_]+")


def documented_events() -> set[str]:
    """The types in the table of events."""
    table = EVENTS_PAGE[EVENTS_PAGE.index("## All events") :]
    found: set[str] = set()
    for line in table.splitlines():
        group = ""
        for name in re.findall(r"`([a-z_.*]+)`", line.split("|")[1] if "|" in line else ""):
            group = group if name.startswith(".") else name.partition(".")[0]
            found.add(group + name if name.startswith(".") else name)
    return found


def words_of_the_engine() -> tuple[set[str], set[str]]:
    """The texts in the code, and what texts that are put together there begin with."""
    words: set[str] = set()
    beginnings: set[str] = set()
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "sip").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    return words - {f"engine.{path.stem}" for path in (ROOT / "engine").glob("*.py")}, beginnings
