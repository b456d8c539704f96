"""The files of recordings: which may belong to a job or record, and how they are deleted."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def calls_of(record: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the calls of a record: its own, and those of its attempts."""
    attempts = record.get("attempts") or ()
    calls = (record.get("call"), *(attempt.get("call") for attempt in attempts))
    return (call for call in calls if isinstance(call, str))


ENDINGS = ("wav", "flac", "ogg", "opus")


def names(id: str, recording: str | None, calls: Iterable[str]) -> Iterator[str]:
    """The names that the recordings of a job or record may have, without their directory.

    `recording` is the path that it names. A call that was cut off names none, but has a file.
    """
    yield f"{id}.wav"
    if recording:
        yield Path(recording).name
    for call in calls:
        yield f"{call}.wav"


def delete(files: Iterable[Path]) -> int:
    """Delete these files. Returns how many there were."""
    deleted = 0
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
            deleted += 1
    return deleted


def delete_before(directory: Path, limit: float) -> int:
    """Delete the recordings in `directory` that ended before `limit`. Returns how many.

    Also those that nothing is known of, as of a call that was cut off.
    """
    with contextlib.suppress(FileNotFoundError):
        found = (file for ending in ENDINGS for file in directory.rglob(f"*.{ending}"))
        return delete(file for file in found if _ended_at(file) < limit)
    return 0


def _ended_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # deleted meanwhile
        return float("inf")
