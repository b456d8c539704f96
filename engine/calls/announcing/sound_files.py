"""The sound files that requests and the configuration name."""

import os
from collections.abc import Sequence
from pathlib import Path

from config.sounds import find_configured, find_sound
from media.sound.prompts import PromptError, check_prompt


class NoSound(Exception):
    """No sound file has this name. Its text is for the person who wrote the name."""


class SoundFiles:
    """Finds the sound files in the directories of `media.sounds`."""

    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self._directories = tuple(directories)

    def requested(self, name: str) -> Path:
        """The file that a request names. Raises NoSound.

        The reason is one and the same for a file that is not there, that may not be read and that
        is elsewhere: a client must not learn which files exist.
        """
        path = find_sound(name, self._directories)
        if path is None or not os.access(path, os.R_OK):
            raise NoSound(f"{name}: there is no such sound file in media.sounds")
        return path

    def check(self, name: str) -> None:
        """Raise NoSound where a request names what cannot be played."""
        path = self.requested(name)
        try:
            check_prompt(str(path))
        except PromptError as error:
            raise NoSound(f"{name}: {error.reason}") from error

    def configured(self, name: str) -> Path:
        """The file that the configuration names: in the directories, or at that path.

        It was there when the configuration was read.
        """
        return find_configured(name, self._directories) or Path(name)
