"""Speech of which packets are lost, as a sum, a bot and a recording have it, judged by PESQ.

The judge is a package (ITU-T P.862). It compares with the last frame again in the place of each
that is lost, which is the least that anybody would do.
"""

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from media.codec.formats import Format, decoder_of, encoder_of, unavailable
from media.protocol import messages as m
from media.protocol.messages import Codec
from media.sources import Mix
from media.speech.speech_pool import SpeechPool
from media.streams.heard_audio import HeardAudio
from media.streams.messages import PAYLOAD_TYPES
from media.worker.recording.recorder import Recording
from scripts.bench.concealment_part import LOSS, TEXTS
from tests.support.media.codec_phones import CodecPhone, talk
from tests.support.media.switch import SwitchBench
from tests.support.recording import read_wav

judge = pytest.importorskip(
    "pesq",
    reason="the package pesq is not installed (pip install 'ringback[quality]'): nothing judges",
)
SEEDS = range(4)
Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def speech() -> Iterator[dict[int, list[Samples]]]:
    """The sentences by rate."""
    pool = SpeechPool()
    spoken: dict[int, list[Samples]] = {8000: [], 16000: []}
    for voice, text in TEXTS.items():
        sound = pool.speak(text, voice=voice, rate_wpm=160, max_duration_s=20.0)
        samples = np.frombuffer(sound.samples, np.int16)
        for rate_hz, sentences in spoken.items():
            said = soxr.resample(samples, sound.rate_hz, rate_hz).astype(np.int16)
            sentences.append(said[: len(said) // (rate_hz // 50) * (rate_hz // 50)])
    pool.close()
    yield spoken


def repeated(said: Samples, lost: NDArray[np.bool_], codec: Codec) -> Samples:
    """The last frame again in the place of each that is lost."""
    form = Format(codec)
    encoder, decoder = encoder_of(form, form.rate_hz), decoder_of(form, form.rate_hz)
    last, frames = np.zeros(form.rate_hz // 50, np.int16), []
    for piece, is_lost in zip(np.split(said, len(lost)), lost, strict=True):
        payload = encoder.encode(piece)
        last = last if is_lost else decoder.decode(payload)
        frames.append(last)
    return np.concatenate(frames)


def heard_in_sum(said: Samples, lost: NDArray[np.bool_], codec: Codec) -> Samples:
    """What a leg of L16 hears of a sum in which somebody says this."""
    rate_hz = Format(codec).rate_hz
    desk = SwitchBench()
    quiet = np.zeros(rate_hz, np.int16)
    a = CodecPhone(desk, "a", codec, said)
    b, c = (CodecPhone(desk, leg, f"L16/{rate_hz}", quiet) for leg in "bc")  # type: ignore[arg-type]
    try:
        for leg, others in (("a", "bc"), ("b", "ac"), ("c", "ab")):
            desk.switch.execute(m.Hear(leg, 0, Mix(tuple(others))))
        for is_lost in lost:
            if is_lost:
                a.lose()
            talk(desk, [b, c] if is_lost else [a, b, c], 1)
        talk(desk, [b, c], 3)
        return c.sound_of(c.heard)
    finally:
        desk.close()


def heard_by_bot_of_another_codec(said: Samples, lost: NDArray[np.bool_], codec: Codec) -> Samples:
    """The worker decodes it packet by packet for the stream host."""
    desk, quiet = SwitchBench(), np.zeros(16000, np.int16)
    phone = CodecPhone(desk, "a", codec, said)
    bot = CodecPhone(desk, "b", "L16/16000", quiet, is_even=True)
    try:
        desk.switch.execute(m.Bridge("a", "b"))
        for is_lost in lost:
            if is_lost:
                phone.lose()
            talk(desk, [bot] if is_lost else [phone, bot], 1)
        return bot.sound_of(bot.heard)
    finally:
        desk.close()


def heard_by_bot(said: Samples, lost: NDArray[np.bool_], codec: Codec) -> Samples:
    form, rate_hz = Format(codec), Format(codec).rate_hz
    encoder, audio = encoder_of(form, rate_hz), HeardAudio(codec, rate_hz)
    frames: list[bytes] = []
    for number, (piece, is_lost) in enumerate(zip(np.split(said, len(lost)), lost, strict=True)):
        header = struct.pack("!BBHII", 0x80, PAYLOAD_TYPES[codec], number, number * len(piece), 7)
        payload = encoder.encode(piece)
        if not is_lost:
            frames += audio.receive(header + payload)
    return np.frombuffer(b"".join(frames), np.int16)


def recorded(said: Samples, lost: NDArray[np.bool_], codec: Codec) -> Samples:
    form, rate_hz = Format(codec), Format(codec).rate_hz
    encoder = encoder_of(form, rate_hz)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "call.wav"
        recording = Recording(str(path), 0.0, sides=1, is_wide=rate_hz == 16000)
        recording.writer.open()
        for number, (piece, is_lost) in enumerate(
            zip(np.split(said, len(lost)), lost, strict=True)
        ):
            payload = encoder.encode(piece)
            if not is_lost:
                recording.left.write(number, 160 * number, payload, codec, 0.02 * number)
            if number % 50 == 49:
                recording.writer.write(recording.take_frames(), 160 * (number + 1))
        recording.writer.write(recording.take_frames(), 160 * len(lost), last=True)
        return read_wav(path).samples


@pytest.mark.parametrize(
    ("codec", "by"),
    [
        ("PCMU", recorded),
        ("G722", recorded),
        ("opus", recorded),
        ("L16/16000", recorded),
        ("PCMU", heard_in_sum),
        ("G722", heard_in_sum),
        ("opus", heard_in_sum),
        ("L16/16000", heard_in_sum),
        ("PCMA", heard_by_bot),
        ("L16/16000", heard_by_bot),
        ("G722", heard_by_bot_of_another_codec),
        ("opus", heard_by_bot_of_another_codec),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_5_percent_loss_is_better_concealed_than_by_the_last_frame_again(
    codec: Codec, by: object, speech: dict[int, list[Samples]]
) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    assert callable(by)
    rate_hz = Format(codec).rate_hz
    mode = "wb" if rate_hz == 16000 else "nb"
    better = []
    for said in speech[rate_hz]:
        for seed in SEEDS:
            lost = np.random.default_rng(seed).random(len(said) * 50 // rate_hz) < LOSS
            lost[0] = False
            scores = [
                judge.pesq(rate_hz, said, heard[: len(said)], mode)
                for heard in (by(said, lost, codec), repeated(said, lost, codec))
            ]
            better.append(scores[0] - scores[1])
    assert np.mean(better) > 0.05
