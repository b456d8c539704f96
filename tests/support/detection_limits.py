"""The limits by which it is told who has answered, as a configuration has them that names none."""

from typing import Any

from msgspec import structs

from config.detection import Detection
from engine.calls.answering.answer_policy import limits_of
from media.detection_limits import DetectionLimits


def usual_limits(**changes: Any) -> DetectionLimits:
    """The usual limits, with these changes."""
    return structs.replace(limits_of(Detection()), **changes)
