"""Fails when fewer lines than asked for are covered; branches are reported, not judged.

`python -m scripts.line_coverage --fail-under 95` reads the data that `coverage combine` has made.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import coverage


def lines_percent(totals: dict[str, int]) -> float:
    """How many of the lines that can run have run, in percent; 100 where there are none."""
    statements = totals["num_statements"]
    return 100.0 * totals["covered_lines"] / statements if statements else 100.0


def main() -> int:
    """Print the share of lines. Returns 1 when it is below the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fail-under", type=float, default=95.0)
    limit = parser.parse_args().fail_under
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "coverage.json"
        measured.json_report(outfile=str(file))
        totals = json.loads(file.read_text())["totals"]
    percent = lines_percent(totals)
    print(f"lines covered: {percent:.2f} % (at least {limit:g} % are asked for)")
    return 0 if percent >= limit else 1


if __name__ == "__main__":
    sys.exit(main())
