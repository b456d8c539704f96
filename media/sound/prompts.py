"""Recorded prompts: sound files, read once and kept coded in both laws of G.711.

Any WAV that libsndfile reads will do (8 to 32 bit integer, float, A-law, u-law; any rate, any
number of channels), and AIFF, AU, FLAC, Ogg (Vorbis, Opus) and MP3 besides. Channels are averaged,
the rate is brought to 8 kHz by soxr at high quality, in a process that has nothing but the file.
What is played has the one loudness of all files.
"""

import asyncio
import os
import stat
import time
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..settings import LOUDNESS_LUFS
from .clip import Clip
from .confined_process import ConfinedPool, ConfinedProcess, ProcessDied, ProcessTimedOut
from .fade import seamless
from .g711 import SAMPLE_RATE_HZ
from .loudness import levelled
from .sound_file_process import CHECK, FAILED, READ, REQUEST, RESPONSE, SOUND

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_DURATION_S: Final = 900.0
CACHE_BYTES: Final = 64 * 1024 * 1024  # of G.711 in both laws: 70 minutes of sound

READ_LIMIT_S: Final = 30.0
_FILES_EACH = 500
_IDLE_S = 30.0
_LONGEST_REASON = 4096

_Identity = tuple[str, int, int, bool]  # path, mtime in ns, size, whether it is a loop

_processes: Final = ConfinedPool(
    "media.sound.sound_file_process", processes=2, uses_each=_FILES_EACH, idle_s=_IDLE_S
)


class PromptError(Exception):
    """A prompt that cannot be played; `reason` is for a person, `path` says which."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def load(path: str) -> NDArray[np.int16]:
    """int16 samples at 8 kHz, one channel, of the sound file at `path`; blocks.

    Raises PromptError: no such file, not a regular file, larger than MAX_FILE_BYTES, longer than
    MAX_DURATION_S, not a sound file, no sound in it, or one that the libraries die of.
    """
    return np.frombuffer(_ask(path, READ), np.int16)


def check_prompt(path: str) -> None:
    """Raise PromptError where `load` would by what the file's header says; reads no sound."""
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
    most = 2 * round((MAX_DURATION_S + 1) * SAMPLE_RATE_HZ) if word == SOUND else _LONGEST_REASON
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


class PromptCache:
    """Prompts by file, the least lately used dropped first; for one event loop.

    A file that has changed (modification time or size) is read again. Asked for twice at once, a
    file is read once. What `is_loop` is made to be played over and over (`seamless`).
    """

    def __init__(
        self, max_bytes: int = CACHE_BYTES, *, loudness_lufs: float = LOUDNESS_LUFS
    ) -> None:
        self._loudness_lufs = loudness_lufs
        self._max_bytes = max_bytes
        self._clips: OrderedDict[_Identity, Clip] = OrderedDict()
        self._loading: dict[_Identity, asyncio.Task[Clip]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._clips)

    def get(self, path: str, *, is_loop: bool = False) -> Clip | None:
        """The prompt if it is kept and its file has not changed: no waiting, no thread."""
        try:
            identity = _identity(path, is_loop)
        except PromptError:
            return None
        clip = self._clips.get(identity)
        if clip is not None:
            self._clips.move_to_end(identity)
        return clip

    async def load(self, path: str, *, is_loop: bool = False) -> Clip:
        """The prompt, read and coded in a thread if it is not kept; raises PromptError."""
        identity = _identity(path, is_loop)
        clip = self._clips.get(identity)
        if clip is not None:
            self._clips.move_to_end(identity)
            return clip
        task = self._loading.get(identity)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(identity))
            task.add_done_callback(_mark_retrieved)
            self._loading[identity] = task
        # Others may wait for the same file: one that gives up must not take it from them.
        return await asyncio.shield(task)

    async def _load(self, identity: _Identity) -> Clip:
        try:
            clip = await asyncio.to_thread(
                _load_clip, identity[0], identity[-1], self._loudness_lufs
            )
        finally:
            del self._loading[identity]
        self._forget_older(identity)
        self._clips[identity] = clip
        self.bytes += 2 * clip.samples
        while self.bytes > self._max_bytes and len(self._clips) > 1:
            _, dropped = self._clips.popitem(last=False)
            self.bytes -= 2 * dropped.samples
        return clip

    def _forget_older(self, newest: _Identity) -> None:
        path, *_, is_loop = newest
        for known in [one for one in self._clips if (one[0], one[-1]) == (path, is_loop)]:
            self.bytes -= 2 * self._clips.pop(known).samples


def _identity(path: str, is_loop: bool) -> _Identity:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PromptError(path, f"cannot be opened: {reason}") from error
    return path, status.st_mtime_ns, status.st_size, is_loop


def _mark_retrieved(task: "asyncio.Task[Clip]") -> None:
    """An error that nobody waits for any more is no error of the loop."""
    if not task.cancelled():
        task.exception()


def _load_clip(path: str, is_loop: bool, loudness_lufs: float) -> Clip:
    samples = levelled(load(path), loudness_lufs)
    return Clip.of(seamless(samples) if is_loop else samples)
