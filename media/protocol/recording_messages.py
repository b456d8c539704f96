"""The messages about recordings. They are part of messages.py."""

from typing import Literal

import msgspec


class Record(msgspec.Struct, array_like=True, tag=6):
    """Record what two legs say as WAV, `a` left, `b` right. Answered by Done or Refused.

    Without `b` it is what `a` says alone; with `b` the same as `a`, what the peer of `a` hears is
    on the right. With `channels` 1 both sides are in one. It is refused, and ends, where fewer than
    `min_free_bytes` are free on the disk. With `is_paused` it is silent from its beginning.
    """

    request: int
    a: str
    b: str
    path: str
    channels: Literal[1, 2] = 2
    min_free_bytes: int = 0
    is_paused: bool = False


class StopRecording(msgspec.Struct, array_like=True, tag=7):
    """End the recording of leg `a`. Answered by Recorded once the file is complete."""

    request: int
    a: str


class PauseRecording(msgspec.Struct, array_like=True, tag=14):
    """From now on (`pauses`) there is silence in the recording of leg `a`, or no longer.

    Answered by RecordingAt.
    """

    request: int
    a: str
    pauses: bool


class RecordingAt(msgspec.Struct, array_like=True, tag=72):
    """How much has been recorded by now, with what is silent in it."""

    request: int
    at_s: float


class Recorded(msgspec.Struct, array_like=True, tag=73):
    """A recording is complete."""

    request: int
    duration_s: float
    bytes: int


class RecordingEnded(msgspec.Struct, array_like=True, tag=104):
    """A recording ended by itself: a leg was closed (`error` is None), or writing failed.

    `duration_s` and `bytes` are those of the file, which is whole as far as it goes.
    """

    path: str
    error: str | None = None
    duration_s: float = 0.0
    bytes: int = 0
