"""Recorded prompts: sound files, read once and kept in the forms in which they are heard.

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
from .fade import has_seam, seamless, without_seam
from .form import WIDE_HZ
from .loudness import levelled
from .prompt_files import PromptError, read_prompt

CACHE_BYTES: Final = 64 * 1024 * 1024  # 70 minutes of sound; 23 of what is kept at 16 kHz too

# Path, mtime in ns, size, whether it is a loop, whether it is wide.
_Identity = tuple[str, int, int, bool, bool]


def load(path: str, *, is_wide: bool = False) -> NDArray[np.int16]:
    """int16 samples at 8 kHz, or 16 kHz, one channel, of the sound file at `path`; blocks.

    Raises PromptError as `read_prompt` does.
    """
    return np.frombuffer(read_prompt(path, is_wide=is_wide), np.int16)


class PromptCache:
    """Prompts by file, the least lately used dropped first; for one event loop.

    A file that has changed (modification time or size) is read again. Asked for twice at once, a
    file is read once. What `is_loop` is made to be played over and over (`seamless`). With
    `is_wide` the clip is also kept at 16 kHz.
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

    def get(self, path: str, *, is_loop: bool = False, is_wide: bool = False) -> Clip | None:
        """The prompt if it is kept and its file has not changed: no waiting, no thread."""
        try:
            identity = _identity(path, is_loop, is_wide)
        except PromptError:
            return None
        return self._known(identity)

    def _known(self, identity: _Identity) -> Clip | None:
        for known in (identity, (*identity[:4], True)):  # one that is wide has the others as well
            clip = self._clips.get(known)
            if clip is not None:
                self._clips.move_to_end(known)
                return clip
        return None

    async def load(self, path: str, *, is_loop: bool = False, is_wide: bool = False) -> Clip:
        """The prompt, read and coded in a thread if it is not kept; raises PromptError."""
        identity = _identity(path, is_loop, is_wide)
        clip = self._known(identity)
        if clip is not None:
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
            path, *_, is_loop, is_wide = identity
            clip = await asyncio.to_thread(
                _load_clip, path, self._loudness_lufs, is_loop=is_loop, is_wide=is_wide
            )
        finally:
            del self._loading[identity]
        self._forget_older(identity)
        self._clips[identity] = clip
        self.bytes += clip.bytes
        while self.bytes > self._max_bytes and len(self._clips) > 1:
            _, dropped = self._clips.popitem(last=False)
            self.bytes -= dropped.bytes
        return clip

    def _forget_older(self, newest: _Identity) -> None:
        path, *_, is_loop, is_wide = newest
        for known in list(self._clips):
            # A wide one takes the place of one that is not.
            if (known[0], known[3]) == (path, is_loop) and known[4] <= is_wide:
                self.bytes -= self._clips.pop(known).bytes


def _identity(path: str, is_loop: bool, is_wide: bool) -> _Identity:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PromptError(path, f"cannot be opened: {reason}") from error
    return path, status.st_mtime_ns, status.st_size, is_loop, is_wide


def _mark_retrieved(task: "asyncio.Task[Clip]") -> None:
    """An error that nobody waits for any more is no error of the loop."""
    if not task.cancelled():
        task.exception()


def _load_clip(path: str, loudness_lufs: float, *, is_loop: bool, is_wide: bool) -> Clip:
    samples = levelled(load(path), loudness_lufs)
    if not is_wide:
        return Clip.of(seamless(samples) if is_loop else samples)
    wide = levelled(load(path, is_wide=True), loudness_lufs, WIDE_HZ)
    missing = max(0, 2 * len(samples) - len(wide))
    wide = np.pad(wide[: 2 * len(samples)], (0, missing))
    if is_loop and (has_seam(samples) or has_seam(wide, WIDE_HZ)):
        samples, wide = without_seam(samples), without_seam(wide, WIDE_HZ)
    return Clip.of(samples, wide)
