"""[detection]: rules and limits."""

import pytest
from pydantic import ValidationError

from config.detection import Detection, DetectionLimits


def test_it_is_off_by_default() -> None:
    assert not Detection().enabled


def test_a_message_has_to_be_given_where_one_is_left() -> None:
    with pytest.raises(ValidationError, match="what is left with voicemail"):
        Detection(voicemail="message")
    with pytest.raises(ValidationError, match="names no file"):
        Detection(voicemail="message", message="file:")
    assert Detection(voicemail="message", message="Goodbye").voicemail == "message"


def test_a_person_is_always_joined() -> None:
    with pytest.raises(ValidationError):
        Detection.model_validate({"human": "hangup"})


def test_pauses_and_beeps_are_in_order() -> None:
    with pytest.raises(ValidationError, match="must be between"):
        DetectionLimits(short_pause_ms=300)
    with pytest.raises(ValidationError, match="must not be shorter"):
        DetectionLimits(max_beep_ms=100)
