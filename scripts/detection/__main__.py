"""Measures the detection of who has answered: `python -m scripts.detection`.

Samples are made with espeak-ng. `--half tuning` is for whoever changes a limit; the figures of the
documentation are those of the test half with `--seed 2026`. `--save DIRECTORY` writes the samples
as WAV. `--words` has pocketsphinx listen to those in English as well, and `--english` leaves out
the others.
"""

import argparse
import sys
from pathlib import Path

import msgspec
import soundfile
from rich.console import Console
from rich.table import Table

from config.detection import Detection
from media.detection_limits import LABELS, DetectionLimits
from media.speech.espeak import SpeechError

from .measure import Measured, measure
from .noise import RATE_HZ
from .samples import Sample, make
from .spotted_words import recogniser_of

LEAST_RIGHT = 0.95
MOST_MS = 1600.0
MOST_PEOPLE_TAKEN = 0.01


def main(arguments: list[str] | None = None) -> int:
    """Make, detect, print. The status is 1 where a target was missed, 2 without espeak-ng."""
    parser = argparse.ArgumentParser(prog="python -m scripts.detection", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="samples in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("test", "tuning", "both"), default="test")
    parser.add_argument("--words", action="store_true", help="with pocketsphinx, in English")
    parser.add_argument("--english", action="store_true", help="samples in English alone")
    parser.add_argument("--save", type=Path, help="also write the samples here, as WAV")
    options = parser.parse_args(arguments)
    half = None if options.half == "both" else options.half
    try:
        samples = list(make(options.count, options.seed, half))
    except SpeechError as error:
        print(f"not measured: {error.reason}", file=sys.stderr)
        return 2
    if options.save is not None:
        save(samples, options.save)
    limits = msgspec.convert(Detection().limits.model_dump(), DetectionLimits)
    if options.english:
        samples = [one for one in samples if one.language.startswith("en")]
    measured = measure(samples, limits, recogniser_of if options.words else lambda _sample: None)
    show(measured, Console())
    return 0 if meets_targets(measured) else 1


def save(samples: list[Sample], directory: Path) -> None:
    """Write each sample as a file with its name."""
    directory.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        soundfile.write(directory / f"{sample.name}.wav", sample.sound, RATE_HZ)


def meets_targets(measured: Measured) -> bool:
    """Whether enough were right, soon enough, and hardly a person was taken for a machine."""
    return (
        measured.right >= LEAST_RIGHT
        and measured.median_ms("human") <= MOST_MS
        and measured.people_taken_for_machines <= MOST_PEOPLE_TAKEN
    )


def show(measured: Measured, console: Console) -> None:
    """Print the table of what was taken for what, and the figures."""
    table = Table(title=f"{measured.count} samples: what they are, what they were taken for")
    table.add_column("")
    for label in (*LABELS, "median ms"):
        table.add_column(label, justify="right")
    for label in LABELS:
        counts = (str(measured.confusion[label, other] or "·") for other in LABELS)
        table.add_row(label, *counts, f"{measured.median_ms(label):.0f}")
    console.print(table)
    for sample, verdict in measured.wrong:
        console.print(f"{sample.name}: {verdict.label} ({verdict.reason}): {sample.text[:60]}")
    console.print(
        f"right {measured.right:.1%} (at least {LEAST_RIGHT:.0%}); "
        f"median of people {measured.median_ms('human'):.0f} ms (at most {MOST_MS:.0f}), "
        f"of all {measured.median_ms():.0f} ms; "
        f"people taken for machines {measured.people_taken_for_machines:.1%} "
        f"(at most {MOST_PEOPLE_TAKEN:.0%})"
    )


if __name__ == "__main__":
    sys.exit(main())
