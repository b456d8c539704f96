"""`python -m scripts.fuzz [TARGET …]`: damaged input for all parsers, or those named, for a time.

The corpus is tests/fuzz/corpus, and grows in run/fuzz. A finding is kept there as found-*; put it
into the corpus with the repair, where a test runs it for ever.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.arguments import whole

from .relay import NotCompiled, fuzz_relay
from .targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
_EXECUTED = re.compile(r"stat::number_of_executed_units: *(\d+)")
RELAY = "relay"  # in C
MISSING = 77  # as test programs say that they were skipped
# How long a process may go on over its time: it begins with what the corpus has, on any machine.
GRACE_S = 300


def main() -> int:
    """Fuzz one target after the other; the status is 1 where something was found, or left out."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    known = [*TARGETS, RELAY]
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(known)}")
    parser.add_argument(
        "--seconds", type=whole(1, 10**7), default=600, help="for all together [600]"
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out what does not work here, such as a sanitizer, with status 0",
    )
    parser.add_argument("--work", type=Path, default=ROOT / "run" / "fuzz")
    options = parser.parse_args()
    names = options.targets or known
    for name in names:
        if name not in known:
            parser.error(f"{name}: no such target; there are {', '.join(known)}")
    each = max(1, options.seconds // len(names))
    table = Table("target", "inputs", "result", title="Ringback fuzz", title_justify="left")
    console, found = Console(), 0
    for name in names:
        with console.status(f"{name} for {each} s"):
            status, text = fuzz(name, each, options.work / name)
        executed = _EXECUTED.search(text)
        is_missing = status == MISSING
        found += status != 0 and not (is_missing and options.allow_missing)
        result = "clean" if executed else text
        if status != 0 and not is_missing:
            result = "FOUND"
        table.add_row(name, executed[1] if executed else "?", result)
        if status != 0 and not is_missing:
            (options.work / name / "report.txt").write_text(text)
            console.print(text[-3000:], markup=False, highlight=False)
    console.print(table)
    return 1 if found else 0


def fuzz(name: str, seconds: int, work: Path) -> tuple[int, str]:
    """Fuzz one target in a process of its own; its status, and what it said.

    MISSING where it cannot be fuzzed here.
    """
    if name == RELAY:
        try:
            return fuzz_relay(seconds, work)
        except NotCompiled as reason:
            return MISSING, f"left out: {reason}"
    corpus = CORPUS / name
    command = [sys.executable, "-m", "scripts.fuzz.runner", name, "--seconds", str(seconds)]
    limit_s = seconds + GRACE_S
    try:
        done = subprocess.run(
            [*command, "--corpus", str(corpus), "--work", str(work)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as late:
        said = late.output or b""
        text = said if isinstance(said, str) else said.decode(errors="replace")
        return 1, f"{text}\n{name}: did not end within {limit_s} s\n"
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
