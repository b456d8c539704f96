"""`ringback trace` and `ringback explain`."""

import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.text import Text

from ringback_client import Client, EngineError

from ..command import CALLS, EXIT_FAILED, Json, Options, SocketAfter, ask, fail, print_json
from ..output.formats import clock, date
from ..output.tables import cell, console
from .ladder import Ladder, audio_line, short, strokes
from .pcap import PcapWriter

app = typer.Typer(rich_markup_mode=None)

FOLLOW_S = 20.0
STANDARD_OUTPUT = Path("-")
_OF_A_CALL = ("call-", "line-")


@app.command(
    rich_help_panel=CALLS,
    epilog="Example: ringback trace order-17 --pcap call.pcap",
)
def trace(
    target: Annotated[
        str | None,
        typer.Argument(metavar="CALL | JOB", help="Or the Call-ID of a SIP dialog."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Every message from now on, as it comes.")
    ] = False,
    number: Annotated[
        str | None, typer.Option(metavar="N", help="With --follow: only what is about this number.")
    ] = None,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it for Wireshark. -: standard output")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The text of each message too.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Show the SIP of a call, both legs side by side."""
    if (target is None) is not follow:
        raise typer.BadParameter("give a call, a job, or --follow")
    if number is not None and not follow:
        raise typer.BadParameter("--number goes with --follow", param_hint="--number")
    if target is None:
        with _capture(pcap) as capture:
            _follow(number, capture, full=full)
        return
    result = ask(lambda client: _fetch(client, target))
    if pcap is not None:
        with _capture(pcap) as capture:
            for message in result["messages"]:
                capture.write(message)
        if pcap != STANDARD_OUTPUT:
            console.print(cell(f"{pcap}: {len(result['messages'])} messages"))
    elif Options.json:
        print_json(result)
    else:
        _print_trace(target, result, full=full)


class Capture:
    """Where messages are written to, if anywhere. `is_output`: it is the standard output."""

    def __init__(self, file: BinaryIO | None, *, is_output: bool = False) -> None:
        self.is_output = is_output
        self._file = file
        self._writer = None if file is None else PcapWriter(file)

    def write(self, message: Mapping[str, Any]) -> None:
        """Write one message, at once."""
        if self._writer is not None and self._file is not None:
            self._writer.write(message)
            self._file.flush()


@contextlib.contextmanager
def _capture(path: Path | None) -> Iterator[Capture]:
    if path is None or path == STANDARD_OUTPUT:
        yield Capture(None if path is None else sys.stdout.buffer, is_output=path is not None)
        return
    try:
        with path.open("wb") as file:
            yield Capture(file)
    except OSError as error:
        fail(EXIT_FAILED, f"{path}: {error.strerror or error}")


async def _fetch(client: Client, target: str) -> dict[str, Any]:
    """The trace of what `target` names: a call, a job, or a SIP dialog."""
    return await _first_known(target, ("call_id",), lambda name: _pages(client, {name: target}))


async def _first_known(
    target: str, more: Sequence[str], ask: Callable[[str], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """What is known of `target`: as a call or a job, the likelier one first, then as `more`."""
    names = ("call", "job") if target.startswith(_OF_A_CALL) else ("job", "call")
    first: EngineError | None = None
    for name in (*names, *more):
        try:
            return await ask(name)
        except EngineError as error:
            if error.kind not in ("not_found", "refused"):
                raise
            first = first or error
    assert first is not None
    raise first


async def _pages(client: Client, params: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = await client.call("trace.get", **params)
    while cursor := result["cursor"]:
        page = await client.call("trace.get", **params, cursor=cursor)
        # A call that goes on from the page before is told by the later one.
        known = {one["call"]: one for one in (*result["calls"], *page["calls"])}
        messages = result["messages"] + page["messages"]
        result = {**page, "calls": list(known.values()), "messages": messages}
    return result


def _print_trace(target: str, result: Mapping[str, Any], *, full: bool) -> None:
    calls, messages = result["calls"], result["messages"]
    if not calls:
        if not messages:
            console.print(cell(f"no SIP of {target} is kept"))
        for message in messages:
            _print_flat(message, full=full)
        return
    for number, call in enumerate(calls):
        if number:
            console.print()
        mine = [message for message in messages if message["call"] == call["call"]]
        _print_call(call, mine, full=full)


def _print_call(
    call: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], *, full: bool
) -> None:
    head = f"call {call['call']}"
    if call["job"]:
        head += f"  job {call['job']}"
    for name in ("from", "number", "dialled", "trunk", "queue", "agent", "site"):
        if call.get(name):
            head += f"  {name} {call[name]}"
    console.print(cell(f"{head}  {date(call['started'])}", "bold"), soft_wrap=True)
    ladder = Ladder(call, console.width, strokes())
    if not full:
        for line in ladder.lines(messages):
            _print_line(line)
    else:
        for message in messages:
            _print_flat(message, full=True)
    if call["dropped"]:
        _print_line(cell(f"{call['dropped']} messages in between are not kept", "yellow"))
    for line in ladder.ends():
        _print_line(line)
    if call["ended_at"] is None:
        _print_line(cell(f"up for {time.time() - call['started']:.0f} s", "bold"))
    elif call["cause"]:
        _print_line(cell(call["cause"], "bold"))


def _print_line(line: Text) -> None:
    line.rstrip()
    console.print(line, soft_wrap=True)


# -- as they come ---------------------------------------------------------------------------------


def _follow(number: str | None, capture: Capture, *, full: bool) -> None:
    given = {} if number is None else {"number": number}

    async def until_interrupted(client: Client) -> None:
        after = None
        while True:
            more: dict[str, int] = {} if after is None else {"after": after}
            page = await client.call("trace.follow", wait_s=FOLLOW_S, **given, **more)
            after = page["after"]
            for message in page["messages"]:
                capture.write(message)
                if capture.is_output:
                    continue
                if Options.json:
                    print_json(message)
                else:
                    _print_flat(message, full=full)

    ask(until_interrupted)


def _print_flat(message: Mapping[str, Any], *, full: bool) -> None:
    """One message on a line of its own."""
    drawn = strokes()
    is_sent = message["direction"] == "sent"
    arrow = f"{drawn.line * 2}{drawn.right}" if is_sent else f"{drawn.left}{drawn.line * 2}"
    where = " ".join(str(message[name]) for name in ("call", "leg") if message[name])
    words = short(message)
    if message["status"] is None and message["method"]:
        words = message["start_line"].removesuffix(" SIP/2.0")
    if message["retransmission"]:
        words += f" again {message['retransmission']}"
    if message["audio"] is not None:
        words += f"  {audio_line(message['audio'])}"
    style = "cyan" if message["status"] is None else "default"
    _print_line(
        Text.assemble(
            cell(
                f"{clock(message['time'])} {arrow} {message['transport']} {message['remote']:<21} "
            ),
            cell(words, style),
            cell(f"  {where}", "dim"),
        )
    )
    if full:
        for line in message["text"].split("\n"):
            console.print(cell(f"    {line.rstrip(chr(13))}"), soft_wrap=True)


# -- in words -------------------------------------------------------------------------------------


@app.command(rich_help_panel=CALLS, epilog="Example: ringback explain order-17")
def explain(
    target: Annotated[str, typer.Argument(metavar="JOB | CALL")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Tell the story of a callback or call, in sentences."""
    result = ask(lambda client: _explained(client, target))
    if Options.json:
        print_json(result)
        return
    for one in result["sentences"]:
        moment = " " * 12 if one["time"] is None else clock(one["time"])
        _print_line(Text.assemble(cell(f"{moment}  ", "dim"), cell(one["text"])))


async def _explained(client: Client, target: str) -> dict[str, Any]:
    return await _first_known(
        target, (), lambda name: client.call("trace.explain", **{name: target})
    )
