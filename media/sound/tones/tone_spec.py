"""The short notation of tones, which `tones.py` renders.

A tone is one segment or several, joined by commas; a segment is the sum of its frequencies in Hz,
and its duration in ms after a slash:

    440                        one second of 440 Hz
    350+440/500                half a second of two frequencies
    440+480/2000,0/4000        a cadence: 0 is silence

A segment without a duration lasts one second. Each stretch of sound is faded in and out so that
it does not click; a looped tone of one segment without duration has no edges at all.
"""

from dataclasses import dataclass
from typing import Final

MAX_SEGMENTS: Final = 32
MAX_FREQUENCIES: Final = 4
MAX_TOTAL_MS: Final = 60_000
MIN_HZ: Final = 20.0
MAX_HZ: Final = 3900.0
DEFAULT_MS: Final = 1000  # of a segment that says nothing


class ToneError(Exception):
    """A tone specification that cannot be read; `reason` is for a person."""

    def __init__(self, spec: str, reason: str) -> None:
        super().__init__(f"tone {_shown(spec)}: {reason}")
        self.reason = reason


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


@dataclass(frozen=True, slots=True)
class Segment:
    """Frequencies that sound together, none for silence; no duration means: without end."""

    frequencies_hz: tuple[float, ...]
    duration_ms: int | None


def parse(spec: str) -> tuple[Segment, ...]:
    """Segments of a tone specification; raises ToneError."""
    parts = spec.split(",")
    if not spec.strip():
        raise ToneError(spec, "is empty")
    if len(parts) > MAX_SEGMENTS:
        raise ToneError(spec, f"has more than {MAX_SEGMENTS} segments")
    segments = tuple(_parse_segment(spec, part.strip()) for part in parts)
    total_ms = sum(
        segment.duration_ms if segment.duration_ms is not None else DEFAULT_MS
        for segment in segments
    )
    if total_ms > MAX_TOTAL_MS:
        raise ToneError(spec, f"lasts {total_ms} ms, more than {MAX_TOTAL_MS} ms")
    return segments


def _parse_segment(spec: str, text: str) -> Segment:
    sum_text, slash, duration_text = text.partition("/")
    duration_ms = None
    if slash:
        if not _is_digits(duration_text, 6) or int(duration_text) == 0:
            raise ToneError(
                spec, f"duration {_shown(duration_text)} is not a number of milliseconds"
            )
        duration_ms = int(duration_text)
    terms = sum_text.split("+")
    if len(terms) > MAX_FREQUENCIES:
        raise ToneError(spec, f"sums more than {MAX_FREQUENCIES} frequencies")
    if terms == ["0"]:
        return Segment((), duration_ms)
    return Segment(tuple(_parse_hz(spec, term) for term in terms), duration_ms)


def _parse_hz(spec: str, text: str) -> float:
    whole, point, tenth = text.partition(".")
    if not _is_digits(whole, 5) or (point and not _is_digits(tenth, 1)):
        raise ToneError(spec, f"{_shown(text)} is not a frequency in Hz (one decimal at most)")
    hz = float(text)
    if not MIN_HZ <= hz <= MAX_HZ:
        raise ToneError(spec, f"{text} Hz is not between {MIN_HZ:g} and {MAX_HZ:g} Hz")
    return hz


def _is_digits(text: str, at_most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= at_most
