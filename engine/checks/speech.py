"""What recognises speech: whether it is there."""

import importlib.util
import os
from collections.abc import Iterator

from config.all_sections import AllSections
from config.errors import Fault


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
