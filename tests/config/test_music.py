"""[[music]]: their files are there, and rooms name music that there are."""

from pathlib import Path

import pytest

from config.settings import ConfigError, Settings, load
from tests.support.recording import write_tone_wav


def settings(tmp_path: Path, text: str) -> Settings:
    sounds = tmp_path / "sounds"
    sounds.mkdir(exist_ok=True)
    write_tone_wav(sounds / "waltz.wav", 440, 0.1)
    file = tmp_path / "ringback.toml"
    file.write_text(f'media.sounds = ["{sounds}"]\n{text}')
    return load(file, {})


LOBBY = '[[music]]\nname = "lobby"\nfiles = ["waltz.wav"]\n'


def test_a_stream_and_a_room_that_has_it(tmp_path: Path) -> None:
    found = settings(tmp_path, LOBBY + '[[rooms]]\nname = "default"\nmusic = "stream:lobby"\n')
    assert found.music[0].files == ["waltz.wav"]
    assert found.rooms[0].stream == "lobby"
    assert list(found.rooms[0].sounds()) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[music]]\nname = "lobby"\nfiles = []\n', "music[0].files"),
        ('[[music]]\nname = "lobby"\nfiles = [""]\n', "music[0].files"),
        ('[[music]]\nname = "lobby"\nfiles = ["gone.wav"]\n', "music[0].files[0]"),
        ('[[music]]\nname = "lobby"\nfiles = ["/gone/gone.wav"]\n', "music[0].files"),
        (LOBBY + LOBBY, "music[1].name"),
        ('[[rooms]]\nname = "default"\nmusic = "stream:lobby"\n', "rooms[0].music"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings(tmp_path, text)
    assert error.value.key == key
