"""Completes the files of recordings: encodes them where they are no WAV, and takes their digest."""

import asyncio
import contextlib
import hashlib
import wave
from pathlib import Path
from typing import Final, NamedTuple

from media.child_process import python_process

from .entry import RecordingEntry

# Of a talk of two hours it takes about a minute.
ENCODE_LIMIT_S: Final = 3600.0
_BLOCK_BYTES: Final = 1 << 20
_REASON_BYTES: Final = 500


class NotFinished(Exception):
    """The file could not be completed. What the media worker wrote of it is still there."""


class FinishedFile(NamedTuple):
    """What is known of a file that is complete."""

    duration_s: float
    bytes: int
    sha256: str


async def finish(entry: RecordingEntry) -> FinishedFile:
    """Complete the file of `entry`, which is not written any more. Raises NotFinished."""
    path, written = Path(entry.path), entry.written
    try:
        # A crash may have come between the end of the encoding and that of the WAV file.
        if written.exists():
            duration_s = await asyncio.to_thread(duration_of, written)
            if path != written:
                await encode(written, path, entry.format)
                written.unlink()
        else:
            duration_s = entry.duration_s or 0.0
        size, digest = await asyncio.to_thread(digest_of, path)
    except (OSError, wave.Error, EOFError) as error:
        raise _not_finished(error) from error
    return FinishedFile(duration_s, size, digest)


async def measure(path: Path) -> FinishedFile:
    """What is known of a WAV file that is as it was left. Raises NotFinished."""
    try:
        duration_s = await asyncio.to_thread(duration_of, path)
        size, digest = await asyncio.to_thread(digest_of, path)
    except (OSError, wave.Error, EOFError) as error:
        raise _not_finished(error) from error
    return FinishedFile(duration_s, size, digest)


def _not_finished(error: Exception) -> NotFinished:
    return NotFinished(getattr(error, "strerror", None) or str(error) or "no WAV")


def duration_of(path: Path) -> float:
    """How long a WAV file is. Raises OSError, wave.Error, EOFError. Blocks."""
    with wave.open(str(path)) as sound:
        return float(round(sound.getnframes() / sound.getframerate(), 3))


def digest_of(path: Path) -> tuple[int, str]:
    """The size of a file and its SHA-256. Raises OSError. Blocks."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


async def encode(source: Path, target: Path, format: str) -> None:
    """Encode a WAV file in a process of its own. Raises NotFinished."""
    child = python_process("engine.recordings.encode_process", str(source), str(target), format)
    process = await asyncio.create_subprocess_exec(
        *child.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=child.environment,
    )
    try:
        async with asyncio.timeout(ENCODE_LIMIT_S):
            _out, said = await process.communicate()
    except TimeoutError as error:
        raise NotFinished(f"encoding it takes over {ENCODE_LIMIT_S:g} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        lines = said[-_REASON_BYTES:].decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {process.returncode}"
        raise NotFinished(f"it cannot be encoded as {format}: {reason}")
