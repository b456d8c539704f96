"""`python -m scripts.bench [PART …]`: all parts, or those named."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from scripts.arguments import whole, writable

from . import (
    accept_part,
    asterisk_part,
    browser_calls_part,
    browsers_part,
    codecs_part,
    concealment_part,
    detection_part,
    dispatch_part,
    dtmf_part,
    messages_part,
    mixed_load_part,
    mixing_part,
    phones_part,
    registrations_part,
    relay_part,
    restart_part,
    setup_part,
    soak_part,
    srtp_part,
    streams_part,
    sustained_part,
    talk_part,
    top_part,
    trace_part,
    web_part,
)
from .machine import Machine
from .options import FULL, QUICK, Options
from .processes import allow_open_files
from .report import Report

PARTS: dict[str, Callable[[Report, Options], Awaitable[None]]] = {
    "messages": messages_part.run,
    "relay": relay_part.run,
    "plain": relay_part.run_plain,
    "srtp": srtp_part.run,
    "mixing": mixing_part.run,
    "browsers": browsers_part.run,
    "browser_calls": browser_calls_part.run,
    "codecs": codecs_part.run,
    "concealment": concealment_part.run,
    "dtmf": dtmf_part.run,
    "detection": detection_part.run,
    "talk": talk_part.run,
    "streams": streams_part.run,
    "mixed_load": mixed_load_part.run,
    "setup": setup_part.run,
    "sustained": sustained_part.run,
    "registrations": registrations_part.run,
    "trace": trace_part.run,
    "accept": accept_part.run,
    "dispatch": dispatch_part.run,
    "restart": restart_part.run,
    "asterisk": asterisk_part.run,
    "top": top_part.run,
    "web": web_part.run,
    "phones": phones_part.run,
    "soak": soak_part.run,
}
PAGE_COLUMNS = 150  # in a file or a pipe


def main() -> int:
    """Measure, print, write the JSON.

    0 when every target is met, 1 when one is not, 2 when a part could not be measured.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="shorter, and noisier")
    parser.add_argument(
        "--callbacks", type=whole(1, 10**7), help="how many callbacks the soak makes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, default=Path("run/bench.json"))
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f"{name}: no such part; there are {', '.join(PARTS)}")
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        writable(str(arguments.output))
    except (OSError, argparse.ArgumentTypeError) as error:
        parser.error(f"--output: {error}")
    options = QUICK if arguments.quick else FULL
    if arguments.callbacks:
        options = dataclasses.replace(options, soak_callbacks=arguments.callbacks)
    allow_open_files()
    console = Console(stderr=arguments.json)
    if not console.is_terminal:
        console = Console(stderr=arguments.json, width=PAGE_COLUMNS)
    report = Report()
    uvloop.run(measure(arguments.parts or list(PARTS), report, options, console, arguments.output))
    if arguments.json:
        print(json.dumps(report.to_json(), indent=1))
    else:
        report.show(console)
    console.print(f"written to {arguments.output}", highlight=False)
    if report.failed:
        return 2
    return 0 if report.all_met else 1


async def measure(
    parts: Sequence[str], report: Report, options: Options, console: Console, output: Path
) -> None:
    """Measure one part after another. One that fails costs its own figures alone.

    After each part all figures so far are written to `output`.
    """
    for name in parts:
        machine = Machine()
        with console.status(f"{name} …"):
            try:
                await PARTS[name](report, options)
            except Exception as error:  # noqa: BLE001 - said in the report; the others go on
                report.failed[name] = f"{type(error).__name__}: {error}"
            finally:
                report.notes.append(f"{name}: {machine.words()}")
                _write(report, output)


def _write(report: Report, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report.to_json(), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
