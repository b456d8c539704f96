"""Clips that are there at once, clips that are made, and sources that cannot be played."""

import wave
from pathlib import Path

import numpy as np
import pytest

from media.sound import clip_library, g711
from media.sound.clip import SILENCE
from media.sound.clip_library import ClipSource, Library, SourceError, loops
from media.sources import Hold, Playlist, Prompt, Ringing, Silence, Tone


@pytest.mark.parametrize(
    ("source", "for_ever"),
    [
        (Silence(), True),
        (Hold(), True),
        (Ringing("DE"), True),
        (Tone("440/100"), False),
        (Tone("440/100", loop=True), True),
        (Prompt("/x.wav"), False),
        (Prompt("/x.wav", loop=True), True),
    ],
)
def test_which_sources_go_on_for_ever(source: ClipSource, for_ever: bool) -> None:
    assert loops(source) is for_ever


@pytest.mark.parametrize("source", [Tone("440/100"), Hold(), Ringing("US")])
async def test_what_was_made_is_found_from_then_on(source: ClipSource) -> None:
    library = Library()
    assert library.find(source) is None
    clip = await library.load(source)
    assert clip.samples > 0
    assert library.find(source) is clip


def test_silence_needs_no_making() -> None:
    assert Library().find(Silence()) is SILENCE


async def test_gain_is_in_decibels_and_kept_apart() -> None:
    library = Library()
    loud, quiet = (
        await library.load(Tone("440/100")),
        await library.load(Tone("440/100", False, -6)),
    )
    peaks = [int(np.abs(g711.decode(clip.pcmu, "PCMU")).max()) for clip in (loud, quiet)]
    assert peaks[1] / peaks[0] == pytest.approx(0.5, abs=0.03)


async def test_hold_music_is_made_to_be_looped_and_a_prompt_is_not(tmp_path: Path) -> None:
    path = tmp_path / "welcome.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.arange(0, 8000, 10, dtype="<i2").tobytes())
    library = Library()
    clip = await library.load(Prompt(str(path)))
    assert clip.samples == 800
    assert library.find(Hold(str(path))) is None
    music = await library.load(Hold(str(path)))
    assert library.find(Hold(str(path))) is music and music.samples == 720
    assert library.find(Prompt(str(path))) is clip


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Prompt("/nowhere/to/be.wav"), "/nowhere/to/be.wav"),
        (Hold("/nowhere/to/be.wav"), "/nowhere/to/be.wav"),
        (Tone("no tone"), "no tone"),
        (Ringing("ATLANTIS"), "ATLANTIS"),
    ],
)
async def test_what_cannot_be_played_says_why(source: ClipSource, reason: str) -> None:
    library = Library()
    with pytest.raises(SourceError, match=reason):
        await library.load(source)
    assert library.find(source) is None


async def test_tones_made_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.sound.clip_library._MAX_MADE", 2)
    library = Library()
    tones = [Tone(f"{hz}/20") for hz in (400, 500, 600)]
    for tone in tones:
        await library.load(tone)
    assert [library.find(tone) is not None for tone in tones] == [False, True, True]


def _files(tmp_path: Path, count: int) -> list[str]:
    """Sound files of a tenth of a second."""
    paths = [str(tmp_path / f"{number}.wav") for number in range(count)]
    for path in paths:
        with wave.open(path, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(np.full(800, 4000, dtype="<i2").tobytes())
    return paths


async def test_files_that_are_too_long_together_are_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_library, "MAX_PLAYLIST_S", 0.25)
    paths = _files(tmp_path, 3)
    library = Library()
    assert (await library.load(Playlist(tuple(paths[:2])))).samples > 0
    with pytest.raises(SourceError, match=r"last more than 0\.25 s"):
        await library.load(Playlist(tuple(paths)))


async def test_of_many_lists_the_last_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_library, "_MAX_JOINED_BYTES", 1)
    first, second = (Playlist((path,)) for path in _files(tmp_path, 2))
    library = Library()
    await library.load(first)
    clip = await library.load(second)
    assert library.find(first) is None
    assert library.find(second) is clip
