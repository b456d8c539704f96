"""What is looked at before the engine starts: one reason, and the key that it is about."""

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.agents import Agent
from config.inbound import Room
from config.sections import Media, Trunk, Whisper
from config.settings import ConfigError, Settings
from engine import preflight
from media.speech.synthesizer import SpeechError, Synthesizer
from tests.support.quiet_speech import quiet_speech
from tests.support.recording import write_tone_wav


def settings(directory: Path, *, media: Any = None, whisper: Any = None, music: str = "") -> Any:
    return Settings(
        media=Media(**{"recordings": directory / "recordings"} | (media or {})),
        whisper=Whisper(**{"cache_dir": directory / "speech"} | (whisper or {})),
        rooms=[Room(name="shop", music=music)],
    )


def check(given: Settings) -> None:
    """The check, without the process that speaks."""
    with quiet_speech():
        preflight.check(given)


def refused_by_preflight(given: Settings) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        check(given)
    assert "\n" not in str(caught.value)
    return caught.value.key, caught.value.reason


def test_directories_are_made_for_the_engine_alone_and_left_empty(tmp_path: Path) -> None:
    given = settings(tmp_path, media={"recordings": tmp_path / "far" / "recordings"})
    check(given)
    check(given)
    for directory in (tmp_path / "far" / "recordings", tmp_path / "speech"):
        assert directory.stat().st_mode & 0o777 == 0o700
        assert not list(directory.iterdir())


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("media.recordings", lambda path: {"media": {"recordings": path}}),
        ("whisper.cache_dir", lambda path: {"whisper": {"cache_dir": path}}),
    ],
)
def test_a_directory_that_cannot_be_had(
    tmp_path: Path, key: str, given: Callable[[Path], dict[str, Any]]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("in the way")
    for path, reason in (
        (in_the_way, "File exists"),
        (in_the_way / "below", "Not a directory"),
        (Path("/proc/self"), "No such file or directory"),
    ):
        found, why = refused_by_preflight(settings(tmp_path, **given(path)))
        assert (found, why) == (key, f"{path}: {reason}")


def test_a_full_disk_keeps_no_engine_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_where: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    check(settings(tmp_path))


def test_sounds_are_sounds(tmp_path: Path) -> None:
    sound, noise = write_tone_wav(tmp_path / "tone.wav", 440, 0.1), tmp_path / "noise.wav"
    noise.write_text("RIFF")
    check(settings(tmp_path, media={"hold": str(sound)}, music=str(sound)))
    key, reason = refused_by_preflight(settings(tmp_path, media={"hold": str(noise)}))
    assert key == "media.hold" and str(noise) in reason
    key, _reason = refused_by_preflight(settings(tmp_path, music=str(noise)))
    assert key == "rooms[0].music"


@pytest.mark.outside
def test_a_voice_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        preflight.check(settings(tmp_path, whisper={"voice": "tlh"}))
    assert (caught.value.key, caught.value.reason) == (
        "whisper.voice", "there is no voice 'tlh'",
    )  # fmt: skip


def test_calls_are_made_where_nothing_can_be_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Synthesizer) -> None:
        raise SpeechError("libespeak-ng cannot be loaded")

    monkeypatch.setattr(Synthesizer, "prepare", broken)
    preflight.check(settings(tmp_path))


def test_a_codec_that_does_not_work_here_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "missing", lambda: {"opus": "libopus is not here"})
    given = Settings(
        trunks=[Trunk(name="carrier", uri="sip:192.0.2.1", codecs=["opus", "PCMA"])],
        agents=[Agent(name="alice", uri="sip:alice@192.0.2.2", codecs=["opus"])],
    )
    with structlog.testing.capture_logs() as logs:
        preflight.warn_of_missing_codecs(given)
    assert [(log["event"], log.get("trunk"), log.get("agent"), log["reason"]) for log in logs] == [
        ("codec_not_offered", "carrier", None, "libopus is not here"),
        ("codec_not_offered", None, "alice", "libopus is not here"),
    ]


def test_keys_that_travel_in_clear_are_told_once_each(tmp_path: Path) -> None:
    trunks = [
        Trunk(name="open", uri="sip:a.example", srtp="offered"),
        Trunk(name="safe", uri="sip:b.example;transport=tls", srtp="required"),
        Trunk(name="plain", uri="sip:c.example"),
    ]
    agents = [
        Agent(name="alice", uri="sip:alice@d.example", srtp="required"),
        Agent(name="in_a_browser", uri="webrtc:in_a_browser", srtp="required"),
    ]
    given = settings(tmp_path).model_copy(update={"trunks": trunks, "agents": agents})
    with structlog.testing.capture_logs() as lines:
        check(given)
    told = [line for line in lines if line["event"] == "srtp_keys_in_clear"]
    assert [(line.get("trunk"), line.get("agent")) for line in told] == [
        ("open", None),
        (None, "alice"),
    ]
