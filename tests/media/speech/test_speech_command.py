"""Programs that speak in place of espeak-ng."""

import os
import stat
import sys
import wave
from pathlib import Path

import pytest

from media.speech import synthesizer as speech_module
from media.speech.espeak import SpeechError
from media.speech.speech_command import SpeechCommand
from media.speech.synthesizer import Synthesizer

TONE = """
import sys, wave
text = sys.stdin.read()
def speak(file, seconds=0.5):
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(16000)
        sound.writeframes(b"\\x00\\x20\\x00\\xe0" * int(8000 * seconds))
"""


def program(directory: Path, script: str) -> str:
    """A program of this script. It notes in `said` how it was called."""
    file = directory / "speak"
    noted = f"open({str(directory / 'said')!r}, 'a').write(repr((sys.argv[1:], text)) + '\\n')\n"
    file.write_text(f"#!{sys.executable} -SE\n{TONE}{noted}{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def said(directory: Path) -> list[str]:
    file = directory / "said"
    return file.read_text().splitlines() if file.exists() else []


def synthesizer(directory: Path, script: str, *arguments: str, **how: object) -> Synthesizer:
    command = SpeechCommand((program(directory, script), *arguments), **how)  # type: ignore[arg-type]
    return Synthesizer(directory / "cache", voice="de", command=command)


def seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def test_a_program_speaks_once_and_never_through_a_shell(tmp_path: Path) -> None:
    arguments = ("{language}", "{speed}", "{words_per_min}", "to={output}")
    speaker = synthesizer(tmp_path, "speak(sys.argv[4][3:])", *arguments)
    speaker.prepare()
    text = "$(reboot) `x` 'y' Grüße"
    path = speaker.prompt(text, speed=1.5)
    assert seconds(path) == 0.5
    assert speaker.prompt(text, speed=1.5) == path
    (call,) = said(tmp_path)
    assert call.startswith("(['de', '1.50', '240', 'to=")
    assert call.endswith(f", {text!r})")
    other = speaker.prompt(text, voice="en")
    assert other != path
    assert len(said(tmp_path)) == 2


def test_what_it_prints_is_the_sound_where_no_file_is_named(tmp_path: Path) -> None:
    speaker = synthesizer(tmp_path, "speak(sys.stdout.buffer)")
    path = speaker.prompt("Hello", is_kept=False)
    assert seconds(path) == 0.5
    assert path.parent.name == "personal"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('no voice')", "speak: exit status 1: no voice"),
        ("import os; os.kill(os.getpid(), 9)", "speak: signal 9"),
        ("print('I am no sound')", "what speak has written"),
        ("pass", "is empty"),
        ("sys.stdout.buffer.write(bytes(1 << 22))", "more than 1 MiB|File too large"),
    ],
)
def test_one_that_fails_is_no_speech(tmp_path: Path, script: str, reason: str) -> None:
    speaker = synthesizer(tmp_path, script, max_bytes=1 << 20, falls_back=False)
    with pytest.raises(SpeechError, match=reason):
        speaker.prompt("Hello")
    assert not list((tmp_path / "cache").glob("*"))
    assert not list((tmp_path / "cache").glob(".speech-*"))


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    speaker = synthesizer(tmp_path, "import time; time.sleep(600)", limit_s=0.2, falls_back=False)
    with pytest.raises(SpeechError, match=r"takes over 0\.2 s"):
        speaker.prompt("Hello")


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    speaker = Synthesizer(tmp_path, command=SpeechCommand(("/nowhere/speak",), falls_back=False))
    with pytest.raises(SpeechError, match="speak: No such file"):
        speaker.prompt("Hello")


def test_espeak_speaks_where_it_fails_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = synthesizer(tmp_path, "sys.exit(1)")
    first, second = speaker.prompt("eins"), speaker.prompt("zwei")
    assert seconds(first) > 0.1
    assert first == Synthesizer(tmp_path / "cache", voice="de").prompt("eins")
    assert second != first
    assert len(said(tmp_path)) == 1
    monkeypatch.setattr(speech_module, "COMMAND_REST_S", -1.0)
    speaker._rests_until = 0.0
    speaker.prompt("drei")
    program(tmp_path, "speak(sys.stdout.buffer)")
    assert seconds(speaker.prompt("vier")) == 0.5
    assert len(said(tmp_path)) == 3


def test_it_knows_nothing_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_TOKEN", "s3cret")
    script = "import os\nif sorted(os.environ) == ['LANG', 'PATH']: speak(sys.stdout.buffer)"
    assert seconds(synthesizer(tmp_path, script).prompt("Hello")) == 0.5
    assert os.environ["RINGBACK_TOKEN"]


def test_a_program_that_writes_too_much_is_stopped_by_the_kernel(tmp_path: Path) -> None:
    endless = SpeechCommand(("/bin/cat", "/dev/zero"), max_bytes=1 << 20, limit_s=60.0)
    with pytest.raises(SpeechError, match="cat: it writes more than 1 MiB"):
        endless.speak("x", str(tmp_path / "a.wav"), language="de", rate_wpm=160, speed=1.0)
