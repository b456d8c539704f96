"""What one leg sends in a stretch of time: levels, speech, samples at full scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from ..sound.g711 import FRAME_SAMPLES, SAMPLE_RATE_HZ, decode
from ..sound.level import FLOOR_DBFS, SILENT_DBFS, level_dbfs, step_levels_dbfs

Packet: TypeAlias = tuple[float, bytes, str]
"""When it came, its payload of G.711, its codec. Times are seconds of one monotonic clock."""

STEP_S: Final = 0.01
_STEP_SAMPLES: Final = round(SAMPLE_RATE_HZ * STEP_S)
_FULL_SCALE: Final[dict[str, tuple[int, int]]] = {"PCMU": (0x00, 0x80), "PCMA": (0x2A, 0xAA)}
# A packet that comes this much sooner or later than in turn is where it came; else it is in turn.
_OUT_OF_TURN_STEPS: Final = 6
_STRICTNESS: Final = 2  # of the voice activity detection of WebRTC: 0 to 3


@dataclass(frozen=True, slots=True)
class Window:
    """`levels_dbfs` has one value for each STEP_S. `clipped` is the share of the samples at full
    scale. `is_alive`: there was more than digital silence, or the peer described its silence
    (comfort noise); `has_packets`: something came.
    """

    levels_dbfs: NDArray[np.float32]
    talk_ms: int
    clipped: float
    has_packets: bool
    is_alive: bool


class Speech:
    """Tells of frames of 20 ms whether somebody speaks."""

    __slots__ = ("_vad",)

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(_STRICTNESS)

    def is_in(self, frame: bytes, codec: str) -> bool:
        """Whether there is speech in FRAME_SAMPLES of G.711."""
        if len(frame) != FRAME_SAMPLES or level_dbfs(frame, codec) <= SILENT_DBFS:
            return False
        return bool(self._vad.is_speech(decode(frame, codec).tobytes(), SAMPLE_RATE_HZ))

    def frames_in(self, sound: bytes, codec: str, levels_dbfs: NDArray[np.float32]) -> int:
        """How many frames have speech, with the levels of each STEP_S known."""
        heard, size = decode(sound, codec).tobytes(), 2 * FRAME_SAMPLES
        found = 0
        for frame in range(len(levels_dbfs) // 2):
            if levels_dbfs[2 * frame] > SILENT_DBFS or levels_dbfs[2 * frame + 1] > SILENT_DBFS:
                part = heard[frame * size : (frame + 1) * size]
                found += bool(self._vad.is_speech(part, SAMPLE_RATE_HZ))
        return found


def frames_of(packets: Sequence[Packet]) -> list[tuple[bytes, str]]:
    """The packets in frames of 20 ms, one after the other; what is shorter is left out."""
    return [
        (payload[at : at + FRAME_SAMPLES], codec)
        for _, payload, codec in packets
        for at in range(0, len(payload) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    ]


def look_at(
    packets: Sequence[Packet], began: float, ended: float, *, has_other_packets: bool
) -> Window:
    """The window from `began` to `ended`; `has_other_packets`: packets came that are no audio."""
    levels = np.full(max(1, round((ended - began) / STEP_S)), FLOOR_DBFS, np.float32)
    speech = Speech()
    at = -len(levels)
    samples = clipped = talk_frames = 0
    for codec, those in groupby(packets, itemgetter(2)):
        run = list(those)
        sound = b"".join(payload for _, payload, _ in run)
        of_steps = step_levels_dbfs(sound, codec, _STEP_SAMPLES)
        talk_frames += speech.frames_in(sound, codec, of_steps)
        clipped += sum(sound.count(value) for value in _FULL_SCALE[codec])
        samples += len(sound)
        step = 0
        for now, payload, _ in run:
            came = round((now - began) / STEP_S)
            at = came if abs(came - at) > _OUT_OF_TURN_STEPS else at
            steps = len(payload) // _STEP_SAMPLES
            first, last = max(0, at), min(len(levels), at + steps)
            if first < last:
                levels[first:last] = of_steps[step + first - at : step + last - at]
            at += steps
            step += steps
    return Window(
        levels,
        20 * talk_frames,
        clipped / samples if samples else 0.0,
        has_packets=bool(packets) or has_other_packets,
        is_alive=bool((levels > FLOOR_DBFS).any()) or (has_other_packets and not packets),
    )
