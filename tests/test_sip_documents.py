"""docs/sip.md and docs/interop.md name tests that there are."""

import re
from pathlib import Path

import pytest

from tests.sipp.called import CALLED
from tests.sipp.calls import CALLS

# What docs/sip.md has to speak of, besides RFC 3261.
DOCUMENTS = (
    2474, 2782, 3204, 3262, 3263, 3264, 3311, 3323, 3325, 3326, 3327, 3398, 3428, 3515, 3550, 3581,
    3605, 3608, 3711, 3891, 3903, 4028, 4475, 4488, 4566, 4568, 4733, 5118, 5246, 5621, 5626, 5761,
    5806, 5922, 5923, 6026, 6086, 6228, 6337, 6432, 6442, 6665, 7044, 7301, 7616, 7714, 8224, 8225,
    8446, 8760, 8866,
)  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("page", ["sip.md", "interop.md"])
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = _TEST.findall((ROOT / "docs" / page).read_text())
    assert named
    for file, test in named:
        path = ROOT / file
        assert path.is_file(), file
        assert not test or f"def {test}(" in path.read_text(), f"{file}::{test}"


def test_every_situation_that_is_named_is_there() -> None:
    text = (ROOT / "docs" / "sip.md").read_text()
    lists = re.findall(r"`tests/sipp/test_dialogs\.py` \(([^)]+)\)", text)
    named = {name for one in lists for name in re.findall(r"`(\w+)`", one)}
    assert named
    assert named <= {*CALLS, *CALLED}


def test_every_document_is_there() -> None:
    text = (ROOT / "docs" / "sip.md").read_text()
    missing = [number for number in DOCUMENTS if not re.search(rf"\b{number}\b", text)]
    assert missing == []


def test_every_section_of_rfc_3261_that_concerns_a_user_agent_is_there() -> None:
    table = (ROOT / "docs" / "sip.md").read_text().partition("section by section")[2]
    first = re.findall(r"^\| ([^|:]+):", table.partition("\n## ")[0], re.MULTILINE)
    sections = {int(number) for one in first for number in re.findall(r"\b(\d+)(?:\.\d)*", one)}
    assert set(range(7, 24)) | {25, 26} <= sections


def test_every_word_for_a_failure_of_tls_is_documented() -> None:
    text = (ROOT / "docs" / "sip.md").read_text()
    source = (ROOT / "sip" / "transport" / "tls" / "failure.py").read_text()
    words = re.findall(r'^    "(\w+)",$', source.partition("]")[0], re.MULTILINE)
    assert len(words) > 10
    assert [word for word in words if f"`{word}`" not in text] == []
