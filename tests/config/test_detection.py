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


def test_phrases_are_given_once_for_a_language() -> None:
    phrases = {"language": "nl", "voicemail": ["na de piep"]}
    (given,) = Detection.model_validate({"phrases": [phrases]}).phrases
    assert (given.language, given.voicemail, given.ivr) == ("nl", ["na de piep"], [])
    with pytest.raises(ValidationError, match="more than one entry"):
        Detection.model_validate({"phrases": [phrases, phrases | {"language": "NL"}]})
    with pytest.raises(ValidationError, match="no phrases are given for 'nl'"):
        Detection.model_validate({"phrases": [{"language": "nl"}]})
    with pytest.raises(ValidationError):
        Detection.model_validate({"phrases": [{"voicemail": ["na de piep"]}]})
