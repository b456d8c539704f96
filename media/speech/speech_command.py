"""A program of the administrator that speaks texts, such as a neural voice."""

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ..child_process import (
    PROGRAM_ENVIRONMENT,
    fill_command,
    how_it_ended,
    kill_group,
    printed_lines,
)
from ..sound.prompt_files import PromptError, check_prompt
from .espeak import SpeechError

_COMPLAINT_BYTES: Final = 4096
_COMPLAINT_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class SpeechCommand:
    """`template` is the program and its arguments, with fields in braces. It may take `limit_s`,
    and write `max_bytes`. With `falls_back` espeak-ng speaks where it fails."""

    template: tuple[str, ...]
    limit_s: float = 5.0
    max_bytes: int = 32 << 20
    falls_back: bool = True

    @property
    def identity(self) -> str:
        """What tells its texts from those of others."""
        return "\0".join(self.template)

    def speak(self, text: str, path: str, *, language: str, rate_wpm: int, speed: float) -> None:
        """Have the file at `path` written with a sound file that says `text`; blocks.

        No shell reads the text: it is on the program's standard input. The sound is what it writes
        to `{output}`, or else its standard output. Raises SpeechError.
        """
        facts = {
            "language": language,
            "speed": f"{speed:.2f}",
            "words_per_min": str(rate_wpm),
            "output": path,
        }
        command = fill_command(self.template, facts)
        has_output = any("{output}" in one for one in self.template)
        name = Path(command[0]).name
        with tempfile.TemporaryFile() as complaints, open(path, "wb") as sound:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL if has_output else sound,
                    stderr=complaints,
                    cwd="/",
                    env=PROGRAM_ENVIRONMENT,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise SpeechError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
            status = self._finish(process, text)
            complaint = _last_line(complaints)
        if status is None:
            raise SpeechError(f"{name} takes over {self.limit_s:g} s")
        if status:
            how = how_it_ended(status)
            if status == -signal.SIGXFSZ:
                how = f"it writes more than {self.max_bytes >> 20} MiB"
            raise SpeechError(f"{name}: {how}{complaint and f': {complaint}'}")
        try:
            check_prompt(path)
        except PromptError as error:
            raise SpeechError(f"what {name} has written {error.reason}") from error

    def _finish(self, process: "subprocess.Popen[bytes]", text: str) -> int | None:
        """Give it the text, and wait for its end. Its status; None where it took too long."""
        try:
            with contextlib.suppress(OSError):  # it is over already
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (self.max_bytes,) * 2)
            # A text of 2000 characters has room in the pipe, whether or not it reads.
            with contextlib.suppress(OSError):
                process.communicate(text.encode("utf-8", "replace"), timeout=self.limit_s)
            return process.returncode
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(process.pid)
            process.wait()


def _last_line(file: BinaryIO) -> str:
    """The last line of what it has complained of."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _COMPLAINT_BYTES))
    lines = printed_lines(file.read(_COMPLAINT_BYTES))
    return lines[-1][:_COMPLAINT_CHARACTERS] if lines else ""
