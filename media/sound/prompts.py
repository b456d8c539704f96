"""Recorded prompts: sound files, read once and kept coded in both laws of G.711.

What is played has the one loudness of all files.
"""

import asyncio
import os
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..settings import LOUDNESS_LUFS
from .clip import Clip
from .fade import seamless
from .loudness import levelled
from .prompt_files import PromptError, read_prompt

CACHE_BYTES: Final = 64 * 1024 * 1024  # of G.711 in both laws: 70 minutes of sound

_Identity = tuple[str, int, int, bool]  # path, mtime in ns, size, whether it is a loop


def load(path: str) -> NDArray[np.int16]:
    """int16 samples at 8 kHz, one channel, of the sound file at `path`; blocks.

    Raises PromptError as `read_prompt` does.
    """
    return np.frombuffer(read_prompt(path), np.int16)


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
