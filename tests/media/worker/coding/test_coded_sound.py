"""What a peer hears of one that speaks another codec, or in packets of another length."""

import gc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from media.codec import opus
from media.codec.codec import CodecError
from media.codec.formats import Format, decoder_of, encoder_of, unavailable
from media.protocol.messages import Codec
from media.rtp.telephone_event import DigitReader, DigitWriter
from media.sound.clip import Clip
from media.sound.mixed_clip import MixedClip
from media.worker.coding.coded_sound import CodedSound
from tests.support.media.coded_peers import Hearer, Talker, described
from tests.support.voices import level_of, tone

CODECS: list[Codec] = ["PCMU", "PCMA", "G722", "opus", "L16/16000", "L16/8000"]

Make = Callable[..., Hearer]


@pytest.fixture
def hears() -> Iterator[Make]:
    made: list[Hearer] = []

    def make(codec: Codec, **fields: object) -> Hearer:
        made.append(Hearer(codec, **fields))
        return made[-1]

    yield make
    for one in made:
        one.close()


def skip_without(*codecs: str) -> None:
    for codec in codecs:
        if codec in unavailable():
            pytest.skip(unavailable()[codec])


@pytest.mark.parametrize("hearing", CODECS)
@pytest.mark.parametrize("talking", CODECS)
def test_each_codec_is_heard_in_each_other(hears: Make, talking: Codec, hearing: Codec) -> None:
    skip_without(talking, hearing)
    talker, hearer = Talker(talking), hears(hearing)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 1.0)
    packets = hearer.packets()
    heard = hearer.heard(packets)[hearer.form.rate_hz // 2 :]
    assert level_of(400, heard, hearer.form.rate_hz) == pytest.approx(10000, rel=0.2)
    assert 45 <= len(packets) <= 51
    assert [p.sequence for p in packets] == list(range(100, 100 + len(packets)))
    steps = set(np.diff([p.timestamp for p in packets]).tolist())
    assert steps == {hearer.form.clock_hz // 50}
    passes = talking == hearing or {talking, hearing} == {"PCMU", "PCMA"}
    assert (hearer.playout.relayed is talker.stream) == passes
    assert (hearer.playout._coding.transcoder is None) == passes


@pytest.mark.parametrize("hearing", ["PCMU", "G722", "opus"])
@pytest.mark.parametrize(
    ("sent_ms", "wanted_ms"), [(20, 10), (20, 30), (20, 60), (60, 20), (10, 40), (30, 20)]
)
def test_the_peer_gets_packets_of_the_length_that_it_asked_for(
    hears: Make, hearing: Codec, sent_ms: int, wanted_ms: int
) -> None:
    skip_without(hearing)
    if hearing == "opus" and 30 in (sent_ms, wanted_ms):
        pytest.skip("Opus has no packets of 30 ms")
    talker = Talker(hearing, ptime_ms=sent_ms)
    hearer = hears(hearing, ptime_ms=wanted_ms, wants_ptime=True)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.2, talker.rate_hz), 1.2)
    packets = hearer.packets()
    ticks = hearer.form.clock_hz * wanted_ms // 1000
    assert {hearer.form.ticks(p.payload) for p in packets} == {ticks}
    assert set(np.diff([p.timestamp for p in packets]).tolist()) == {ticks}
    assert len(packets) == pytest.approx(1150 / wanted_ms, abs=100 / wanted_ms + 2)
    heard = hearer.heard(packets)[hearer.form.rate_hz // 2 :]
    assert level_of(400, heard, hearer.form.rate_hz) == pytest.approx(10000, rel=0.2)


@pytest.mark.parametrize("jump", [-100_000, -7000, -161, -160, 160_000])
@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_a_talker_whose_clock_jumps_is_heard_on(hears: Make, codec: Codec, jump: int) -> None:
    """Passed on as it is, what seems to be older would be left out by the phone that hears it."""
    talker, hearer = Talker(codec), hears(codec)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    talker.timestamp = (talker.timestamp + jump) % 2**32
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    packets = hearer.packets()
    assert set(np.diff([p.timestamp for p in packets]).tolist()) == {160}
    assert [p.sequence for p in packets] == list(range(100, 100 + len(packets)))


def test_packets_of_another_length_pass_where_nobody_asked(hears: Make) -> None:
    talker, hearer = Talker("PCMU", ptime_ms=60), hears("PCMU")
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.6)
    lengths = [len(p.payload) for p in hearer.packets()]
    assert set(lengths[lengths.index(480) :]) == {480}  # after the silence before the first


def test_one_odd_packet_is_passed_on(hears: Make) -> None:
    talker = Talker("PCMU")
    hearer = hears("PCMU", ptime_ms=20, wants_ptime=True)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.2)
    talker.ptime_ms = 10
    talker.say(tone(400, 1.0), hearer.now)
    talker.ptime_ms = 20
    hearer.listen(talker, tone(400, 1.0), 0.2)
    assert hearer.playout._coding.transcoder is None
    assert hearer.playout.relayed is talker.stream


def test_packets_that_fit_again_are_passed_on_again(hears: Make) -> None:
    talker = Talker("PCMU", ptime_ms=60)
    hearer = hears("PCMU", ptime_ms=20, wants_ptime=True)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.6)
    assert hearer.playout._coding.transcoder is not None
    talker.ptime_ms = 20
    hearer.listen(talker, tone(400, 1.0), 1.2)
    assert hearer.playout._coding.transcoder is None
    assert hearer.playout.relayed is talker.stream
    packets = hearer.packets()
    steps = np.diff([p.timestamp for p in packets])
    assert set(np.diff([p.sequence for p in packets]).tolist()) == {1}
    assert steps.min() >= 160 and steps.max() <= 640


@pytest.mark.parametrize("hearing", ["G722", "opus", "L16/16000"])
def test_clips_are_heard_in_every_codec(hears: Make, hearing: Codec) -> None:
    skip_without(hearing)
    hearer = hears(hearing)
    hearer.playout.hear_clip(3, Clip.of(tone(400, 0.5)), hearer.now, loop=False)
    for _ in range(30):
        hearer.tick()
    packets = hearer.packets()
    heard = hearer.heard(packets)
    rate = hearer.form.rate_hz
    assert level_of(400, heard[rate // 10 : rate * 4 // 10], rate) == pytest.approx(10000, rel=0.2)
    assert np.abs(heard[-rate // 50 :].astype(int)).max() < 100
    assert hearer.ended == [3]
    assert len(packets) == 30


@pytest.mark.parametrize(
    ("talking", "hearing"), [("PCMU", "G722"), ("G722", "PCMU"), ("G722", "opus")]
)
def test_a_change_of_source_neither_clicks_nor_pauses(
    hears: Make, talking: Codec, hearing: Codec
) -> None:
    skip_without(talking, hearing)
    talker, hearer = Talker(talking), hears(hearing)
    hearer.playout.hear_clip(1, Clip.of(tone(400, 5.0)), hearer.now, loop=True)
    for _ in range(20):
        hearer.tick()
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(300, 1.0, talker.rate_hz), 1.0)
    hearer.playout.hear_silence(hearer.now)
    for _ in range(10):
        hearer.tick()
    packets = hearer.packets()
    assert set(np.diff([p.timestamp for p in packets]).tolist()) == {hearer.form.clock_hz // 50}
    assert sum(p.marker for p in packets) <= 2
    heard = hearer.heard(packets).astype(int)
    rate = hearer.form.rate_hz
    assert np.abs(np.diff(heard)).max() <= 10000 * 2 * np.pi * 400 / rate * 1.6
    assert np.abs(heard[-rate // 50 :]).max() < 100
    assert hearer.playout._coding.transcoder is None


def test_loss_is_concealed_and_a_peer_that_stops_is_silent(hears: Make) -> None:
    talker, hearer = Talker("G722"), hears("PCMU")
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, 16000), 0.5)
    talker.sequence += 2
    talker.timestamp += 320
    hearer.listen(talker, tone(400, 1.0, 16000), 0.5)
    for _ in range(40):
        hearer.tick()
    packets = hearer.packets()
    assert len(packets) >= 80  # the stream of the peer stays alive
    assert not np.abs(hearer.heard(packets[-10:]).astype(int)).max() > 8
    hearer.playout.fill_gap(hearer.now)
    assert hearer.playout._coding.transcoder is not None


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48000, 8000), (8000, 48000)])
def test_keys_are_passed_on_in_the_clock_of_the_peer(hears: Make, from_hz: int, to_hz: int) -> None:
    codecs: dict[int, Codec] = {8000: "PCMU", 48000: "opus"}
    skip_without("opus")
    talker = Talker(codecs[from_hz], telephone_event_clock_hz=from_hz)
    hearer = hears(codecs[to_hz], telephone_event_clock_hz=to_hz)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    hearer.packets()
    for number in range(1, 6):
        ended = 0x80 if number >= 5 else 0
        duration = number * from_hz // 50
        talker.send(101, bytes([5, 10 | ended]) + duration.to_bytes(2, "big"), hearer.now)
        hearer.tick()
    events = [p for p in hearer.packets() if p.payload_type == 101]
    assert len(events) == 5
    assert [p.payload[0] for p in events] == [5] * 5
    assert [int.from_bytes(p.payload[2:4], "big") for p in events] == [
        number * to_hz // 50 for number in range(1, 6)
    ]
    assert len({p.timestamp for p in events}) == 1
    assert [p.marker for p in events] == [True] + [False] * 4
    for _ in range(5):
        talker.timestamp += from_hz // 50
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    after = hearer.packets()
    assert after[-1].payload_type == hearer.playout.payload_type
    assert after[-1].timestamp > events[0].timestamp
    assert len(talker.leg.keys) == 5


def test_g722_passes_untouched_once_the_speaker_has_been_quiet(hears: Make) -> None:
    talker, hearer = Talker("G722"), hears("G722")
    hearer.playout.hear_clip(1, Clip.of(tone(425, 1.0)), hearer.now, loop=True)
    for _ in range(10):
        hearer.tick()
    sound = np.concatenate((tone(300, 0.3, 16000), np.zeros(4800, np.int16), tone(300, 0.4, 16000)))
    encoder = encoder_of(Format("G722"), 16000)
    payloads = [encoder.encode(piece) for piece in np.split(sound, 50)]
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, sound, 1.0)
    packets = hearer.packets()
    sent = [packet.payload for packet in packets]
    assert sent[-25:] == payloads[-25:], "each after the pause"
    assert sent[-40] != payloads[-40], "before it they are coded anew"
    heard = hearer.heard(packets).astype(int)
    assert np.abs(heard).max() < 14000, "a crack"
    alone = decoder_of(Format("G722"), 16000)
    said = np.concatenate([alone.decode(payload) for payload in payloads]).astype(int)
    assert np.abs(heard[-8000:] - said[-8000:]).max() < 300, "nothing of what was before is left"


def read_by(hearer: Hearer, clock_hz: int) -> list[tuple[str, int]]:
    """The keys that the peer has read, whose timestamps never go back."""
    reader, read = DigitReader(clock_hz), list[tuple[str, int]]()
    packets = [packet for packet in hearer.packets() if packet.payload_type == 101]
    for packet in packets:
        read += reader.receive(packet.payload, packet.timestamp, 1.0)
    stamps = [packet.timestamp for packet in packets]
    assert stamps == sorted(stamps)
    return read


def test_a_key_of_2_s_is_sent_whole_at_48_khz_and_sound_goes_on_in_its_place(hears: Make) -> None:
    skip_without("opus")
    hearer = hears("opus", telephone_event_clock_hz=48000)
    hearer.playout.hear_silence(hearer.now)
    for _ in range(5):
        hearer.tick()
    first = hearer.packets()[0].timestamp
    began = hearer.now
    assert hearer.playout.send_digits("1", 2000, 100)
    while hearer.playout.dialling:
        hearer.playout.send_digit_frame(hearer.now)
        hearer.tick()
    assert read_by(hearer, 48000) == [("1", 2000)]
    for _ in range(5):
        hearer.tick()
    after = hearer.packets()[0].timestamp
    assert (after - first) / 48000 == pytest.approx(hearer.now - began, abs=0.05)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 48000), (48000, 8000)])
def test_a_key_of_2_s_is_relayed_whole_between_clocks(
    hears: Make, from_hz: int, to_hz: int
) -> None:
    skip_without("opus")
    codecs: dict[int, Codec] = {8000: "PCMU", 48000: "opus"}
    talker = Talker(codecs[from_hz], telephone_event_clock_hz=from_hz)
    hearer = hears(codecs[to_hz], telephone_event_clock_hz=to_hz)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    hearer.packets()
    writer = DigitWriter(from_hz // 50)
    writer.queue_digits("9", duration_ms=2000, gap_ms=20)
    began = talker.timestamp
    while writer:
        frame = writer.next_frame()
        if frame is not None:
            talker.timestamp = began + frame.passed
            talker.send(101, frame.payload, hearer.now, marker=frame.begins)
        hearer.tick()
    talker.timestamp = began + 2 * from_hz
    hearer.listen(talker, tone(400, 1.0, talker.rate_hz), 0.4)
    assert read_by(hearer, to_hz) == [("9", 2000)]


def test_digits_of_our_own_have_the_clock_of_the_peer(hears: Make) -> None:
    skip_without("opus")
    hearer = hears("opus", telephone_event_clock_hz=48000)
    hearer.playout.hear_silence(hearer.now)
    assert hearer.playout.send_digits("1", 100, 40)
    for _ in range(7):
        hearer.playout.send_digit_frame(hearer.now)
        hearer.tick()
    events = [p for p in hearer.packets() if p.payload_type == 101]
    assert [int.from_bytes(p.payload[2:4], "big") for p in events] == [
        960, 1920, 2880, 3840, 4800, 4800, 4800,
    ]  # fmt: skip


def test_comfort_noise_is_made_for_a_peer_that_does_not_take_it(hears: Make) -> None:
    talker, hearer = Talker("PCMU"), hears("PCMU")
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.2)
    talker.send(13, bytes([45]), hearer.now)
    for _ in range(30):
        hearer.tick()
    noise = hearer.heard(hearer.packets()[-20:]).astype(float)
    assert 10 * np.log10(np.mean(noise**2) / 32768**2) == pytest.approx(-45, abs=2)
    talker.timestamp += 31 * 160
    hearer.listen(talker, tone(400, 1.0), 1.5)
    assert hearer.playout._coding.transcoder is None  # nothing has to be coded any more


def test_comfort_noise_is_passed_on_to_a_peer_that_takes_it(hears: Make) -> None:
    talker = Talker("PCMU")
    hearer = hears("PCMU", comfort_noise_payload_type=13)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.2)
    talker.send(13, bytes([45]), hearer.now)
    assert [(p.payload_type, p.payload) for p in hearer.packets()][-1] == (13, bytes([45]))


def test_silence_that_is_coded_becomes_comfort_noise_for_a_peer_that_takes_it(hears: Make) -> None:
    talker = Talker("PCMU")
    hearer = hears("G722", comfort_noise_payload_type=13)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.4)
    hiss = (np.random.default_rng(1).standard_normal(8000) * 30).astype(np.int16)
    hearer.listen(talker, hiss, 2.0)
    before = hearer.packets()
    noise = [p for p in before if p.payload_type == 13]
    assert 1 <= len(noise) <= 3
    assert noise[0].payload[0] == pytest.approx(61, abs=3)
    assert len(before) < 60
    hearer.listen(talker, tone(400, 1.0), 0.4)
    again = [p for p in hearer.packets() if p.payload_type == 9]
    assert again[0].marker
    assert again[0].timestamp - before[-1].timestamp >= 8000 * 0.02


def test_a_codec_that_does_not_work_here_is_not_sent(
    hears: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise CodecError("no libopus")

    monkeypatch.setattr(opus, "_library", missing)
    hearer = hears("PCMU")
    hearer.agree("opus")
    assert hearer.stream.errors == 1
    hearer.playout.hear_silence(hearer.now)
    hearer.tick()
    assert hearer.packets() == []


def test_nothing_is_taken_where_nothing_is_coded(hears: Make) -> None:
    hearer = hears("G722")
    coding = hearer.playout._coding
    assert coding.transcoder is None and coding.next_frame(hearer.now) is None


def test_a_codec_may_change_while_another_leg_is_heard(hears: Make) -> None:
    talker, hearer = Talker("PCMU"), hears("PCMU")
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.2)
    hearer.agree("G722")
    hearer.listen(talker, tone(400, 1.0), 0.4)
    assert hearer.playout._coding.transcoder is not None
    hearer.agree("PCMU")
    hearer.listen(talker, tone(400, 1.0), 0.4)
    assert hearer.playout._coding.transcoder is None
    kinds = [p.payload_type for p in hearer.packets()]
    assert kinds == sorted(kinds[:10]) + [9] * kinds.count(9) + [0] * (
        len(kinds) - 10 - kinds.count(9)
    )


def test_the_same_description_again_changes_nothing(hears: Make) -> None:
    hearer = hears("G722")
    coding = hearer.playout._coding
    packetizer = coding.packetizer
    hearer.agree("G722")
    assert coding.packetizer is packetizer
    assert isinstance(coding, CodedSound) and not coding.is_other(described("G722"))


@pytest.mark.parametrize("ptime_ms", [20, 60])
def test_what_is_mixed_over_a_stream_that_is_coded_anew_comes_with_it(
    hears: Make, ptime_ms: int
) -> None:
    talker, hearer = Talker("PCMU"), hears("G722", ptime_ms=ptime_ms)
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.3)
    hearer.playout.mix(MixedClip(Clip.of(tone(900, 0.6))))
    for _ in range(25):
        hearer.listen(talker, tone(400, 1.0), 0.02)
        hearer.playout.keep_mixing(hearer.now)
    packets = hearer.packets()
    assert len(packets) == pytest.approx(800 / ptime_ms, abs=3)
    heard = hearer.heard(packets)[-6400:]
    assert level_of(900, heard, 16000) == pytest.approx(10000, rel=0.2)
    assert level_of(400, heard, 16000) == pytest.approx(5000, rel=0.25)


def test_a_leg_that_is_closed_is_not_held_by_what_coded_for_it(hears: Make) -> None:
    talker, hearer = Talker("PCMU"), hears("G722")
    hearer.playout.hear_peer(talker.stream, hearer.now)
    hearer.listen(talker, tone(400, 1.0), 0.2)
    coding = hearer.playout._coding
    hearer.playout.close()
    assert hearer.playout not in gc.get_referents(coding)
    assert (coding.packetizer, coding.transcoder, list(hearer.clocked)) == (None, None, [])
    hearer.packets()
    coding._send(0, False, b"")
    assert hearer.packets() == []


@pytest.mark.parametrize("hearing", ["G722", "opus", "L16/16000"])
def test_a_wide_clip_is_heard_wide_also_over_another_and_after_a_narrow_one(
    hears: Make, hearing: Codec
) -> None:
    skip_without(hearing)
    hearer, rate = hears(hearing), 16000
    least = 500 if hearing == "opus" else 7500  # libopus takes its time for so high a tone
    high = Clip.of(np.zeros(16000, np.int16), tone(5000, 2.0, rate))

    def level(ticks: int) -> float:
        hearer.packets()
        for _ in range(ticks):
            hearer.tick()
            hearer.playout.keep_mixing(hearer.now)
        heard = hearer.heard(hearer.packets())
        return float(level_of(5000, heard[rate // 10 :], rate))

    hearer.playout.hear_clip(1, Clip.of(tone(400, 5.0)), hearer.now, loop=True)
    assert level(20) < 100
    hearer.playout.hear_clip(2, high, hearer.now, loop=True)
    assert least < level(20) < 11000
    hearer.playout.hear_clip(3, Clip.of(tone(400, 5.0)), hearer.now, loop=True)
    assert level(20) < 100
    hearer.playout.mix(MixedClip(high, 0))
    assert least < level(20) < 11000


def test_a_wide_clip_is_heard_without_what_g711_cannot_carry(hears: Make) -> None:
    hearer = hears("PCMA")
    hearer.playout.hear_clip(
        1, Clip.of(tone(400, 1.0), tone(5000, 1.0, 16000)), hearer.now, loop=True
    )
    for _ in range(10):
        hearer.tick()
    heard = hearer.heard(hearer.packets())[800:]
    assert level_of(400, heard, 8000) == pytest.approx(10000, rel=0.1)


@pytest.mark.parametrize("hearing", ["G722", "opus", "L16/16000"])
@pytest.mark.parametrize("ptime_ms", [20, 40])
def test_between_narrow_and_wide_clips_nothing_clicks_or_is_missing(
    hears: Make, hearing: Codec, ptime_ms: int
) -> None:
    skip_without(hearing)
    hearer, rate = hears(hearing, ptime_ms=ptime_ms, wants_ptime=True), 16000
    narrow = Clip.of(tone(400, 5.0))
    wide = Clip.of(tone(300, 5.0), tone(300, 5.0, rate))
    for number in range(6):
        hearer.playout.hear_clip(
            1, (narrow, wide)[number % 2], hearer.now, loop=True, position=number * 37
        )
        for _ in range(7):
            hearer.tick()
    packets = hearer.packets()
    ticks = hearer.form.clock_hz * ptime_ms // 1000
    assert set(np.diff([p.timestamp for p in packets]).tolist()) == {ticks}
    heard = hearer.heard(packets).astype(int)[rate // 10 :]
    assert np.abs(np.diff(heard)).max() <= 10000 * 2 * np.pi * 400 / rate * 1.6
    assert np.abs(heard).reshape(-1, 80)[:-2].max(axis=1).min() > 3000
