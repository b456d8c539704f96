"""`python -m scripts.attack [ATTACK …]`: each attack for some seconds, and what others noticed.

Runs as root, in a network namespace that it makes: nothing leaves the machine. The status is 1
where somebody noticed more than may be.
"""

import argparse
import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from scripts.arguments import some_seconds
from scripts.bench.callbacks import Callbacks
from scripts.bench.engine_process import EngineProcess
from scripts.bench.processes import allow_open_files
from scripts.load.driver import LoadPeerProcess

from .attackers import ATTACKERS
from .gateway.trial import NAMES as GATEWAY
from .gateway.trial import attack_gateway
from .overload import NAME as OVERLOAD
from .overload import Offered, overload
from .priority import first_in_line
from .probe import Noticed, is_calm, let_through, memory_left, notice
from .stage import environment, trusting
from .target import MORE, WEB

TALKS = 20
SECONDS = 10.0
WARM_CALLS = 400
WARM_S = 1.0
"""For so long each attack comes before memory is looked at for the first time."""
LIMIT_S = 30.0
END_S = 60.0
"""How long an attack may take to end, with the calls that were set up meanwhile."""
WIDTH = 150
PING_P99_MS = 20.0
SET_UP_RATIO = 1.5
# A busy machine is late by this much without an attack.
SET_UP_SLACK_MS = 10.0
MEMORY_RATIO = 1.10
MEMORY_SLACK_MIB = 8.0

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def main() -> int:
    """Attack, print the table, and return the status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.attack", description=__doc__)
    every = [*ATTACKERS, *GATEWAY, OVERLOAD]
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=f"of {', '.join(every)}")
    parser.add_argument(
        "--seconds", type=some_seconds, default=SECONDS, help="for each attack [10]"
    )
    options = parser.parse_args()
    for name in options.attacks:
        if name not in every:
            parser.error(f"{name}: no such attack; there are {', '.join(every)}")
    if os.geteuid() != 0:
        parser.error("needs root, for a network namespace of its own")
    leave_the_network()
    allow_open_files()
    with first_in_line():
        return uvloop.run(attack(options.attacks or every, options.seconds))


def leave_the_network() -> None:
    """Go on in a new network namespace that has loopback alone. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sh", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, flags)


async def attack(names: list[str], seconds: float) -> int:
    """Attack one after the other; the number of attacks that were noticed too much, at most 1."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    table = Table(title="Ringback under attack", title_justify="left")
    for head in ("attack", "sent", "ping p99", "set-up p50", "failed", "lost", "others heard",
                 "memory", "locked out", "verdict"):  # fmt: skip
        table.add_column(head)
    on_engine = [name for name in names if name in ATTACKERS]
    on_gateway = [name for name in names if name in GATEWAY]
    is_noticed = bool(on_engine) and await _one_by_one(console, table, on_engine, seconds)
    if on_gateway:
        is_noticed = await attack_gateway(console, on_gateway) or is_noticed
    if OVERLOAD in names:
        with console.status(f"{OVERLOAD} …"):
            offered = await overload()
        is_noticed = is_noticed or bool(offered.broken())
        _add_offered(table, offered)
    if table.row_count:
        console.print(table)
    return 1 if is_noticed else 0


async def _one_by_one(console: Console, table: Table, names: list[str], seconds: float) -> bool:
    """Attack one engine, which others use meanwhile; whether they noticed too much."""
    is_noticed = False
    with LoadPeerProcess() as peer, tempfile.TemporaryDirectory() as directory:
        variables = environment(Path(directory))
        tls = trusting(Path(directory))
        async with (
            EngineProcess(MORE, variables, listen=[WEB]) as engine,
            Callbacks(str(engine.socket), peer.sip) as calls,
        ):
            await calls.at_rate(TALKS, 10.0, "answer-0", "answer-0")
            if not await calls.reached("bridged", TALKS, LIMIT_S):
                console.print("the talks did not come up")
                return True
            # What is made at first use, and the rings that keep calls and events, fill up anyway,
            # and so do the tables that are bounded. What grows afterwards would grow for ever.
            console.print("nobody attacks, to warm up and to compare with", highlight=False)
            warm = await calls.at_rate(WARM_CALLS, 20.0, "answer-0", "answer-0.bye-300")
            await calls.all_ended(warm, LIMIT_S)
            for name in names:
                await let_through(engine, peer, name, WARM_S)
            await is_calm(engine)
            await notice(engine, peer, calls, None, seconds, tls)
            quiet = await notice(engine, peer, calls, None, seconds, tls)
            memory_mib = quiet.memory_mib
            _add(table, "nobody", quiet, ())
            for name in names:
                await is_calm(engine)
                try:
                    async with asyncio.timeout(seconds + END_S):
                        found = await notice(engine, peer, calls, name, seconds, tls)
                except TimeoutError:
                    console.print(f"{name}: not over {END_S:g} s after its end")
                    return True
                broken = judge(found, replace(quiet, memory_mib=memory_mib))
                memory_mib = found.memory_mib
                is_noticed = is_noticed or bool(broken)
                _add(table, name, found, broken)
                words = ", ".join(broken) or "held"
                console.print(f"{name}: {words}; {memory_mib:.0f} MiB", highlight=False)
            left_mib = await memory_left(engine, most_mib(quiet.memory_mib))
            grown = left_mib > most_mib(quiet.memory_mib)
            is_noticed = is_noticed or grown
            console.print(
                f"memory after all of them: {left_mib:.0f} MiB, {quiet.memory_mib:.0f} before:"
                f" {'over' if grown else 'within'} {MEMORY_RATIO - 1:.0%}"
                f" and {MEMORY_SLACK_MIB:g} MiB",
                highlight=False,
            )
    return is_noticed


def most_mib(before_mib: float) -> float:
    """What the engine and its media worker may hold after an attack, or after all of them."""
    return before_mib * MEMORY_RATIO + MEMORY_SLACK_MIB


def judge(found: Noticed, quiet: Noticed) -> tuple[str, ...]:
    """What others noticed more than they may; `quiet` has the memory before this attack."""
    # What else runs on the machine delays everybody: then the quiet span is the measure.
    ping_ms = max(PING_P99_MS, quiet.ping_p99_ms * SET_UP_RATIO)
    lost = quiet.lost * SET_UP_RATIO
    limits = {
        f"ping over {ping_ms:.0f} ms": found.ping_p99_ms > ping_ms,
        "slow set-up": found.set_up_p50_ms > quiet.set_up_p50_ms * SET_UP_RATIO + SET_UP_SLACK_MS,
        "calls failed": found.failed > 0,
        "packets lost": found.lost > lost,
        "others heard": found.others > 0,
        "memory": found.memory_mib > most_mib(quiet.memory_mib),
        "locked out": bool(found.locked_out),
    }
    return tuple(what for what, is_broken in limits.items() if is_broken)


def _add_offered(table: Table, found: Offered) -> None:
    broken = found.broken()
    table.add_row(
        OVERLOAD,
        f"{found.count}",
        f"{found.ping_p99_ms:.0f} ms",
        "",
        f"{found.ended + found.without_words}",
        f"{found.lost} of {found.packets}",
        "",
        "",
        f"{found.refused} refused in words",
        "held" if not broken else f"[bold red]{', '.join(broken)}[/]",
    )


def _add(table: Table, name: str, found: Noticed, broken: tuple[str, ...]) -> None:
    table.add_row(
        name,
        f"{found.sent}",
        f"{found.ping_p99_ms:.1f} ms",
        f"{found.set_up_p50_ms:.0f} ms",
        f"{found.failed}",
        f"{found.lost}",
        f"{found.others}",
        f"{found.memory_mib:.0f} MiB",
        ", ".join(found.locked_out),
        "held" if not broken else f"[bold red]{', '.join(broken)}[/]",
    )


if __name__ == "__main__":
    sys.exit(main())
