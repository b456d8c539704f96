import pytest

from media.codec import opus
from media.codec.codec import CodecError
from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.sound import g711
from media.worker.coding.decoded_stream import DecodedStream
from tests.support.media.coded_peers import Hearer, Talker
from tests.support.voices import level_of, tone


@pytest.mark.parametrize("codec", ["G722", "L16/16000", "L16/8000"])
def test_every_codec_becomes_pcmu(codec: Codec) -> None:
    rate = Format(codec).rate_hz
    encoder, narrow = encoder_of(Format(codec), rate), DecodedStream(codec)
    sound = tone(400, 0.2, rate)
    heard = b"".join(
        narrow.payload(encoder.encode(sound[at : at + rate // 50]))
        for at in range(0, len(sound), rate // 50)
    )
    assert len(heard) == 1600
    assert level_of(400, g711.decode(heard, "PCMU")[400:]) == pytest.approx(10000, rel=0.1)


def test_what_cannot_be_decoded_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if not opus.missing():
        assert DecodedStream("opus").payload(b"\xff\xff") == b""

    def missing() -> None:
        raise CodecError("no libopus")

    monkeypatch.setattr(opus, "_library", missing)
    assert DecodedStream("opus").payload(b"\x08") == b""


class Tap:
    """Notes what is recorded."""

    def __init__(self) -> None:
        self.frames: list[tuple[int | None, int, int, str]] = []

    def write(
        self, sequence: int | None, timestamp: int, payload: bytes, form: str, now: float
    ) -> None:
        self.frames.append((sequence, timestamp, len(payload), form))

    def skip(self, sequence: int) -> None:
        """Nothing is skipped here."""


@pytest.mark.parametrize("ptime_ms", [20, 40])
def test_a_leg_of_another_codec_is_recorded_as_it_comes(ptime_ms: int) -> None:
    talker = Talker("L16/16000", ptime_ms=ptime_ms)
    tap = Tap()
    talker.leg.tap = tap
    for number in range(10):
        talker.say(tone(400, 1.0, 16000), 10.0 + number * ptime_ms / 1000)
    ticks = ptime_ms * 8
    first = talker.stream.highest - 9
    assert tap.frames == [
        (first + number, 3500 + number * ticks, ticks * 4, "L16/16000") for number in range(10)
    ]


@pytest.mark.parametrize("codec", ["G722", "L16/16000", "opus"])
def test_what_a_leg_of_another_codec_hears_is_recorded_as_it_is_sent(codec: Codec) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    talker, hearer = Talker(codec), Hearer(codec)
    tap = Tap()
    hearer.playout.tap = tap
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, 16000), 0.4)
    assert hearer.playout.relayed is talker.stream, "it is not coded anew for that"
    passed_on = len(tap.frames)
    hearer.playout.hear_silence(hearer.now)
    hearer.tick()
    hearer.close()
    assert passed_on >= 16
    numbers = [frame[0] for frame in tap.frames[:passed_on]]
    assert numbers[0] is not None
    assert numbers == list(range(numbers[0], numbers[0] + passed_on))
    assert {frame[3] for frame in tap.frames[:passed_on]} == {codec}
    assert tap.frames[-1][0] is None, "a frame of the clock has no number"
    steps = [b[1] - a[1] for a, b in zip(tap.frames, tap.frames[1:], strict=False)]
    assert set(steps[:-1]) == {160} and steps[-1] in (160, 320)  # the last is of the clock


def test_whether_a_leg_of_another_codec_is_heard_is_looked_at_now_and_then() -> None:
    talker = Talker("G722")
    for number in range(20):
        talker.say(tone(400, 1.0, 16000), 10.0 + number * 0.02)
    assert talker.stream.loud_at > 10.2
    talker.stream.listening = True
    for number in range(20, 40):
        talker.say(tone(400, 1.0, 16000) // 10000, 10.0 + number * 0.02)
        if number % 5 == 0:
            talker.stream.listening = True
    assert talker.leg.levels[-1] is False
