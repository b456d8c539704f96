"""How much dearer work is here and now than with warm caches and nobody else about.

Run as a process beside a measurement: wakes up a hundred times a second for the same small piece
of work, and at the end of its input prints the CPU time of the best and of the average turn. On a
shared machine, woken work costs a multiple; the engine's does as well.
"""

import json
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

TURN_S = 0.01
ROOT = Path(__file__).resolve().parents[2]
_DOCUMENT = {"calls": [{"legs": list(range(8)), "state": "bridged"} for _ in range(4)]}


class Yardstick:
    """The process, from its start until `factor` ends it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench.yardstick"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def factor(self) -> float:
        """By how much the average turn was dearer than the best one."""
        output, _ = self._process.communicate()
        figures = json.loads(output)
        return float(figures["average_us"]) / float(figures["best_us"])


def _work() -> None:
    for _ in range(6):
        json.loads(json.dumps(_DOCUMENT))


def main() -> None:
    """Measure until the input ends."""
    _work()
    turns: list[int] = []
    while not select.select([sys.stdin], [], [], TURN_S)[0]:
        started = time.process_time_ns()
        _work()
        turns.append(time.process_time_ns() - started)
    average = statistics.fmean(turns or [1])
    print(json.dumps({"average_us": average / 1e3, "best_us": min(turns, default=1) / 1e3}))


if __name__ == "__main__":
    main()
