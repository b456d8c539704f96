"""Files of sound: whether one can be played, and its samples, by a process that has nothing else.

Any WAV that libsndfile reads will do (8 to 32 bit integer, float, A-law, u-law; any rate, any
number of channels), and AIFF, AU, FLAC, Ogg (Vorbis, Opus) and MP3 besides. Channels are averaged,
the rate is brought to 8 kHz, or 16 kHz, by soxr at high quality.
"""

import os
import stat
import time
from typing import Final

from .confined_process import ConfinedPool, ConfinedProcess, ProcessDied, ProcessTimedOut
from .sound_file_process import CHECK, FAILED, READ, READ_WIDE, REQUEST, RESPONSE, SOUND

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_DURATION_S: Final = 900.0

READ_LIMIT_S: Final = 30.0
_HIGHEST_RATE_HZ: Final = 16000  # of what is read
_FILES_EACH = 500
_IDLE_S = 30.0
_LONGEST_REASON = 4096

_processes: Final = ConfinedPool(
    "media.sound.sound_file_process", processes=2, uses_each=_FILES_EACH, idle_s=_IDLE_S
)


class PromptError(Exception):
    """A prompt that cannot be played; `reason` is for a person, `path` says which."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def read_prompt(path: str, *, is_wide: bool = False) -> bytes:
    """Samples of 16 bits in this machine's order, one channel, of a sound file; blocks.

    They have 8 kHz, or 16 kHz with `is_wide`.

    Raises PromptError: no such file, not a regular file, larger than MAX_FILE_BYTES, longer than
    MAX_DURATION_S, not a sound file, no sound in it, or one that the libraries die of.
    """
    return _ask(path, READ_WIDE if is_wide else READ)


def check_prompt(path: str) -> None:
    """Raise PromptError where `read_prompt` would by the file's header; reads no sound."""
    _ask(path, CHECK)


def _ask(path: str, wanted: bytes) -> bytes:
    descriptor = _open(path)
    try:
        word, body = _processes.run(lambda process: _answer(process, wanted, descriptor))
    except ProcessTimedOut as error:
        raise PromptError(path, f"takes over {READ_LIMIT_S:g} s to be read") from error
    except ProcessDied as error:
        reason = str(error) or "the process that reads sound files has died of it"
        raise PromptError(path, reason) from error
    except OSError as error:
        reason = f"the process that reads sound files cannot start: {error.strerror}"
        raise PromptError(path, reason) from error
    finally:
        os.close(descriptor)
    if word != SOUND:
        raise PromptError(path, body.decode(errors="replace"))
    return body


def _answer(process: ConfinedProcess, wanted: bytes, descriptor: int) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + READ_LIMIT_S
    process.send(REQUEST.pack(wanted, MAX_DURATION_S), deadline, descriptor)
    word, length = RESPONSE.unpack(process.receive(RESPONSE.size, deadline))
    most = 2 * round((MAX_DURATION_S + 1) * _HIGHEST_RATE_HZ) if word == SOUND else _LONGEST_REASON
    if word not in (SOUND, FAILED) or length > most or (word == SOUND and length % 2):
        raise ProcessDied("the process that reads sound files has answered nonsense")
    return word, process.receive(length, deadline)


def close_processes() -> None:
    """End the process that reads sound files, where it is idle. The next file starts one again."""
    _processes.close()


def _open(path: str) -> int:
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PromptError(path, f"cannot be opened: {reason}") from error
    status = os.fstat(descriptor)
    reason = ""
    if not stat.S_ISREG(status.st_mode):
        reason = "is not a regular file"
    elif status.st_size > MAX_FILE_BYTES:
        reason = f"has {status.st_size} bytes, more than {MAX_FILE_BYTES}"
    elif status.st_size == 0:
        reason = "is empty"
    if reason:
        os.close(descriptor)
        raise PromptError(path, reason)
    return descriptor
