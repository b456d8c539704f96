"""What is wrong with a sound file, and its samples where nothing is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from media.sound import prompt_files
from media.sound.prompt_files import PromptError, check_prompt, read_prompt
from tests.support.recording import write_tone_wav


def test_the_samples_of_a_file_are_of_8_khz(tmp_path: Path) -> None:
    path = str(write_tone_wav(tmp_path / "a.wav", 440, 0.5, rate=16000))
    check_prompt(path)
    assert len(read_prompt(path)) == 2 * 4000


def test_reasons_against_a_file(tmp_path: Path) -> None:
    def reason(path: Path | str) -> str:
        with pytest.raises(PromptError) as caught:
            read_prompt(str(path))
        assert caught.value.path == str(path)
        assert str(path) in str(caught.value)
        return caught.value.reason

    assert reason(tmp_path / "none.wav") == "cannot be opened: No such file or directory"
    assert reason("a\0b") == "cannot be opened: embedded null byte"
    assert reason(tmp_path) == "is not a regular file"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert reason(fifo) == "is not a regular file"
    assert reason("/dev/zero") == "is not a regular file"
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert reason(empty) == "is empty"
    text = tmp_path / "text.wav"
    text.write_text("This is no sound at all. " * 100)
    assert reason(text).startswith("cannot be read as sound")
    silent = tmp_path / "silent.wav"
    write_tone_wav(silent, 440, 0.0)
    assert reason(silent) == "holds no sound"
    slow = tmp_path / "slow.wav"
    write_tone_wav(slow, 40, 1.0, rate=100)
    assert reason(slow) == "has a sample rate of 100 Hz"


@pytest.mark.parametrize("ask", [check_prompt, read_prompt])
def test_limits_on_bytes_and_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], object]
) -> None:
    path = str(write_tone_wav(tmp_path / "a.wav", 440, 2.0))
    monkeypatch.setattr(prompt_files, "MAX_DURATION_S", 1.5)
    with pytest.raises(PromptError, match=r"lasts more than 1.5 s"):
        ask(path)
    monkeypatch.setattr(prompt_files, "MAX_FILE_BYTES", 1000)
    with pytest.raises(PromptError, match="has 32044 bytes, more than 1000"):
        ask(path)
