"""A text that kills the library costs that text alone."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from media.speech import speech_pool
from media.speech.synthesizer import SpeechError, Synthesizer

from .test_synthesizer import duration_s


@pytest.mark.parametrize("voice", ["de", "pt", "ru", "el", "ka"])
def test_a_text_that_kills_the_library_costs_that_text_alone(tmp_path: Path, voice: str) -> None:
    synthesizer = Synthesizer(tmp_path, voice=voice)
    with contextlib.suppress(SpeechError):  # not every voice dies of it
        synthesizer.prompt("\U0001f6bc\u0693")
    assert duration_s(synthesizer.prompt("one two three")) > 0.3


def test_a_process_that_died_is_an_error_and_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer = Synthesizer(tmp_path, voice="de")
    speech_pool.pool.close()  # what the library does with it depends on what it did before
    with pytest.raises(SpeechError, match="the process that speaks has died of this text"):
        synthesizer.prompt("Anruf von \U0001f6bc\u0693")
    # Killed between two texts, it is replaced and nothing is lost.
    synthesizer.prompt("eins")
    for process in speech_pool.pool.processes.idle:
        os.kill(process.pid, signal.SIGKILL)
    assert duration_s(synthesizer.prompt("eins zwei drei")) > 0.3
    monkeypatch.setattr(speech_pool, "SPEAK_LIMIT_S", 0.0)
    with pytest.raises(SpeechError, match="speaking it takes over 0 s"):
        synthesizer.prompt("vier")
    monkeypatch.undo()
    assert duration_s(synthesizer.prompt("vier f\u00fcnf")) > 0.3
