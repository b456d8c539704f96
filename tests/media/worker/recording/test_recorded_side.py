"""One side of a recording: in order, decoded, and what is lost concealed."""

import numpy as np
import pytest

from media.codec import opus
from media.codec.codec import CodecError, Samples
from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.sound import g711
from media.sound.form import WIDE, encode
from media.worker.recording.recorded_side import Frame, RecordedSide
from tests.support.voices import level_of, tone

ALL = 10**9


def frames_of(
    codec: Codec, sound: Samples, *, lost: tuple[int, ...] = (), run: int = 0
) -> list[Frame]:
    """The packets of 20 ms of a sound, but for those that are lost."""
    form = Format(codec)
    encoder, size = encoder_of(form, form.rate_hz), form.rate_hz // 50
    encoder.expect_loss(0.05 if lost else 0.0)
    frames = []
    for number in range(len(sound) // size):
        payload = encoder.encode(sound[number * size : (number + 1) * size])
        frames.append(Frame(0, run, 1000 + number, 160 * number, payload, codec))
    return [frame for number, frame in enumerate(frames) if number not in lost]


def sound_of(side: RecordedSide, rate_hz: int = 8000, until: int = ALL) -> Samples:
    """All that comes out, where it belongs."""
    heard = np.zeros(4 * rate_hz, np.int16)
    for place, samples, its_rate_hz in side.decoded(until):
        assert its_rate_hz == rate_hz
        at = place * rate_hz // 8000
        heard[at : at + len(samples)] = samples
    return heard


@pytest.mark.parametrize("codec", ["PCMA", "G722", "L16/16000", "L16/8000", "opus"])
@pytest.mark.parametrize("is_wide", [False, True])
def test_every_codec_is_decoded_in_the_order_in_which_it_was_sent(
    codec: Codec, is_wide: bool
) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    form = Format(codec)
    rate_hz = 16000 if is_wide and form.rate_hz == 16000 else 8000
    frames = frames_of(codec, tone(400, 1.0, form.rate_hz))
    in_order, mixed = RecordedSide(is_wide=is_wide), RecordedSide(is_wide=is_wide)
    for frame in frames:
        in_order.add_frame(frame)
    for at in range(0, len(frames), 2):
        mixed.add_frame(frames[at + 1])
        mixed.add_frame(frames[at])
    heard = sound_of(in_order, rate_hz)
    assert level_of(400, heard[rate_hz // 4 : rate_hz], rate_hz) == pytest.approx(10000, rel=0.1)
    assert (sound_of(mixed, rate_hz) == heard).all()


@pytest.mark.parametrize("codec", ["PCMU", "G722", "L16/16000", "opus"])
@pytest.mark.parametrize("together", [True, False])
def test_a_lost_packet_is_concealed(codec: Codec, together: bool) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    form, side = Format(codec), RecordedSide(is_wide=False)
    heard = np.zeros(4 * 8000, np.int16)
    for frame in frames_of(codec, tone(400, 1.0, form.rate_hz), lost=(25,)):
        side.add_frame(frame)
        if not together:  # each time the newest 60 ms wait
            for place, samples, _ in side.decoded(frame.place - 480):
                heard[place : place + len(samples)] = samples
    for place, samples, _ in side.decoded(ALL):
        heard[place : place + len(samples)] = samples
    assert level_of(400, heard[4000:4160]) > 6000
    assert np.abs(np.diff(heard[3900:4300].astype(int))).max() < 6000, "and nothing clicks"


def test_a_long_gap_falls_to_silence_even_before_the_next_packet_is_due() -> None:
    side = RecordedSide(is_wide=False)
    for frame in frames_of("PCMU", tone(400, 2.0), lost=tuple(range(25, 75))):
        side.add_frame(frame)
    heard = sound_of(side, until=8000)
    assert level_of(400, heard[4000:4080]) > 9000
    assert 0 < np.abs(heard[4300:4400]).max() < 5000
    assert not heard[4500:].any()
    heard = sound_of(side)
    assert not heard[4500:12000].any()
    assert level_of(400, heard[12200:16000]) > 9000


@pytest.mark.parametrize("between", ["a pause", "keys", "another run", "frames of our own"])
def test_what_is_not_lost_is_not_concealed(between: str) -> None:
    side = RecordedSide(is_wide=False)
    for number, frame in enumerate(frames_of("PCMU", tone(400, 1.0))):
        if number < 20:
            side.add_frame(frame)
        elif number < 30:
            if between == "keys":
                side.add_frame(frame._replace(form="", payload=b""))
        elif between == "a pause":
            side.add_frame(frame._replace(sequence=frame.sequence - 10))  # type: ignore[operator]
        elif between == "another run":
            side.add_frame(frame._replace(run=1))
        else:
            side.add_frame(frame._replace(sequence=frame.sequence if between == "keys" else None))
    heard = sound_of(side)
    assert not heard[3200:4800].any()
    assert heard[3100:3200].any() and heard[4800:8000].any()


def test_keys_are_known_also_where_they_were_noted_long_before() -> None:
    side = RecordedSide(is_wide=False)
    frames = frames_of("PCMU", tone(400, 1.0))
    for frame in frames[:20]:
        side.add_frame(frame)
    for frame in frames[20:30]:
        side.add_frame(frame._replace(form="", payload=b""))
    assert sound_of(side, until=3200)[3199]
    for frame in frames[30:]:
        side.add_frame(frame)
    assert not sound_of(side)[3200:4800].any()


def test_what_comes_after_its_time_is_left_out() -> None:
    side = RecordedSide(is_wide=False)
    frames = frames_of("PCMU", tone(400, 0.2))
    for frame in (*frames[:5], *frames[6:]):
        side.add_frame(frame)
    before = sound_of(side)
    side.add_frame(frames[5])
    assert before[800:960].any(), "it was concealed"
    assert not sound_of(side).any()


def test_a_stretched_frame_is_a_tick_longer() -> None:
    side = RecordedSide(is_wide=False)
    side.add_frame(
        Frame(0, 0, 1, 0, g711.encode(tone(400, 0.02), "PCMU"), "PCMU", is_stretched=True)
    )
    ((place, samples, _),) = side.decoded(ALL)
    assert (place, len(samples)) == (0, 161)
    assert samples[0] == samples[1]


def test_frames_of_our_own_at_16_khz_are_recorded_at_the_rate_of_the_file() -> None:
    for is_wide, rate_hz in ((True, 16000), (False, 8000)):
        side, sound = RecordedSide(is_wide=is_wide), tone(400, 0.4, 16000)
        for number in range(20):
            payload = encode(sound[number * 320 : number * 320 + 320], WIDE)
            side.add_frame(Frame(0, 0, None, 160 * number, payload, WIDE))
        heard = sound_of(side, rate_hz)
        assert level_of(400, heard[rate_hz // 10 : rate_hz * 3 // 8], rate_hz) > 9500


def test_what_cannot_be_decoded_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    if not opus.missing():
        side = RecordedSide(is_wide=True)
        frames = frames_of("opus", tone(400, 0.4, 16000))
        for number, frame in enumerate(frames):
            side.add_frame(frame._replace(payload=b"\xff\xff") if number == 10 else frame)
        assert sound_of(side, 16000)[3200:3520].any(), "it is concealed"

    def missing() -> None:
        raise CodecError("no libopus")

    monkeypatch.setattr(opus, "_library", missing)
    side = RecordedSide(is_wide=False)
    side.add_frame(Frame(0, 0, 1, 0, b"\x08", "opus"))
    assert not list(side.decoded(ALL))


def test_garbage_of_another_codec_changes_nothing_of_the_stream() -> None:
    if "opus" in unavailable():
        pytest.skip(unavailable()["opus"])
    frames = frames_of("G722", tone(400, 1.0, 16000))
    garbage = frames[25]._replace(payload=b"\xff\xff", form="opus")
    side = RecordedSide(is_wide=False)
    for frame in [*frames[:25], garbage, *frames[26:]]:
        side.add_frame(frame)
    heard = sound_of(side)
    assert level_of(400, heard[4400:8000]) == pytest.approx(10000, rel=0.1)
