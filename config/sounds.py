"""Sound files by name: in the directories that are for them, and nowhere else."""

from collections.abc import Iterable
from pathlib import Path

FILE = "file:"
"""What begins a sentence that is a sound file and not spoken."""


def find_sound(name: str, directories: Iterable[Path]) -> Path | None:
    """The file of that name inside one of the directories, without symbolic links.

    None where there is none: no such file, no regular one, one that cannot be looked at, or one
    that a link or `..` leads to outside the directories.
    """
    for directory in directories:
        try:
            inside = directory.resolve(strict=True)
            path = (inside / name).resolve(strict=True)
            if path.is_relative_to(inside) and path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # a name that no file has; a loop of links
            continue
    return None


def find_configured(name: str, directories: Iterable[Path]) -> Path | None:
    """The file that the configuration names: as `find_sound`, or at that path anywhere."""
    found = find_sound(name, directories)
    if found is not None:
        return found
    try:
        path = Path(name).resolve(strict=True)
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
