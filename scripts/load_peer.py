"""Plays both sides of callbacks, hundreds at a time: `python -m scripts.load_peer`.

Point an engine's calls at it; each called user part says what that phone does, for instance
`sip:a1.answer-20@127.0.0.1:5090` and `sip:b1.answer-0.bye-5000@127.0.0.1:5090`
(scripts/load/behaviour.py has the words). Prints what was heard every few seconds.
"""

import argparse
import json
import os
import sys
import threading
from typing import Any

from rich.console import Console

from scripts.arguments import whole
from scripts.load import behaviour, peer
from scripts.load.certificates import Certificate
from scripts.load.peer import LoadPeer

REPORT_EVERY_S = 5.0
SHOWN = ["invite", "answered", "confirmed", "streams", "heard_from_partner"]
SHOWN += ["heard_from_engine", "heard_from_others", "sent_again", "given_up"]


def main() -> int:
    """Run until interrupted, or until the commands end."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.load_peer",
        description=f"{__doc__}\n{behaviour.__doc__}\n--commands: {peer.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--listen", default="127.0.0.1:5090", help="SIP address, host:port (UDP)")
    parser.add_argument(
        "--streams", type=whole(1, 30_000), default=2048, help="streams at once, at most"
    )
    parser.add_argument("--cert", default="", help="certificate: the phones speak TLS and SRTP")
    parser.add_argument("--key", default="", help="its key")
    parser.add_argument("--commands", action="store_true", help="JSON lines on stdin and stdout")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit() or not int(port) < 65536:
        parser.error(f"--listen {options.listen}: must be host:port, as 127.0.0.1:5090")
    commands, replies = sys.stdin.fileno(), sys.stdout.fileno()
    ours, theirs = -1, -1
    if not options.commands:
        commands, ours = os.pipe()
        theirs, replies = os.pipe()
    try:
        phones = LoadPeer(
            host,
            int(port),
            streams=options.streams,
            commands=commands,
            replies=replies,
            certificate=Certificate(options.cert, options.key) if options.cert else None,
        )
    except OSError as error:
        print(f"{options.listen}: {error.strerror}", file=sys.stderr)
        return 2
    if not options.commands:
        threading.Thread(target=_show, args=(ours, theirs), daemon=True).start()
    try:
        phones.run()
    except KeyboardInterrupt:
        return 0
    return 0


def _show(commands: int, replies: int) -> None:
    console = Console()
    with os.fdopen(replies) as lines:
        console.print(f"phones at {json.loads(lines.readline())['sip']}, Ctrl-C ends")
        wake = threading.Event()
        while not wake.wait(REPORT_EVERY_S):
            os.write(commands, b'{"do": "stats"}\n')
            stats: dict[str, Any] = json.loads(lines.readline())
            console.print("  ".join(f"{name} {stats.get(name, 0)}" for name in SHOWN))


if __name__ == "__main__":
    sys.exit(main())
