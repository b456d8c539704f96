"""docs/sip.md and docs/interop.md name tests that there are."""

import re
from pathlib import Path

import pytest

from tests.sipp.called import CALLED
from tests.sipp.calls import CALLS

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


def test_every_word_for_a_failure_of_tls_is_documented() -> None:
    text = (ROOT / "docs" / "sip.md").read_text()
    source = (ROOT / "sip" / "transport" / "tls" / "failure.py").read_text()
    words = re.findall(r'^    "(\w+)",$', source.partition("]")[0], re.MULTILINE)
    assert len(words) > 10
    assert [word for word in words if f"`{word}`" not in text] == []
