"""A softphone without a sound card: one PJSIP phone a process, driven by options and stdin.

    python -m scripts.softphone --port 5080 --tone 440 --record heard.wav
    python -m scripts.softphone --call sip:desk@127.0.0.1:5080 --play hello.wav --hangup-after 5

Prints one JSON object a line on stdout: `{"event": …, "time": Unix seconds, …}`. Events: `ready`,
`registered`, `unregistered`, `incoming` (with the headers of the INVITE), `state`, `media`,
`recording`, `dtmf`, `stats` (packets, loss, jitter), `error`, `bye`.

Commands on stdin, one a line: `call URI [HEADER: VALUE]`, `answer [STATUS]`, `hangup`, `hold`,
`unhold`, `transfer URI`, `attend` (the call before the latest is connected with the latest),
`digits 123#`, `tone HZ`, `play FILE`, `stats`, `quit`. End of stdin, SIGTERM and SIGINT end the
calls and the phone.
Exit status: 0; 1 when the phone cannot run or a `--call` failed; 2 usage.
"""

import argparse
import contextlib
import heapq
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from types import FrameType
from typing import TYPE_CHECKING, Any

from .arguments import readable, seconds, sip_uri, whole, writable

if TYPE_CHECKING:
    from .softphone_call import Call
    from .softphone_stack import Stack

POLL_MS = 10


def emit(event: str, **fields: Any) -> None:
    """Print one event as a line of JSON."""
    line = json.dumps({"event": event, "time": round(time.time(), 4), **fields})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class CommandError(Exception):
    """A line on stdin that cannot be done: a sentence for a person."""


class CommandLines:
    """Complete lines from a file descriptor, read without ever waiting."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""
        self.ended = False

    def take(self) -> list[str]:
        """The lines that have come since; sets `ended` at the end of input."""
        while not self.ended and select.select([self._fd], [], [], 0)[0]:
            data = os.read(self._fd, 4096)
            if not data:
                self.ended = True
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode(errors="replace").strip() for line in lines if line.strip()]


class Softphone:
    """What the phone does and when: answers, timed hang-ups, commands."""

    def __init__(self, options: argparse.Namespace, stack_class: "type[Stack]") -> None:
        from .softphone_call import Sound
        from .softphone_stack import Identity, TlsFiles

        self._options = options
        self._answers = list(options.answer)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._dialled: int | None = None
        self._failed = False
        self.stopping = False
        self.stack = stack_class(
            Identity(
                user=options.user,
                host=options.host,
                port=options.port,
                registrar=options.registrar,
                username=options.username,
                password=options.password,
                codecs=tuple(options.codecs),
                srtp=options.srtp,
                strict=options.strict,
                tls=TlsFiles(*options.tls) if options.tls else None,
            ),
            Sound(tone_hz=options.tone, play=options.play, record=options.record),
            emit=self._on_event,
            on_incoming=self._on_incoming,
            log=options.log,
        )

    def run(self) -> int:
        """Serve until the command to stop. Returns the exit status."""
        emit("ready", uri=self.stack.uri, port=self.stack.port)
        lines = CommandLines(sys.stdin.fileno())
        if self._options.call and not self._call(self._options.call):
            self.stack.close()
            return 1
        while not self.stopping:
            self.stack.poll(POLL_MS)
            self._do_what_is_due()
            for line in lines.take():
                self._obey(line)
            if lines.ended and not self._options.ignore_eof:
                self.stopping = True
        self.stack.close()
        emit("bye")
        return 1 if self._failed else 0

    def _call(self, uri: str) -> bool:
        """Make the call of --call; False where that cannot be."""
        from .softphone_stack import PhoneError

        try:
            self._dialled = self.stack.call(uri).number
        except PhoneError as error:
            sys.stderr.write(f"softphone: {error}\n")
            return False
        return True

    def _on_event(self, event: str, **fields: Any) -> None:
        emit(event, **fields)
        if event != "state":
            return
        number, after_s = fields["call"], self._options.hangup_after
        if fields["state"] == "confirmed" and after_s is not None:
            self._after(after_s, lambda: self._end(number))
        elif fields["state"] == "disconnected" and number == self._dialled:
            self._failed = fields["status"] >= 300
            self.stopping = self.stopping or self._options.once

    def _on_incoming(self, call: "Call") -> None:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if self._options.early_media:
            call.respond(183)
        elif answer is None or answer < 300:
            call.respond(180)
        if answer is not None:
            self._after(self._options.answer_after, lambda: self._respond(call, answer))

    def _respond(self, call: "Call", status: int) -> None:
        if not call.over:
            call.respond(status)

    def _end(self, number: int) -> None:
        for call in list(self.stack.calls):
            if call.number == number:
                call.end()

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), action))

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def _obey(self, line: str) -> None:
        from .softphone_stack import PhoneError

        name, _, argument = line.partition(" ")
        try:
            self._command(name, argument.strip())
        except (CommandError, PhoneError) as error:
            emit("error", command=line, message=str(error))

    def _command(self, name: str, argument: str) -> None:
        if name == "quit":
            self.stopping = True
        elif name == "call":
            uri, _, header = argument.partition(" ")
            self.stack.call(uri, header)
        elif name == "attend":
            if len(self.stack.calls) < 2:
                raise CommandError("there are not two calls")
            first, latest = self.stack.calls[-2:]
            first.transfer_to(latest)
        elif name == "hangup":
            for call in list(self.stack.calls):
                call.end()
        else:
            self._command_on_call(self._latest_call(), name, argument)

    def _latest_call(self) -> "Call":
        if not self.stack.calls:
            raise CommandError("there is no call")
        return self.stack.calls[-1]

    def _command_on_call(self, call: "Call", name: str, argument: str) -> None:
        match name:
            case "answer":
                call.respond(_number(argument or "200"))
            case "hold":
                call.hold()
            case "unhold":
                call.unhold()
            case "transfer":
                call.transfer(argument)
            case "digits":
                call.dialDtmf(argument)
            case "tone":
                call.play_tone(_number(argument))
            case "play":
                call.play(argument)
            case "stats":
                call.report_stats()
            case _:
                raise CommandError(f"no such command: {name}")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise CommandError(f"not a number: {text}") from error


def _answers(text: str) -> list[int | None]:
    """`never`, or SIP statuses for the first, second, … call; the last one holds for all others."""
    try:
        answers = [None if item == "never" else int(item) for item in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a SIP status or 'never': {text}") from error
    if any(item is not None and not 200 <= item <= 699 for item in answers):
        raise argparse.ArgumentTypeError(f"not a final SIP status: {text}")
    return answers


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The phone's options; exits with status 2 and usage where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="softphone",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--user", default="phone", help="user part of the phone's address")
    add("--host", default="127.0.0.1", help="address to listen at")
    add(
        "--port",
        type=whole(0, 65535),
        default=0,
        help="UDP and TCP port; 0: any free one, see `ready`",
    )
    add("--tls", nargs=3, type=readable, metavar=("CERT", "KEY", "CA"),
        help="speak TLS alone, with these PEM files")  # fmt: skip
    add("--registrar", type=sip_uri, metavar="URI", help="sip: URI to register at")
    add("--username", help="digest user name")
    add("--password", default="", help="digest password")
    add("--codecs", type=lambda text: text.split(","), default=["PCMU", "PCMA"], metavar="A,B",
        help="codecs to offer, the best first: PCMU, PCMA, G722, … [PCMU,PCMA]")  # fmt: skip
    add("--srtp", choices=("off", "offered", "required"), default="off",
        help="encrypt sound, with keys in SDP [off]")  # fmt: skip
    add("--strict", action="store_true", help="require 100rel and session timers of 90 s")
    add("--answer", type=_answers, default=[200], metavar="STATUS[,STATUS]|never",
        help="final answer to incoming calls: first call, second call, …")  # fmt: skip
    add("--answer-after", type=seconds, default=0.0, metavar="S", help="seconds of ringing")
    add("--early-media", action="store_true", help="183 with sound while ringing, not 180")
    add("--call", type=sip_uri, metavar="URI", help="call this address at the start")
    add("--once", action="store_true", help="end when the call of --call has ended")
    add("--hangup-after", type=seconds, metavar="S", help="hang up S seconds after the answer")
    add("--tone", type=whole(1, 3999), metavar="HZ", help="send this tone")
    add("--play", type=readable, metavar="FILE", help="send this WAV file, over and over")
    add(
        "--record",
        type=writable,
        metavar="FILE",
        help="record what is heard; {call} becomes the call's number",
    )
    add("--ignore-eof", action="store_true", help="do not stop at the end of stdin")
    add("--log", type=writable, metavar="FILE", help="PJSIP's own log, with every SIP message")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the phone; returns the exit status."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    try:
        from .softphone_stack import PhoneError, Stack
    except ImportError as error:
        sys.stderr.write(
            f"softphone: pjsua2 cannot be loaded ({error}): pip install 'ringback[demo]'\n"
        )
        return 1
    try:
        phone = Softphone(options, Stack)
    except PhoneError as error:
        sys.stderr.write(f"softphone: {error}\n")
        return 1

    def stop(signum: int, frame: FrameType | None) -> None:
        phone.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with contextlib.suppress(BrokenPipeError):
        return phone.run()
    return 1


if __name__ == "__main__":
    sys.exit(main())
