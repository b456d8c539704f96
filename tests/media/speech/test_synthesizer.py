import os
import subprocess
import sys
import threading
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
from numpy.typing import NDArray

from media.sound.prompts import load
from media.speech import synthesizer as speech
from media.speech.espeak import NoSuchVoice, SpeechError, espeak
from media.speech.synthesizer import Synthesizer
from tests.support.tone_detection import level_dbfs


def read(path: Path) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(path), "rb") as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        return samples, sound.getframerate()


def duration_s(path: Path) -> float:
    samples, rate = read(path)
    return len(samples) / rate


@pytest.mark.parametrize(
    ("voice", "text", "seconds"),
    [
        ("en-gb", "Hello. A customer, Anna Smith, is waiting for you to call her back.", 4.0),
        (
            "ru",
            "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439\u0442\u0435, "
            "\u043a\u043b\u0438\u0435\u043d\u0442 \u0436\u0434\u0451\u0442 "
            "\u0432\u0430\u0448\u0435\u0433\u043e \u0437\u0432\u043e\u043d\u043a\u0430.",
            2.5,
        ),
        ("de", "Guten Tag, ein Kunde wartet auf Ihren R\u00fcckruf.", 2.7),
    ],
)
def test_it_is_audible_and_lasts_as_long_as_words_do(
    tmp_path: Path, voice: str, text: str, seconds: float
) -> None:
    path = Synthesizer(tmp_path, voice=voice).prompt(text)
    samples, rate = read(path)
    assert rate >= 16_000
    assert len(samples) / rate == pytest.approx(seconds, rel=0.35)
    assert -24 < level_dbfs(samples) < -8
    # Speech: most of the power between 100 Hz and 4 kHz, and it comes and goes with the syllables
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate)
    assert power[(hz > 100) & (hz < 4000)].sum() / power.sum() > 0.9
    block = rate // 50
    levels = np.abs(samples[: len(samples) // block * block].astype(float)).reshape(-1, block)
    assert levels.mean(axis=1).std() > 0.4 * levels.mean()


def test_a_prompt_of_speech_plays_on_the_telephone(tmp_path: Path) -> None:
    path = Synthesizer(tmp_path).prompt("Please hold the line.")
    samples = load(str(path))
    assert len(samples) / 8000 == pytest.approx(duration_s(path), abs=0.001)
    assert level_dbfs(samples) > -25


def test_texts_voices_and_rates_differ(tmp_path: Path) -> None:
    slow = Synthesizer(tmp_path, rate_wpm=100)
    fast = Synthesizer(tmp_path, rate_wpm=250)
    russian = Synthesizer(tmp_path, voice="ru", rate_wpm=100)
    paths = {
        slow.prompt("Call the number one"),
        slow.prompt("Call the number two"),
        fast.prompt("Call the number one"),
        russian.prompt("Call the number one"),
    }
    assert len({path.read_bytes() for path in paths}) == 4
    ratio = duration_s(slow.prompt("Call the number one")) / duration_s(
        fast.prompt("Call the number one")
    )
    assert ratio > 1.6


def test_a_text_is_spoken_once(tmp_path: Path) -> None:
    synthesizer = Synthesizer(tmp_path / "new" / "directory")
    first = synthesizer.prompt("One  two\nthree")
    before = first.stat().st_ino
    assert synthesizer.prompt("One two three") == first
    assert Synthesizer(tmp_path / "new" / "directory").prompt("One two three") == first
    assert first.stat().st_ino == before
    assert [entry.name for entry in first.parent.iterdir()] == [first.name]


def test_markup_and_commands_are_not_obeyed(tmp_path: Path) -> None:
    synthesizer = Synthesizer(tmp_path)
    plain = duration_s(synthesizer.prompt("Hello there"))
    # As SSML this would add ten seconds of silence, as a command it would change the rate.
    assert duration_s(synthesizer.prompt("Hello <break time='10s'/> there")) < 8
    assert duration_s(synthesizer.prompt("\x01300R Hello there")) > plain
    assert duration_s(synthesizer.prompt("Hello there\0")) == pytest.approx(plain, rel=0.05)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text is empty"),
        (" \n\x01\ud800 ", "the text is empty"),
        ("...", "the text has no words to speak"),
        ("a" * 2001, "the text has 2001 characters, more than 2000"),
    ],
)
def test_reasons_against_a_text(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SpeechError) as caught:
        Synthesizer(tmp_path).prompt(text)
    assert caught.value.reason == reason
    assert list(tmp_path.iterdir()) == []


def test_reasons_against_a_voice_a_rate_and_a_place(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="there is no voice 'tlh'"):
        Synthesizer(tmp_path, voice="tlh").prepare()
    with pytest.raises(SpeechError, match="20 words a minute is not between 80 and 450"):
        Synthesizer(tmp_path, rate_wpm=20)
    (tmp_path / "file").touch()
    with pytest.raises(SpeechError, match="Not a directory"):
        Synthesizer(tmp_path / "file").prompt("Hello")
    Synthesizer(tmp_path).prepare()


def test_speech_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MAX_DURATION_S", 1.0)
    with pytest.raises(SpeechError, match="the speech lasts more than 1 s"):
        Synthesizer(tmp_path).prompt("one two three four five six seven eight nine ten")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert duration_s(Synthesizer(tmp_path).prompt("one two three")) > 0.5


def test_a_language_tag_finds_its_voice() -> None:
    library = espeak()
    assert library is espeak()
    assert library.voice_identifier("en-GB") == library.voice_identifier("en-gb") == "gmw/en"
    assert library.voice_identifier("en-us") == "gmw/en-US"
    assert library.voice_identifier("ru") == "zle/ru"
    assert library.voice_identifier("gmw/en") == "gmw/en"
    assert library.voice_identifier("de-AT") == library.voice_identifier("de") == "gmw/de"
    for unknown in ("xx", "xx-de", "", "-de", "de_AT"):
        with pytest.raises(NoSuchVoice):
            library.voice_identifier(unknown)


def test_its_data_may_lie_deep_in_the_file_system(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-name-of-a-directory"] * 8)
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    program = (
        "import espeakng_loader, sys\n"
        "espeakng_loader.get_data_path = lambda: sys.argv[1]\n"
        "from media.speech.espeak import espeak\n"
        "sound = espeak().speak('hello', voice='ru', rate_wpm=160, max_duration_s=9)\n"
        "print(len(sound))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(deep / "espeak-ng-data")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 4000


def test_many_threads_at_once_get_each_their_own_text(tmp_path: Path) -> None:
    texts = [" ".join(["word"] * count) for count in (1, 5, 10, 20)] * 3
    synthesizer = Synthesizer(tmp_path)
    with ThreadPoolExecutor(6) as pool:
        lengths = [duration_s(path) for path in pool.map(synthesizer.prompt, texts)]
        # Each into a directory of its own, so that none finds what another has spoken.
        again = list(
            pool.map(
                lambda n: duration_s(Synthesizer(tmp_path / str(n)).prompt(texts[n])), range(12)
            )
        )
    assert lengths[:4] == sorted(lengths[:4]) and lengths[3] > 3 * lengths[0]
    assert lengths[:4] == lengths[4:8] == lengths[8:]
    assert again == pytest.approx(lengths, rel=0.1)


def test_the_interpreter_is_free_while_it_speaks(tmp_path: Path) -> None:
    Synthesizer(tmp_path).prepare()
    worker = threading.Thread(
        target=Synthesizer(tmp_path).prompt, args=("please call the customer back now " * 50,)
    )
    turns = 0
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 10  # a call that kept the interpreter would leave one or two


def test_the_cache_is_bounded_and_the_unused_goes_first(tmp_path: Path) -> None:
    probe = Synthesizer(tmp_path / "probe").prompt("number one")
    bound = int(2.7 * probe.stat().st_size)
    synthesizer = Synthesizer(tmp_path, max_cache_bytes=bound)
    other = tmp_path / "greeting.wav"
    other.write_bytes(b"x" * bound)
    leftover = tmp_path / ".speech-abc.wav"
    leftover.touch()
    os.utime(leftover, (1, 1))
    first, second = synthesizer.prompt("number one"), synthesizer.prompt("number two")
    os.utime(first, (1000, 1000))
    os.utime(second, (2000, 2000))
    assert synthesizer.prompt("number one") == first  # used again: now the newer
    third = synthesizer.prompt("number six")
    assert (first.exists(), second.exists(), third.exists()) == (True, False, True)
    assert other.exists() and not leftover.exists()


def test_what_was_not_said_for_long_is_deleted(tmp_path: Path) -> None:
    now = time.time()
    synthesizer = Synthesizer(tmp_path, max_age_s=60.0, clock=lambda: now)
    old, used = synthesizer.prompt("number one"), synthesizer.prompt("number two")
    os.utime(old, (now - 61, now - 61))
    os.utime(used, (now - 59, now - 59))
    synthesizer.prompt("number three")
    assert (old.exists(), used.exists()) == (False, True)


def test_what_an_earlier_engine_left_of_persons_is_deleted_at_the_start(tmp_path: Path) -> None:
    synthesizer = Synthesizer(tmp_path)
    kept, personal = synthesizer.prompt("number one"), synthesizer.prompt("Ada", is_kept=False)
    assert kept.parent != personal.parent
    Synthesizer(tmp_path).prepare()
    assert (kept.exists(), personal.exists()) == (True, False)
