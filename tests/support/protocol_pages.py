"""The pages that document the control protocol."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FIRST_PAGE = (DOCS / "control-protocol.md").read_text()
EVENTS_PAGE = (DOCS / "protocol" / "events.md").read_text()
PAGES = "\n".join(
    [FIRST_PAGE, *(page.read_text() for page in sorted((DOCS / "protocol").glob("*.md")))]
)
