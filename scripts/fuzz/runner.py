"""Fuzzes one target in this process: by atheris where it is installed, else by damage alone.

Run by `python -m scripts.fuzz`, which starts one such process for each target.
"""

import argparse
import faulthandler
import importlib.util
import random
import sys
import time
from pathlib import Path


def main() -> int:
    """Run until the time is over. The status is 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz.runner", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    faulthandler.enable()
    options.work.mkdir(parents=True, exist_ok=True)
    if importlib.util.find_spec("atheris") is not None:
        return _guided(options)
    return _damaged(options)


def _guided(options: argparse.Namespace) -> int:
    import atheris

    with atheris.instrument_imports(include=["sip", "media", "engine", "web"]):
        from scripts.fuzz.targets import TARGETS
    arguments = [
        "fuzz",
        f"-max_total_time={options.seconds}",
        "-max_len=70000",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={options.work}/found-",
        str(options.work),
        str(options.corpus),
    ]
    atheris.Setup(arguments, TARGETS[options.target])
    atheris.Fuzz()  # ends the process
    return 0


def _damaged(options: argparse.Namespace) -> int:
    from scripts.fuzz.mutate import inputs
    from scripts.fuzz.targets import TARGETS

    target = TARGETS[options.target]
    corpus = [path.read_bytes() for path in sorted(options.corpus.glob("*"))]
    until = time.monotonic() + options.seconds
    count = 0
    for data in inputs(corpus, random.Random(0)):
        if time.monotonic() > until:
            break
        latest = options.work / "latest"
        latest.write_bytes(data)  # what is there when the process dies
        try:
            target(data)
        except Exception:
            found = options.work / f"found-{count}"
            found.write_bytes(data)
            print(f"{options.target}: {found} is a finding", file=sys.stderr)
            raise
        count += 1
    print(f"stat::number_of_executed_units: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
