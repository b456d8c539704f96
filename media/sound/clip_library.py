"""Where the clip of a source comes from, kept once it was made."""

import asyncio
from collections import OrderedDict
from typing import Final, TypeAlias

import numpy as np

from ..sources import Hold, Prompt, Ringing, Silence, Tone
from . import tones
from .clip import SILENCE, Clip
from .hold_music import hold_music
from .prompts import PromptCache, PromptError
from .ringback_tone import ringing
from .tones import ToneError

ClipSource: TypeAlias = Silence | Tone | Prompt | Hold | Ringing

_MAX_MADE: Final = 256


class SourceError(Exception):
    """A source that cannot be played; says why, for a person."""


def loops(source: ClipSource) -> bool:
    """Whether the source has no end."""
    return source.loop if isinstance(source, Tone | Prompt) else True


class Library:
    """Clips of one worker. `find` never waits; `load` makes what is not there, in a thread."""

    __slots__ = ("_made", "_prompts")

    def __init__(self) -> None:
        self._prompts = PromptCache()
        self._made: OrderedDict[ClipSource, Clip] = OrderedDict()

    def find(self, source: ClipSource) -> Clip | None:
        """The clip, if it is there already."""
        match source:
            case Silence():
                return SILENCE
            case Prompt(path=path) | Hold(path=str(path)):
                return self._prompts.get(path, is_loop=loops(source))
            case _:
                return self._made.get(source)

    async def load(self, source: ClipSource) -> Clip:
        """The clip; raises SourceError."""
        try:
            match source:
                case Prompt(path=path) | Hold(path=str(path)):
                    return await self._prompts.load(path, is_loop=loops(source))
                case _:
                    clip = await asyncio.to_thread(_make, source)
        except (PromptError, ToneError) as error:
            raise SourceError(str(error)) from error
        self._made[source] = clip
        if len(self._made) > _MAX_MADE:
            self._made.popitem(last=False)
        return clip


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
