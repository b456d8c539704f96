"""What recognises speech: whether it is there."""

import importlib.util
import os
from collections.abc import Iterator

from config.all_sections import AllSections
from config.errors import Fault
from media.detection_phrases import Phrases, phrases_of


def missing_recogniser(settings: AllSections) -> Iterator[Fault]:
    """A fault where the engine of [recognition] is not installed."""
    recognition = settings.recognition
    if recognition.engine == "pocketsphinx":
        if importlib.util.find_spec("pocketsphinx") is None:
            reason = "pocketsphinx is not there: pip install 'ringback[recognition]'"
            yield Fault("recognition.engine", reason)
    elif recognition.engine == "command" and not os.access(recognition.command[0], os.X_OK):
        reason = f"{recognition.command[0]} is not there, or may not be run"
        yield Fault("recognition.command", reason)


def missing_words(settings: AllSections) -> Iterator[Fault]:
    """A fault where words are to tell who answers, and nothing can hear them."""
    if not settings.detection.words:
        return
    recognition = settings.recognition
    if not recognition.engine:
        yield Fault("detection.words", "needs a recogniser: see recognition.engine")
        return
    own = {one.language: Phrases() for one in settings.detection.phrases}
    if phrases_of(recognition.language, own) is None:
        reason = f"there are no phrases in {recognition.language!r}: give them in detection.phrases"
        yield Fault("detection.words", reason)
