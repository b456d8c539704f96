"""Whether what recognises speech is there."""

import importlib.util

import pytest

from config.recognition import Recognition
from config.settings import Settings
from engine.checks.speech import missing_recogniser, missing_words


def faults(**recognition: object) -> list[str]:
    settings = Settings(recognition=Recognition(**recognition))  # type: ignore[arg-type]
    return [f"{fault.key}: {fault.reason}" for fault in missing_recogniser(settings)]


def test_a_program_has_to_be_there() -> None:
    assert faults(engine="command", command=["/bin/cat"]) == []
    (fault,) = faults(engine="command", command=["/nowhere/hear"])
    assert fault == "recognition.command: /nowhere/hear is not there, or may not be run"
    assert faults() == []


@pytest.mark.parametrize("is_there", [True, False])
def test_pocketsphinx_has_to_be_installed(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    spec = importlib.util.find_spec("json") if is_there else None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    found = faults(engine="pocketsphinx")
    assert [("pip install 'ringback[recognition]'" in one) for one in found] == [True] * (
        not is_there
    )


def test_words_of_answers_need_a_recogniser_and_phrases() -> None:
    def words(**sections: object) -> list[str]:
        settings = Settings.model_validate({"detection": {"words": True}} | sections)
        return [f"{fault.key}: {fault.reason}" for fault in missing_words(settings)]

    program = {"engine": "command", "command": ["/bin/cat"]}
    assert words() == ["detection.words: needs a recogniser: see recognition.engine"]
    assert words(detection={}) == []
    assert words(recognition=program) == []
    (fault,) = words(recognition=program | {"language": "nl"})
    assert "no phrases in 'nl'" in fault
    own = {"words": True, "phrases": [{"language": "nl", "voicemail": ["na de piep"]}]}
    assert words(recognition=program | {"language": "nl-BE"}, detection=own) == []
