"""Moves the files of recordings elsewhere, by a command of the administrator."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from media.child_process import (
    command_environment,
    fill_command,
    how_it_ended,
    kill_group,
    printed_lines,
)

from .entry import RecordingEntry

FIRST_RETRY_S: Final = 10.0
LONGEST_RETRY_S: Final = 3600.0
_SAID_BYTES: Final = 4096
_LOCATION_CHARS: Final = 1024


class NotMoved(Exception):
    """The command has failed, or took too long. The file is where it was, unless it took it."""


def retry_s(attempts: int) -> float:
    """How long to wait after this number of failed attempts, in seconds."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30))


def command_of(template: Sequence[str], entry: RecordingEntry, zone: tzinfo | None) -> list[str]:
    """The program and its arguments, each filled by itself: no shell reads them."""
    moment = datetime.fromtimestamp(entry.started, zone)
    facts = {
        "path": str(Path(entry.path).absolute()), "name": Path(entry.path).name,
        "recording": entry.id, "call": entry.call, "job": entry.job, "site": entry.site,
        "queue": entry.queue, "agent": entry.agent, "format": entry.format,
        "sha256": entry.sha256, "year": f"{moment:%Y}", "month": f"{moment:%m}",
        "day": f"{moment:%d}",
    }  # fmt: skip
    return [*fill_command(template, facts)]


async def move(command: Sequence[str], limit_s: float) -> str | None:
    """Run the command to its end. Returns where the file is now, if it says so. Raises NotMoved."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=command_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise NotMoved(f"{command[0]}: {error.strerror or error}") from error
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(limit_s):
            said, complaint = await asyncio.gather(_begin(process.stdout), _begin(process.stderr))
            status = await process.wait()
    except TimeoutError as error:
        raise NotMoved(f"{command[0]}: took over {limit_s:g} s") from error
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()
    if status:
        reason = _first_line(complaint) or _first_line(said)
        raise NotMoved(f"{command[0]}: {how_it_ended(status)}{reason and f': {reason}'}")
    return _first_line(said) or None


async def _begin(stream: asyncio.StreamReader) -> bytes:
    """The beginning of what a command says; the rest is read and left out."""
    kept = b""
    while block := await stream.read(_SAID_BYTES):
        kept = (kept + block)[:_SAID_BYTES]
    return kept


def _first_line(said: bytes) -> str:
    return next(iter(printed_lines(said)), "")[:_LOCATION_CHARS]
