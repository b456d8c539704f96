"""Recorded prompts: sound files, read once and kept coded in both laws of G.711.

Any WAV that libsndfile reads will do (8 to 32 bit integer, float, A-law, u-law; any rate, any
number of channels), and AIFF, AU, FLAC and Ogg besides. Channels are averaged, the rate is brought
to 8 kHz by soxr at high quality. What is played has the one loudness of all files.
"""

import asyncio
import os
import stat
from collections import OrderedDict
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .clip import Clip
from .fade import seamless
from .g711 import SAMPLE_RATE_HZ
from .loudness import levelled

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_DURATION_S: Final = 900.0
CACHE_BYTES: Final = 64 * 1024 * 1024  # of G.711 in both laws: 70 minutes of sound

_MIN_RATE_HZ = 4000
_MAX_RATE_HZ = 384_000
_MAX_CHANNELS = 32
_FORMATS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "FLAC", "OGG"})
_BLOCK_VALUES = 65_536  # bounds memory, and how long one step of a load takes

_Identity = tuple[str, int, int, bool]  # path, mtime in ns, size, whether it is a loop


class PromptError(Exception):
    """A prompt that cannot be played; `reason` is for a person, `path` says which."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def load(path: str) -> NDArray[np.int16]:
    """int16 samples at 8 kHz, one channel, of the sound file at `path`; blocks.

    Raises PromptError: no such file, not a regular file, larger than MAX_FILE_BYTES, longer than
    MAX_DURATION_S, not a sound file, no sound in it.
    """
    descriptor = _open(path)
    try:
        return _read(path, descriptor)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise PromptError(path, f"cannot be read as sound: {error}") from error
    finally:
        os.close(descriptor)


def check_prompt(path: str) -> None:
    """Raise PromptError where `load` would by what the file's header says; reads no sound."""
    descriptor = _open(path)
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as sound:
            _check(path, sound)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise PromptError(path, f"cannot be read as sound: {error}") from error
    finally:
        os.close(descriptor)


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


def _read(path: str, descriptor: int) -> NDArray[np.int16]:
    with soundfile.SoundFile(descriptor, closefd=False) as sound:
        _check(path, sound)
        resampler = None
        if sound.samplerate != SAMPLE_RATE_HZ:
            resampler = soxr.ResampleStream(
                sound.samplerate, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ"
            )
        pieces: list[NDArray[np.int16]] = []
        count = 0
        block_frames = max(1, _BLOCK_VALUES // sound.channels)
        last = False
        while not last:
            block = sound.read(block_frames, dtype="float32", always_2d=True)
            last = len(block) < block_frames
            mono = block.mean(axis=1, dtype=np.float32)
            if resampler is not None:
                mono = resampler.resample_chunk(mono, last=last)
            pieces.append(_to_int16(mono))
            count += len(mono)
            if count > MAX_DURATION_S * SAMPLE_RATE_HZ:  # a header may say less than there is
                raise PromptError(path, f"lasts more than {MAX_DURATION_S:g} s")
    if count == 0:
        raise PromptError(path, "holds no sound")
    return np.concatenate(pieces)


def _check(path: str, sound: soundfile.SoundFile) -> None:
    if sound.format not in _FORMATS:
        raise PromptError(path, f"is {sound.format}, not WAV")
    if not _MIN_RATE_HZ <= sound.samplerate <= _MAX_RATE_HZ:
        raise PromptError(path, f"has a sample rate of {sound.samplerate} Hz")
    if sound.channels > _MAX_CHANNELS:
        raise PromptError(path, f"has {sound.channels} channels")
    if sound.frames > MAX_DURATION_S * sound.samplerate:
        raise PromptError(path, f"lasts more than {MAX_DURATION_S:g} s")


def _to_int16(values: NDArray[np.float32]) -> NDArray[np.int16]:
    # Float files may hold anything, NaN included.
    scaled = np.rint(np.nan_to_num(values, posinf=1.0, neginf=-1.0) * np.float32(32768))
    samples: NDArray[np.int16] = scaled.clip(-32768, 32767).astype(np.int16)
    return samples


class PromptCache:
    """Prompts by file, the least lately used dropped first; for one event loop.

    A file that has changed (modification time or size) is read again. Asked for twice at once, a
    file is read once. What `is_loop` is made to be played over and over (`seamless`).
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
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
            clip = await asyncio.to_thread(_load_clip, identity[0], identity[-1])
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


def _load_clip(path: str, is_loop: bool) -> Clip:
    samples = levelled(load(path))
    return Clip.of(seamless(samples) if is_loop else samples)
