"""Where the clip of a source comes from, kept once it was made."""

import asyncio
from collections import OrderedDict
from typing import Final, TypeAlias

import numpy as np

from ..settings import LOUDNESS_LUFS
from ..sources import Hold, Playlist, Prompt, Ringing, Silence, Stream, Tone
from .clip import SILENCE, Clip, joined
from .g711 import SAMPLE_RATE_HZ
from .hold_music import hold_music
from .prompt_files import PromptError
from .prompts import PromptCache
from .tones import tones
from .tones.ringback_clip import ringing
from .tones.tone_spec import ToneError

ClipSource: TypeAlias = Silence | Tone | Prompt | Hold | Ringing | Playlist | Stream

_MAX_MADE: Final = 256
MAX_PLAYLIST_S: Final = 3600.0
_PAUSE_SAMPLES: Final = 3 * SAMPLE_RATE_HZ // 10  # between two files
_MAX_JOINED_BYTES: Final = 4 * int(MAX_PLAYLIST_S) * SAMPLE_RATE_HZ


class SourceError(Exception):
    """A source that cannot be played; says why, for a person."""


def loops(source: ClipSource) -> bool:
    """Whether the source has no end."""
    return source.loop if isinstance(source, Tone | Prompt | Playlist) else True


class Library:
    """Clips of one worker. `find` never waits; `load` makes what is not there, in a thread.

    With `is_wide` sound files are also kept at 16 kHz. What is made here, as tones and the built-in
    melody, has nothing that 8 kHz cannot carry. Sound files are brought to `loudness_lufs`.
    """

    __slots__ = ("_joined", "_made", "_prompts")

    def __init__(self, loudness_lufs: float = LOUDNESS_LUFS) -> None:
        self._prompts = PromptCache(loudness_lufs=loudness_lufs)
        self._made: OrderedDict[ClipSource, Clip] = OrderedDict()
        # What was joined of these very clips: a file that has changed gives another one.
        self._joined: OrderedDict[tuple[ClipSource, bool], tuple[list[Clip], Clip]] = OrderedDict()

    def find(self, source: ClipSource, *, is_wide: bool = False) -> Clip | None:
        """The clip, if it is there already."""
        match source:
            case Silence():
                return SILENCE
            case Prompt(path=path) | Hold(path=str(path)):
                return self._prompts.get(path, is_loop=loops(source), is_wide=is_wide)
            case Playlist() | Stream():
                parts, whole = self._joined.get((source, is_wide), ([], None))
                found = [self._prompts.get(path, is_wide=is_wide) for path in source.paths]
                is_same = all(a is b for a, b in zip(parts, found, strict=False))
                is_same = is_same and len(parts) == len(found)
                return whole if is_same else None
            case _:
                return self._made.get(source)

    async def load(self, source: ClipSource, *, is_wide: bool = False) -> Clip:
        """The clip; raises SourceError."""
        try:
            match source:
                case Prompt(path=path) | Hold(path=str(path)):
                    return await self._prompts.load(path, is_loop=loops(source), is_wide=is_wide)
                case Playlist() | Stream():
                    return await self._join(source, is_wide=is_wide)
                case _:
                    clip = await asyncio.to_thread(_make, source)
        except (PromptError, ToneError) as error:
            raise SourceError(str(error)) from error
        self._made[source] = clip
        if len(self._made) > _MAX_MADE:
            self._made.popitem(last=False)
        return clip

    async def _join(self, source: Playlist | Stream, *, is_wide: bool) -> Clip:
        """The files of a list one after the other."""
        parts = [await self._prompts.load(path, is_wide=is_wide) for path in source.paths]
        if sum(part.samples for part in parts) > MAX_PLAYLIST_S * SAMPLE_RATE_HZ:
            raise SourceError(f"the files together last more than {MAX_PLAYLIST_S:g} s")
        whole = joined(parts, _PAUSE_SAMPLES, ends_with_pause=loops(source))
        self._joined[source, is_wide] = parts, whole
        self._joined.move_to_end((source, is_wide))
        total = sum(clip.bytes for _parts, clip in self._joined.values())
        while total > _MAX_JOINED_BYTES and len(self._joined) > 1:
            _source, (_parts, dropped) = self._joined.popitem(last=False)
            total -= dropped.bytes
        return whole


def _make(source: ClipSource) -> Clip:
    match source:
        case Tone():
            return _render_tone(source)
        case Ringing(region=region):
            return ringing(region)
        case Hold():
            return hold_music()
        case _:
            return SILENCE


def _render_tone(tone: Tone) -> Clip:
    samples = tones.render(tone.spec, loop=tone.loop)
    if tone.gain_db:
        scaled = np.rint(samples * 10 ** (tone.gain_db / 20)).clip(-32768, 32767)
        samples = scaled.astype(np.int16)
    return Clip.of(samples)
