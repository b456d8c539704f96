"""`ringback recordings`: what was recorded, playing and deleting it, and recording a call."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from .command import EXIT_FAILED, Json, SocketAfter, ask, call, call_pages, fail
from .output.formats import date, duration, value_text
from .output.tables import console, details, state_cell, table

app = typer.Typer(
    name="recordings",
    help="Recorded talks: list, play and delete them, and record a call.",
    epilog="Example: ringback recordings list --agent alice",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Recording = Annotated[str, typer.Argument(metavar="RECORDING")]
CallId = Annotated[str, typer.Argument(metavar="CALL")]

# The first of these that is installed plays a file; each plays every format, or WAV at least.
PLAYERS: Final = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("play", "-q"),
    ("paplay",),
    ("aplay", "-q"),
)


@app.command("list", epilog="Example: ringback recordings list --agent alice")
def list_recordings(
    call_id: Annotated[
        str | None, typer.Option("--call", metavar="CALL", help="Of this call.")
    ] = None,
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Of this callback.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Of this agent.")] = None,
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="Of this queue.")] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Of this site.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="kept, moving, moved, failed, ...")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """List recordings, newest first."""
    wanted = {"job": job, "agent": agent, "queue": queue, "site": site, "state": state}
    call_pages("recording.list", "recordings", print_recordings, call=call_id, **wanted)


@app.command("get", epilog="Example: ringback recordings get rec-019a2f31c6b0-9f2c41d07be81a35")
def get(recording: Recording, socket: SocketAfter = None, json: Json = False) -> None:
    """Show one recording in full."""
    call("recording.get", print_recording, recording=recording)


@app.command("play", epilog="Example: ringback recordings play rec-019a2f31c6b0-9f2c41d07be81a35")
def play(
    recording: Recording,
    player: Annotated[
        str | None, typer.Option(metavar="PROGRAM", help="Play it by this program.")
    ] = None,
    socket: SocketAfter = None,
) -> None:
    """Play a recording on this machine, which must be that of the engine."""
    found = ask(lambda client: client.call("recording.get", recording=recording))
    file = Path(found["file"])
    if found["state"] == "moved":
        where = found["location"] or "elsewhere"
        fail(EXIT_FAILED, f"recording {recording} was moved: {where}")
    if not file.is_file():
        file = file.with_suffix(".wav")  # as long as it is being written
    if not file.is_file():
        fail(EXIT_FAILED, f"{found['file']}: there is no such file on this machine")
    command = (player,) if player is not None else player_of(shutil.which)
    if command is None:
        names = ", ".join(one[0] for one in PLAYERS)
        fail(EXIT_FAILED, f"none of {names} is installed; the file is {file}")
    try:
        status = subprocess.run([*command, str(file)], check=False).returncode
    except OSError as error:
        fail(EXIT_FAILED, f"{command[0]}: {error.strerror or error}")
    if status:
        raise typer.Exit(EXIT_FAILED)


def player_of(which: Callable[[str], str | None]) -> tuple[str, ...] | None:
    """The first program that plays sound and is installed, with its options."""
    return next((one for one in PLAYERS if which(one[0]) is not None), None)


@app.command("delete", epilog="Example: ringback recordings delete rec-019a2f31c6b0-9f2c41d07be8")
def delete(recording: Recording, socket: SocketAfter = None, json: Json = False) -> None:
    """Delete a recording: its file, and what is known of it."""
    call("recording.delete", _print_deleted, recording=recording)


@app.command("start", epilog="Example: ringback recordings start call-9f2c41d07be81a35")
def start(
    call_id: CallId,
    format: Annotated[str | None, typer.Option(metavar="FORMAT", help="wav, flac or opus.")] = None,
    side: Annotated[str, typer.Option(metavar="SIDE", help="both, agent or customer.")] = "both",
    announcement: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What both hear before.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Record a call from now on."""
    order = {"call": call_id, "format": format, "side": side, "announcement": announcement}
    call("recording.start", print_recording, **order)


@app.command("stop", epilog="Example: ringback recordings stop call-9f2c41d07be81a35")
def stop(call_id: CallId, socket: SocketAfter = None, json: Json = False) -> None:
    """Record a call no longer."""
    call("recording.stop", print_recording, call=call_id)


@app.command("pause", epilog="Example: ringback recordings pause call-9f2c41d07be81a35")
def pause(
    call_id: CallId,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with it.")] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let there be silence in the recording of a call."""
    call("recording.pause", print_recording, call=call_id, reason=reason)


@app.command("resume", epilog="Example: ringback recordings resume call-9f2c41d07be81a35")
def resume(call_id: CallId, socket: SocketAfter = None, json: Json = False) -> None:
    """Go on with the recording of a call."""
    call("recording.resume", print_recording, call=call_id)


def print_recordings(result: Mapping[str, Any]) -> None:
    """Print the result of recording.list."""
    shown = table("recording", "started", "length", "state", "agent", "site", "file")
    for one in result["recordings"]:
        shown.add_row(
            one["recording"],
            date(one["started"]),
            duration(one["duration_s"]),
            state_cell(one["state"]),
            one["agent"] or "",
            one["site"] or "",
            one["location"] or one["path"],
        )
    console.print(shown)


def print_recording(one: Mapping[str, Any]) -> None:
    """Print one recording in full."""
    rows = [
        (name, date(value) if name in ("started", "ended", "move_at") else value_text(value))
        for name, value in one.items()
        if value is not None and name != "marks"
    ]
    for mark in one["marks"]:
        reason = f": {mark['reason']}" if mark["reason"] else ""
        rows.append((mark["kind"], f"at {mark['at_s']:.1f} s{reason}"))
    console.print(details(rows))


def _print_deleted(one: Mapping[str, Any]) -> None:
    typer.echo(f"recording {one['recording']} is deleted")
    if one["state"] == "moved":
        where = one["location"] or "where the command has put it"
        typer.echo(f"its file was moved before, and is still there: {where}")
