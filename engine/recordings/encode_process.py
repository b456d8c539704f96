"""Encodes a WAV file as FLAC or Ogg Opus: a process of its own, after everything else in turn.

`python -m engine.recordings.encode_process FROM TO FORMAT`. What it writes is complete, and on the
disk, before it has its name.
"""

import os
import sys
from pathlib import Path
from typing import Final

import soundfile

NICENESS: Final = 15
_BLOCK_FRAMES: Final = 1 << 16
_ENCODINGS: Final = {
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "OPUS"),
    "opus": ("OGG", "OPUS"),
}


def encode(source: Path, target: Path, format: str) -> None:
    """Write `source` as `target`. Raises OSError, soundfile.LibsndfileError."""
    container, subtype = _ENCODINGS[format]
    partial = target.with_name(f".{target.name}.partial")
    try:
        with (
            soundfile.SoundFile(source) as read,
            soundfile.SoundFile(
                partial,
                "w",
                samplerate=read.samplerate,
                channels=read.channels,
                format=container,
                subtype=subtype,
            ) as written,
        ):
            for block in read.blocks(_BLOCK_FRAMES, dtype="int16"):
                written.write(block)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def main() -> None:
    """Entry point of the process. Why it fails is one line on standard error."""
    os.nice(NICENESS)
    source, target, format = sys.argv[1:]
    try:
        encode(Path(source), Path(target), format)
    except (OSError, soundfile.LibsndfileError) as error:
        sys.exit(f"{getattr(error, 'strerror', None) or error}")


if __name__ == "__main__":
    main()
