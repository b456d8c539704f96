"""The sound files that requests and the configuration name."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from config.music import MusicStream
from config.sounds import find_configured, find_sound
from media.sound.prompt_files import PromptError, check_prompt
from media.sources import Stream

_MOST_REMEMBERED = 1000
_Identity = tuple[str, int, int]  # path, mtime in ns, size


class NoSound(Exception):
    """No sound file has this name. Its text is for the person who wrote the name."""


class SoundFiles:
    """Finds the sound files in the directories of `media.sounds`."""

    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self._directories = tuple(directories)
        self._streams: dict[str, Stream] = {}
        self._objections: dict[_Identity | None, str | None] = {}

    def requested(self, name: str) -> Path:
        """The file that a request names. Raises NoSound.

        The reason is one and the same for a file that is not there, that may not be read and that
        is elsewhere: a client must not learn which files exist.
        """
        path = find_sound(name, self._directories)
        if path is None or not os.access(path, os.R_OK):
            raise NoSound(f"{name}: there is no such sound file in media.sounds")
        return path

    def inspect(self, name: str) -> None:
        """Look at a file that a request names, for `check`; blocks. What is elsewhere is not read.

        The process that reads it may have to be started, and the disk may be slow.
        """
        with suppress(NoSound):
            path = str(self.requested(name))
            identity = _identity(path)
            if identity is None or identity in self._objections:
                return
            objection = None
            try:
                check_prompt(path)
            except PromptError as error:
                objection = error.reason
            if len(self._objections) >= _MOST_REMEMBERED:
                self._objections.clear()
            self._objections[identity] = objection

    def check(self, name: str) -> None:
        """Raise NoSound where a request names what cannot be played, as far as `inspect` knows."""
        objection = self._objections.get(_identity(str(self.requested(name))))
        if objection is not None:
            raise NoSound(f"{name}: {objection}")

    def configure(self, streams: Iterable[MusicStream]) -> None:
        """Have these music streams from now on."""
        self._streams = {
            one.name: Stream(tuple(str(self.configured(name)) for name in one.files))
            for one in streams
        }

    def stream(self, name: str) -> Stream:
        """A music stream of the configuration. Raises NoSound."""
        if name not in self._streams:
            raise NoSound(f"there is no stream named {name!r}")
        return self._streams[name]

    def configured(self, name: str) -> Path:
        """The file that the configuration names: in the directories, or at that path.

        It was there when the configuration was read.
        """
        return find_configured(name, self._directories) or Path(name)


def _identity(path: str) -> _Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return path, status.st_mtime_ns, status.st_size
