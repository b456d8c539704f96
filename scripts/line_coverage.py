"""Fails when fewer lines than asked for are covered, or when uncovered ones are not explained.

`python -m scripts.line_coverage --fail-under 95` reads the data that `coverage combine` has made.
Each room has to reach the limit. Branches are reported, not judged. Each function with an uncovered
line has to stand in tests/uncovered.toml with the reason.
"""

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import coverage

ROOMS = ("config", "engine", "media", "sip", "web")
EXPLAINED = Path(__file__).resolve().parent.parent / "tests" / "uncovered.toml"


class Gap(NamedTuple):
    """Lines of one function that have not run; the function of module level is ``."""

    file: str
    function: str
    lines: tuple[int, ...]

    @property
    def name(self) -> str:
        """As it stands in the list: `room/file.py Class.method`."""
        return f"{self.file} {self.function}".rstrip()


def lines_percent(totals: Mapping[str, int]) -> float:
    """How many of the lines that can run have run, in percent; 100 where there are none."""
    statements = totals["num_statements"]
    return 100.0 * totals["covered_lines"] / statements if statements else 100.0


def of_rooms(report: Mapping[str, Any]) -> dict[str, float]:
    """The share of lines of each room in a JSON report, in percent."""
    shares = {}
    for room in ROOMS:
        files = [file for name, file in report["files"].items() if name.startswith(f"{room}/")]
        totals = {
            key: sum(file["summary"][key] for file in files)
            for key in ("num_statements", "covered_lines")
        }
        shares[room] = lines_percent(totals)
    return shares


def gaps(report: Mapping[str, Any]) -> list[Gap]:
    """The functions of a JSON report that have uncovered lines."""
    return [
        Gap(name, function, tuple(part["missing_lines"]))
        for name, file in report["files"].items()
        for function, part in file["functions"].items()
        if part["missing_lines"]
    ]


def explained(file: Path) -> dict[str, str]:
    """The reason for each function in the list. Raises ValueError where one stands twice."""
    reasons: dict[str, str] = {}
    for entry in tomllib.loads(file.read_text())["uncovered"]:
        for name in entry["where"]:
            if name in reasons:
                raise ValueError(f"{file}: {name} stands twice")
            reasons[name] = entry["why"]
    return reasons


def unexplained(found: Iterable[Gap], reasons: Mapping[str, str]) -> list[str]:
    """A line for a person for each gap that no reason is given for."""
    return [
        f"{gap.file}:{gap.lines[0]} {gap.function or 'module level'}: "
        f"lines {', '.join(map(str, gap.lines))}"
        for gap in found
        if gap.name not in reasons
    ]


def main() -> int:
    """Print the shares of lines and what is not explained. Returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m scripts.line_coverage", description=__doc__)
    parser.add_argument("--fail-under", type=float, default=95.0)
    limit = parser.parse_args().fail_under
    measured = coverage.Coverage()
    measured.load()
    if not measured.get_data().measured_files():
        print("nothing was measured: `make coverage` does it")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "coverage.json"
        measured.json_report(outfile=str(file))
        report = json.loads(file.read_text())
    shares = of_rooms(report) | {"all": lines_percent(report["totals"])}
    for room, percent in shares.items():
        print(f"lines covered of {room}: {percent:.2f} % (at least {limit:g} % are asked for)")
    missing = unexplained(gaps(report), explained(EXPLAINED))
    for line in missing:
        print(line)
    if missing:
        print(f"write a test for these, or give the reason in {EXPLAINED.name}")
    return 1 if missing or min(shares.values()) < limit else 0


if __name__ == "__main__":
    sys.exit(main())
