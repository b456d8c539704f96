"""Sound files read in the test's own process, for tests that are about anything but that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from unittest.mock import patch

from media.sound import sound_file_process

T = TypeVar("T")


class ReaderHere:
    """Takes the place of ConfinedProcess: what is asked is answered at once."""

    def __init__(self) -> None:
        self._answer = b""

    def send(self, data: bytes, _deadline: float, descriptor: int) -> None:
        """As ConfinedProcess.send."""
        with patch.object(sound_file_process, "allow_cpu"):  # of a process that reads files alone
            self._answer = sound_file_process._answer(data, descriptor)

    def receive(self, size: int, _deadline: float) -> bytes:
        """As ConfinedProcess.receive."""
        data, self._answer = self._answer[:size], self._answer[size:]
        return data


class ReadersHere:
    """Takes the place of ConfinedPool."""

    def run(self, use: Callable[[ReaderHere], T]) -> T:
        """As ConfinedPool.run."""
        return use(ReaderHere())

    def close(self) -> None:
        """There is nothing to end."""


@contextmanager
def sounds_here() -> Iterator[None]:
    """Files that are read meanwhile are read here."""
    with patch("media.sound.prompt_files._processes", ReadersHere()):
        yield
