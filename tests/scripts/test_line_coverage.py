"""What `make coverage` asks for: enough lines of each room, and a reason for each gap."""

from pathlib import Path
from typing import Any

import pytest

from scripts.line_coverage import Gap, explained, gaps, lines_percent, of_rooms, unexplained


def file(statements: int, covered: int, **functions: list[int]) -> dict[str, Any]:
    """One file of a report by coverage; `functions` have these lines missing."""
    return {
        "summary": {"num_statements": statements, "covered_lines": covered},
        "functions": {
            name.replace("__", "."): {"missing_lines": lines} for name, lines in functions.items()
        },
    }


REPORT: dict[str, Any] = {
    "files": {
        "engine/daemon.py": file(100, 97, Daemon__start=[5, 6], main=[9], stop=[]),
        "engine/job.py": file(100, 100),
        "sip/hop.py": file(10, 9) | {"functions": {"": {"missing_lines": [3]}}},
    },
    "totals": {"num_statements": 210, "covered_lines": 206},
}


def test_each_room_has_its_share() -> None:
    shares = {"config": 100.0, "engine": 98.5, "media": 100.0, "sip": 90.0, "web": 100.0}
    assert of_rooms(REPORT) == shares
    assert lines_percent(REPORT["totals"]) == pytest.approx(98.095, abs=0.001)


def test_gaps_are_named_by_function() -> None:
    found = gaps(REPORT)
    assert [(gap.name, gap.lines) for gap in found] == [
        ("engine/daemon.py Daemon.start", (5, 6)),
        ("engine/daemon.py main", (9,)),
        ("sip/hop.py", (3,)),
    ]


def test_what_is_not_explained_is_said_with_its_lines() -> None:
    reasons = {"engine/daemon.py main": "the process ends there", "sip/hop.py": "because"}
    assert unexplained(gaps(REPORT), reasons) == ["engine/daemon.py:5 Daemon.start: lines 5, 6"]
    module_level = Gap("sip/hop.py", "", (3,))
    assert unexplained([module_level], {}) == ["sip/hop.py:3 module level: lines 3"]


def test_reasons_are_read_by_name(tmp_path: Path) -> None:
    listed = tmp_path / "uncovered.toml"
    listed.write_text('[[uncovered]]\nwhy = "x"\nwhere = ["a.py f", "a.py C.g"]\n')
    assert explained(listed) == {"a.py f": "x", "a.py C.g": "x"}
    listed.write_text(listed.read_text() + '[[uncovered]]\nwhy = "y"\nwhere = ["a.py f"]\n')
    with pytest.raises(ValueError, match=r"a\.py f stands twice"):
        explained(listed)
