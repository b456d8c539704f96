"""Which sound files a request may have played, and what it learns of the others."""

import os
from pathlib import Path

import pytest

from engine.calls.announcing.sound_files import NoSound, SoundFiles
from tests.support.recording import write_tone_wav


def refusal(sounds: SoundFiles, name: str) -> str:
    sounds.inspect(name)
    with pytest.raises(NoSound) as caught:
        sounds.check(name)
    return str(caught.value).replace(name, "NAME")


def test_what_is_not_there_may_not_be_read_or_is_elsewhere_is_told_alike(tmp_path: Path) -> None:
    directory = tmp_path / "sounds"
    directory.mkdir()
    other = tmp_path / "recordings" / "call.wav"
    other.parent.mkdir()
    write_tone_wav(other, 440, 0.2)
    (directory / "leads_out.wav").symlink_to(other)
    sounds = SoundFiles([directory])
    for name in ("none.wav", "leads_out.wav", "../recordings/call.wav", str(other), "/etc/shadow"):
        assert refusal(sounds, name) == "NAME: there is no such sound file in media.sounds"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_one_that_may_not_be_read_is_not_there(tmp_path: Path) -> None:
    write_tone_wav(tmp_path / "a.wav", 440, 0.2)
    (tmp_path / "a.wav").chmod(0)
    assert "no such sound file" in refusal(SoundFiles([tmp_path]), "a.wav")


def test_one_that_is_no_sound_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"hello")
    assert "cannot be read as sound" in refusal(SoundFiles([tmp_path]), "a.wav")
    assert str(tmp_path) not in refusal(SoundFiles([tmp_path]), "a.wav").replace("NAME", "")


def test_what_may_be_played(tmp_path: Path) -> None:
    write_tone_wav(tmp_path / "a.wav", 440, 0.2)
    sounds = SoundFiles([tmp_path])
    sounds.inspect("a.wav")
    sounds.check("a.wav")
    assert sounds.requested("a.wav") == tmp_path / "a.wav"
    assert sounds.configured("a.wav") == tmp_path / "a.wav"
    assert sounds.configured("/none/at/all.wav") == Path("/none/at/all.wav")


def test_without_directories_there_is_nothing(tmp_path: Path) -> None:
    write_tone_wav(tmp_path / "a.wav", 440, 0.2)
    assert "no such sound file" in refusal(SoundFiles(), str(tmp_path / "a.wav"))


def test_a_file_is_looked_at_again_once_it_has_changed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"hello")
    sounds = SoundFiles([tmp_path])
    assert "cannot be read as sound" in refusal(sounds, "a.wav")
    write_tone_wav(tmp_path / "a.wav", 440, 0.2)
    sounds.inspect("a.wav")
    sounds.check("a.wav")


def test_the_loop_waits_for_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.wav").write_bytes(b"hello")

    def read(_path: str) -> None:
        raise AssertionError("a file is read")

    monkeypatch.setattr("engine.calls.announcing.sound_files.check_prompt", read)
    SoundFiles([tmp_path]).check("a.wav")
