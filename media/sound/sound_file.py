"""Reads sound files by libsndfile and soxr: an open file in, int16 samples at 8 or 16 kHz out.

Both libraries read what anybody may have written, so that only the process of
sound_file_process.py may call what is here.
"""

import os
import struct
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .g711 import SAMPLE_RATE_HZ

_MIN_RATE_HZ = 4000
_MAX_RATE_HZ = 384_000
_MAX_CHANNELS = 32
_FORMATS: Final = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "FLAC", "OGG", "MP3"})
_CHUNK: Final = struct.Struct("<4sI")
_MOST_CHUNKS: Final = 1000
# Who writes to a pipe does not know the length, and says 2 GB, or 4.
_UNKNOWN_BYTES: Final = 0x7F00_0000
_PADDING_BYTES: Final = 64
_BLOCK_VALUES = 65_536  # bounds memory, and how long one step of a load takes


class SoundFileError(Exception):
    """A file that cannot be played; `reason` is for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(descriptor: int, max_duration_s: float) -> None:
    """Raise SoundFileError where `read` would by what the file's header says; reads no sound.

    Also where a WAV or FLAC file has less sound than its header says.
    """
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as sound:
            _check(sound, max_duration_s)
            if sound.format == "FLAC":
                _check_end(sound)
        _check_wav(descriptor)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise SoundFileError(_in_words(error)) from error


def read(
    descriptor: int, max_duration_s: float, rate_hz: int = SAMPLE_RATE_HZ
) -> NDArray[np.int16]:
    """The sound of an open file: int16 samples of this rate, one channel.

    One that was cut off is read as far as it goes. Raises SoundFileError: no sound file, no sound
    in it, longer than `max_duration_s`.
    """
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as sound:
            _check(sound, max_duration_s)
            return _samples(sound, max_duration_s, rate_hz)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise SoundFileError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    return f"cannot be read as sound: {error}"


def _samples(sound: soundfile.SoundFile, max_duration_s: float, rate_hz: int) -> NDArray[np.int16]:
    resampler = None
    if sound.samplerate != rate_hz:
        resampler = soxr.ResampleStream(sound.samplerate, rate_hz, 1, dtype="float32", quality="HQ")
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
        if count > max_duration_s * rate_hz:  # a header may say less than there is
            raise SoundFileError(f"lasts more than {max_duration_s:g} s")
    if count == 0:
        raise SoundFileError("holds no sound")
    return np.concatenate(pieces)


def _check(sound: soundfile.SoundFile, max_duration_s: float) -> None:
    if sound.format not in _FORMATS:
        raise SoundFileError(f"is {sound.format}, not WAV, FLAC, Ogg or MP3")
    if not _MIN_RATE_HZ <= sound.samplerate <= _MAX_RATE_HZ:
        raise SoundFileError(f"has a sample rate of {sound.samplerate} Hz")
    if sound.channels > _MAX_CHANNELS:
        raise SoundFileError(f"has {sound.channels} channels")
    if sound.frames > max_duration_s * sound.samplerate:
        raise SoundFileError(f"lasts more than {max_duration_s:g} s")


def _check_end(sound: soundfile.SoundFile) -> None:
    """Raise SoundFileError where the last sample that the header promises is not there."""
    try:
        is_there = not sound.frames or (
            sound.seek(sound.frames - 1) >= 0 and len(sound.read(1)) == 1
        )
    except soundfile.LibsndfileError:
        is_there = False
    if not is_there:
        raise SoundFileError("is truncated")


def _check_wav(descriptor: int) -> None:
    """Raise SoundFileError where a WAV file (RIFF) has less sound than its header says."""
    size, at = os.fstat(descriptor).st_size, 12
    head = os.pread(descriptor, at, 0)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return
    for _ in range(_MOST_CHUNKS):
        chunk = os.pread(descriptor, _CHUNK.size, at)
        name, length = _CHUNK.unpack(chunk.ljust(_CHUNK.size, b"\0"))
        at += _CHUNK.size
        if name == b"data":
            if size - at + _PADDING_BYTES < length < _UNKNOWN_BYTES:
                raise SoundFileError(f"is truncated: it has {size - at} of {length} bytes of sound")
            return
        at += length + length % 2


def _to_int16(values: NDArray[np.float32]) -> NDArray[np.int16]:
    # Float files may hold anything, NaN included.
    scaled = np.rint(np.nan_to_num(values, posinf=1.0, neginf=-1.0) * np.float32(32768))
    samples: NDArray[np.int16] = scaled.clip(-32768, 32767).astype(np.int16)
    return samples
