"""The messages about how a leg is heard. They are part of messages.py."""

from typing import Literal, TypeAlias

import msgspec

from ..sound_settings import OneWayCause


class SilenceStarted(msgspec.Struct, array_like=True, tag=99):
    """The peer sends packets, but nothing to be heard, for `silent_ms` by now."""

    leg: str
    silent_ms: int


class SilenceEnded(msgspec.Struct, array_like=True, tag=100):
    leg: str


class QualityChanged(msgspec.Struct, array_like=True, tag=108):
    """What a leg's peer is heard with (`received`), or hears (`sent`), has become poor, or is good
    again: the opinion score of the stretch since the report before, and what it follows from."""

    leg: str
    direction: Literal["received", "sent"]
    level: Literal["poor", "good"]
    mos: float
    loss: float
    jitter_ms: float
    round_trip_ms: float | None = None


class OneWayAudio(msgspec.Struct, array_like=True, tag=117):
    """Nothing has been heard of the peer since the talk began, although it was spoken to."""

    leg: str
    cause: OneWayCause
    for_s: float


class SoundClipped(msgspec.Struct, array_like=True, tag=118):
    """So large a share of what the peer sends is at full scale."""

    leg: str
    share: float


class EchoHeard(msgspec.Struct, array_like=True, tag=119):
    """What the peer hears comes back from it, so late, and louder by this (below 0: softer)."""

    leg: str
    delay_ms: int
    level_db: float


class VoiceChanged(msgspec.Struct, array_like=True, tag=120):
    """The peer begins to speak, or has stopped."""

    leg: str
    is_speaking: bool


SoundEvent: TypeAlias = (
    SilenceStarted
    | SilenceEnded
    | QualityChanged
    | OneWayAudio
    | SoundClipped
    | EchoHeard
    | VoiceChanged
)
