"""The ringback tones of `ringback_tone.py`, rendered and kept."""

from ..clip import Clip
from .ringback_tone import ringback_spec
from .tones import render

_clips: dict[str, Clip] = {}


def ringing(region: str) -> Clip:
    """The region's ringback tone as a clip to be looped, kept once rendered; raises ToneError."""
    spec = ringback_spec(region)
    clip = _clips.get(spec)
    if clip is None:
        clip = _clips[spec] = Clip.of(render(spec, loop=True))
    return clip
