"""Directories and files: who may write and read them, and how much room is left."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from config.all_sections import AllSections

from .finding import Finding

LEAST_STORE_MIB: Final = 500
_MIB: Final = 1 << 20


class Room(NamedTuple):
    """The room of a file system, in bytes."""

    total: int
    used: int
    free: int


def room_there(directory: Path) -> Room:
    """The room of the file system that the directory is on."""
    return Room(*shutil.disk_usage(directory))


def directory_findings(
    settings: AllSections, room_of: Callable[[Path], Room] = room_there
) -> Iterator[Finding]:
    """Whether the engine's directories may be written by this user, and have room."""
    places = {
        "store.path": (settings.store.path.parent, LEAST_STORE_MIB),
        "media.recordings": (settings.media.recordings, settings.recording.min_free_mib),
        "whisper.cache_dir": (settings.whisper.cache_dir, 0),
        "control.socket": (settings.control.socket.parent, 0),
    }
    for key, (directory, least_mib) in places.items():
        there = _first_that_exists(directory)
        if not there.is_dir():
            yield Finding(
                key, "fault", f"{there} is no directory.", "Move it away, or name another path."
            )
            continue
        if not os.access(there, os.W_OK | os.X_OK):
            yield Finding(
                key,
                "fault",
                f"This user may not write to {there}.",
                f"Run this as the engine's user (sudo -u ringback), or chown {there}; a service "
                "needs it in ReadWritePaths= as well.",
            )
            continue
        mib = room_of(there).free // _MIB
        if mib < least_mib:
            yield Finding(
                key,
                "fault" if key == "media.recordings" else "warning",
                f"{mib} MiB are free on the disk of {there}, and it should have {least_mib}"
                + (": nothing is recorded." if key == "media.recordings" else "."),
                "Delete what is old (ringback recordings delete, store.keep_days, "
                "store.keep_recordings_days), or have a larger disk.",
            )
        else:
            yield Finding(key, "ok", f"{directory} may be written, and {mib} MiB are free.")
        if key == "media.recordings" and _may_others(directory, stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                key, "warning", f"Other users may read {directory}, where talks are kept.",
                f"chmod 0700 {directory}",
            )  # fmt: skip


def secret_findings(settings: AllSections, file: Path) -> Iterator[Finding]:
    """Whether others may read the passwords: in the configuration, and in files that it names."""
    secrets = [*(trunk.password for trunk in settings.trunks), settings.control.token]
    has_secret = any(one.get_secret_value() for one in secrets)
    if has_secret and _may_others(file, stat.S_IROTH | stat.S_IWOTH):
        yield Finding(
            "configuration",
            "warning",
            f"Every user of this machine may read {file}, and it has passwords.",
            f"chmod 0640 {file}; chgrp ringback {file}",
        )
    named = {
        "control.tls_key": settings.control.tls_key,
        "control.token_file": settings.control.token_file,
        "streams.token_file": settings.streams.token_file,
        "sip.tls.key": settings.sip.tls.key,
    }
    for key, text in named.items():
        if text and _may_others(Path(text), stat.S_IROTH | stat.S_IWOTH):
            what = f"Every user of this machine may read {text}."
            yield Finding(key, "warning", what, f"chmod 0640 {text}")


def _first_that_exists(path: Path) -> Path:
    """The path, or the nearest directory above it that there is: the engine makes the others."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _may_others(path: Path, mode: int) -> bool:
    try:
        return bool(path.stat().st_mode & mode)
    except OSError:
        return False
