"""The playout buffer against networks of every kind, in simulated time."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.codec import CodecError, Decoder, Samples
from media.codec.g711 import G711Decoder, G711Encoder
from media.worker.coding.playout_buffer import PlayoutBuffer
from tests.support.voices import found_at, loudest_step, voice

FRAME_S = 0.02
SAID = voice(10.0)
SSRC = 0x1234


@dataclass
class Packet:
    """What a sender sends: its number in time, and what may be changed of it."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes
    codec: str = "PCMU"
    ssrc: int = SSRC


@dataclass
class Call:
    """A buffer that is given packets as they come, and frames taken every 20 ms."""

    buffer: PlayoutBuffer = field(default_factory=lambda: PlayoutBuffer(8000, G711Decoder))
    frames: list[NDArray[np.int16]] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    now: float = 0.0

    def until(self, end: float) -> "Call":
        self.packets.sort(key=lambda packet: packet.at)
        while self.now < end:
            while self.packets and self.packets[0].at <= self.now:
                packet = self.packets.pop(0)
                self.buffer.put(
                    packet.codec,
                    packet.ssrc,
                    packet.sequence & 0xFFFF,
                    packet.timestamp & 0xFFFFFFFF,
                    packet.payload,
                    packet.at,
                )
            self.frames.append(self.buffer.next_frame(self.now))
            self.now += FRAME_S
        return self

    @property
    def heard(self) -> NDArray[np.int16]:
        return np.concatenate(self.frames)


def sent(
    seconds: float,
    *,
    begins: float = 0.015,
    ptime_ms: int = 20,
    sequence: int = 100,
    timestamp: int = 5000,
    ppm: float = 0.0,
    delay: Callable[[float], float] = lambda _at: 0.0,
    said: NDArray[np.int16] = SAID,
) -> list[Packet]:
    """Packets of a sender whose clock is so many millionths slow; `delay` is the network's."""
    encoder = G711Encoder("PCMU")
    size = ptime_ms * 8
    payloads = [encoder.encode(said[at : at + size]) for at in range(0, len(said) - size + 1, size)]
    packets = []
    for number in range(int(seconds * 1000 / ptime_ms)):
        at = begins + number * ptime_ms / 1000 * (1 + ppm * 1e-6)
        packets.append(
            Packet(
                at + delay(at),
                sequence + number,
                timestamp + number * size,
                payloads[number % len(payloads)],
            )
        )
    return packets


def decoded(seconds: float) -> NDArray[np.int16]:
    return G711Decoder("PCMU").decode(G711Encoder("PCMU").encode(SAID[: int(seconds * 8000)]))


def assert_whole(call: Call, seconds: float) -> None:
    """All of it was heard, after some silence, and nothing else."""
    heard, said = call.heard, decoded(seconds)
    start = int(np.argmax(heard != 0))
    said = said[int(np.argmax(said != 0)) :]
    assert np.array_equal(heard[start : start + len(said)], said)


def test_what_comes_in_time_is_heard_as_it_is() -> None:
    call = Call(packets=sent(2)).until(2.2)
    assert_whole(call, 2)
    assert (call.buffer.late, call.buffer.lost, call.buffer.garbled) == (0, 0, 0)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_packets_of_any_length_become_frames_of_20_ms(ptime_ms: int) -> None:
    call = Call(packets=sent(1.8, ptime_ms=ptime_ms)).until(2.0)
    assert_whole(call, 1.8)
    assert {len(frame) for frame in call.frames} == {160}


def test_before_the_first_packet_there_is_silence() -> None:
    call = Call().until(0.2)
    assert not call.heard.any()
    assert call.buffer.is_silent


def test_packets_in_the_wrong_order_are_put_in_order() -> None:
    packets = sent(1)
    for number in range(5, 45, 4):
        one, other = packets[number], packets[number + 1]
        one.at, other.at = other.at, one.at
    call = Call(packets=packets)
    # A wait of 30 ms is needed for packets that are 20 ms late: the delay learns it.
    call.until(1.2)
    assert call.buffer.late <= 1
    assert call.buffer.concealed_ms <= 60
    assert loudest_step(call.heard) <= 1.5 * loudest_step(SAID)


def test_packets_that_come_twice_are_heard_once() -> None:
    packets = sent(1)
    again = [Packet(p.at + 0.003, p.sequence, p.timestamp, p.payload) for p in packets]
    call = Call(packets=packets + again).until(1.2)
    assert_whole(call, 1)


def test_numbers_that_wrap_are_followed() -> None:
    call = Call(packets=sent(2, sequence=65500, timestamp=0xFFFFFFFF - 4000)).until(2.2)
    assert_whole(call, 2)
    assert call.buffer.lost == 0


def test_lost_packets_are_concealed_in_their_place() -> None:
    packets = [packet for number, packet in enumerate(sent(2)) if number % 10 != 5]
    call = Call(packets=packets).until(2.0)
    assert call.buffer.lost == 10
    assert 180 <= call.buffer.concealed_ms <= 260
    heard, said = call.heard, decoded(2)
    start = int(np.argmax(heard != 0)) - int(np.argmax(said != 0))
    # What lies between is where it belongs.
    place = start + 50 * 160 + 6 * 160
    assert np.array_equal(heard[place + 80 : place + 640], said[56 * 160 + 80 : 56 * 160 + 640])
    assert loudest_step(heard) <= 1.5 * loudest_step(SAID)


def test_the_wait_follows_the_jitter() -> None:
    rng = np.random.default_rng(1)
    call = Call(packets=sent(30, delay=lambda _at: rng.uniform(0, 0.06))).until(10)
    late = call.buffer.late
    call.until(30)
    assert call.buffer.late - late <= 0.01 * 1000
    assert 0.04 <= call.buffer.wanted_delay_s <= 0.07
    assert loudest_step(call.heard) <= 1.6 * loudest_step(SAID)


def test_the_wait_becomes_short_again() -> None:
    rng = np.random.default_rng(1)
    packets = sent(40, delay=lambda at: rng.uniform(0, 0.1) if at < 10 else 0.0)
    call = Call(packets=packets).until(40)
    assert call.buffer.wanted_delay_s == 0.01
    heard_s = 39.4 + found_at(decoded(9.5)[-800:], call.heard[int(39.4 * 8000) :]) / 8000
    assert 0.0 <= heard_s - (39.4 + 0.015) <= 0.06


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_a_clock_that_drifts_for_an_hour_is_followed(ppm: float) -> None:
    buffer = PlayoutBuffer(8000, G711Decoder)
    packets = sent(9.0, ptime_ms=60)
    number, at = 0, 0.015
    for frame in range(3600 * 50):
        now = frame * FRAME_S
        while at <= now:
            payload = packets[number % len(packets)].payload
            buffer.put("PCMU", SSRC, number & 0xFFFF, number * 480 & 0xFFFFFFFF, payload, at)
            number += 1
            at = 0.015 + number * 0.06 * (1 + ppm * 1e-6)
        buffer.next_frame(now)
        if frame % 3000 == 2999:
            assert len(buffer._waiting) <= 1
    assert buffer.late == buffer.lost == 0
    assert buffer.concealed_ms < 700  # of 720 ms by which the clocks went apart
    assert buffer.wanted_delay_s == 0.01


@pytest.mark.parametrize("at", [2.0, 5.0])
def test_a_burst_of_200_ms_is_heard_late_and_the_wait_recovers(at: float) -> None:
    packets = sent(12, delay=lambda t: max(0.0, at + 0.2 - t) if at <= t else 0.0)
    call = Call(packets=packets).until(at + 0.19)
    concealed = call.buffer.concealed_ms
    assert 60 <= concealed <= 80
    call.until(at + 0.4)
    assert call.buffer.lost == call.buffer.late == 0  # no word was left out
    call.until(12)
    assert call.buffer.concealed_ms <= concealed + 40
    assert len(call.buffer._waiting) <= 3
    # What is said now is heard within 60 ms.
    heard_s = 11.4 + found_at(decoded(1.6)[12000:12800], call.heard[int(11.4 * 8000) :]) / 8000
    assert heard_s - 11.515 < 0.06


@pytest.mark.parametrize("jump", [400, 4000, 80_000, 10_000_000, -400, -4000, -80_000, -10_000_000])
def test_timestamps_that_jump_cost_little(jump: int) -> None:
    before, after = sent(1), sent(1, begins=1.015, sequence=150, timestamp=5000 + 8000 + jump)
    call = Call(packets=before + after).until(2.2)
    assert call.buffer.late <= 1
    silent = sum(not frame.any() for frame in call.frames[2:98])
    assert silent <= 3
    call = Call(packets=before + after)
    call.until(1.9)
    assert len(call.buffer._waiting) <= 4


def test_sequence_numbers_that_begin_anew_cost_nothing() -> None:
    call = Call(packets=sent(1) + sent(1, begins=1.015, sequence=9, timestamp=13000)).until(2.2)
    assert call.buffer.late == 0
    assert sum(not frame.any() for frame in call.frames[2:98]) <= 1


def test_another_ssrc_begins_anew() -> None:
    after = sent(1, begins=1.015, sequence=9, timestamp=77)
    for packet in after:
        packet.ssrc = 99
    call = Call(packets=sent(1) + after).until(2.2)
    assert call.buffer.late == 0
    assert sum(not frame.any() for frame in call.frames[2:98]) <= 3
    assert loudest_step(call.heard) <= 1.6 * loudest_step(SAID)


def test_a_codec_may_change_from_one_packet_to_the_next() -> None:
    packets = sent(1)
    encoder = G711Encoder("PCMA")
    for number in range(25, 50):
        packets[number].codec = "PCMA"
        packets[number].payload = encoder.encode(SAID[number * 160 : number * 160 + 160])
    call = Call(packets=packets).until(1.2)
    assert call.buffer.concealed_ms <= 240  # of the end
    assert loudest_step(call.heard) <= 1.5 * loudest_step(SAID)


class Faster(G711Decoder):
    """A codec whose clock is another."""

    clock_hz = 16_000


def by_name(codec: str) -> Decoder:
    return G711Decoder("PCMU") if codec == "PCMU" else Faster("PCMU")


def test_timestamps_begin_anew_with_a_codec_of_another_clock() -> None:
    packets = sent(1)
    for number in range(25, 50):
        packets[number].codec = "L16"
        packets[number].timestamp = 9_000_000 + number * 320
    call = Call(PlayoutBuffer(8000, by_name), packets=packets).until(1.0)
    assert call.buffer.late == call.buffer.garbled == 0
    assert all(frame.any() for frame in call.frames[35:48])


def test_of_two_packets_for_the_same_moment_the_first_is_heard() -> None:
    packets = sent(1)
    packets.append(Packet(packets[21].at, 90, packets[20].timestamp, b"\x00" * 160))
    packets[20].at = packets[19].at
    call = Call(packets=packets).until(1.2)
    assert_whole(call, 1)


def only_pcmu(codec: str) -> Decoder:
    if codec != "PCMU":
        raise CodecError(f"there is no {codec}")
    return Broken("PCMU")


class Broken(G711Decoder):
    """Takes no payload of less than 100 bytes for its own."""

    def decode(self, payload: bytes) -> Samples:
        if 0 < len(payload) < 100:
            raise CodecError("this is nothing")
        return super().decode(payload)


def test_packets_of_a_codec_that_was_never_announced_are_counted_and_left_out() -> None:
    packets = sent(1)
    for number in range(0, 50, 5):
        packets.append(Packet(packets[number].at, 7000 + number, 99_999, b"x" * 20, codec="GSM"))
    call = Call(PlayoutBuffer(8000, only_pcmu), packets=packets).until(1.2)
    assert call.buffer.garbled == 10
    assert_whole(call, 1)


def test_a_payload_that_cannot_be_decoded_is_concealed() -> None:
    packets = sent(1)
    packets[20].payload = b"x"
    call = Call(PlayoutBuffer(8000, only_pcmu), packets=packets).until(1.0)
    assert call.buffer.garbled == 1
    assert call.buffer.late == 0
    assert all(frame.any() for frame in call.frames[4:48])


def test_an_empty_payload_costs_nothing() -> None:
    packets = sent(1)
    packets.append(Packet(0.5, 999, 5000 + 24 * 160, b""))
    Call(packets=packets).until(1.2)


def test_a_pause_is_silent_and_no_loss() -> None:
    packets = [packet for packet in sent(4) if not 1.0 <= packet.at < 3.0]
    for number, packet in enumerate(packets):
        packet.sequence = 100 + number
    call = Call(packets=packets).until(4.2)
    assert call.buffer.lost == call.buffer.late == 0
    assert not np.concatenate(call.frames[62:148]).any()
    # What is said after the pause is heard as soon as what was said before it.
    for said_s in (0.8, 3.4):
        piece = decoded(4)[int(said_s * 8000) :][:800]
        heard_s = said_s + found_at(piece, call.heard[int(said_s * 8000) :][:1600]) / 8000
        assert heard_s - (said_s + 0.015) <= 0.06


def test_comfort_noise_is_heard_until_sound_comes_again() -> None:
    packets = [packet for packet in sent(3) if not 1.0 <= packet.at < 2.0]
    for number, packet in enumerate(packets):
        packet.sequence = 100 + number + (packet.at >= 2.0)
    call = Call(packets=packets).until(1.02)
    call.buffer.put_noise(SSRC, 150, 5000 + 50 * 160, bytes([40]), call.now)
    call.until(1.8)
    assert not call.buffer.is_silent
    noise = np.concatenate(call.frames[60:90]).astype(np.float64)
    assert 10 * np.log10(np.mean(noise**2) / 32768**2) == pytest.approx(-40, abs=1.5)
    call.until(3.2)
    assert call.buffer.lost == 0
    assert np.abs(np.concatenate(call.frames[110:140])).max() > 3000


@pytest.mark.parametrize("late_ms", [60, 110, 160])
@pytest.mark.parametrize("sounds", range(40, 60))
def test_comfort_noise_may_come_while_a_wait_is_made_shorter(late_ms: int, sounds: int) -> None:
    """Of the periods that are left out, more than a frame is ready, and less than is enough."""
    packets = sent(sounds * FRAME_S, delay=lambda at: late_ms / 1000 if at < FRAME_S else 0.0)
    noise_at = 0.015 + sounds * FRAME_S
    call = Call(packets=packets).until(noise_at)
    call.buffer.put_noise(SSRC, 100 + sounds, 5000 + sounds * 160, bytes([40]), call.now)
    call.until(noise_at + 0.5)
    assert {len(frame) for frame in call.frames} == {160}
    noise = np.concatenate(call.frames[-10:]).astype(np.float64)
    assert 10 * np.log10(np.mean(noise**2) / 32768**2) == pytest.approx(-40, abs=2)


def test_a_stream_may_begin_with_comfort_noise() -> None:
    call = Call()
    call.buffer.put_noise(SSRC, 1, 160, bytes([40]), 0.0)
    heard = call.until(0.2).heard[800:].astype(np.float64)
    assert 10 * np.log10(np.mean(heard**2) / 32768**2) == pytest.approx(-40, abs=2)


def test_a_peer_that_sends_no_more_is_silent_after_a_second() -> None:
    call = Call(packets=sent(1)).until(1.3)
    assert not call.buffer.is_silent
    call.until(2.2)
    assert call.buffer.is_silent
    assert not np.concatenate(call.frames[60:]).any()


def test_a_buffer_that_nobody_reads_is_bounded() -> None:
    buffer = PlayoutBuffer(8000, G711Decoder)
    for packet in sent(10):
        buffer.put("PCMU", SSRC, packet.sequence, packet.timestamp, packet.payload, packet.at)
    assert len(buffer._waiting) == 100
    buffer.next_frame(10.0)
    assert len(buffer._waiting) <= 30  # what is older is not heard any more


def test_timestamps_that_do_not_fit_to_the_sample_are_no_gaps() -> None:
    packets = sent(2)
    for number, packet in enumerate(packets):
        packet.timestamp += (-7, 0, 7)[number % 3]
    call = Call(packets=packets).until(2.0)
    assert call.buffer.late == call.buffer.lost == 0
    assert call.buffer.concealed_ms <= 20
    assert loudest_step(call.heard) <= 1.1 * loudest_step(SAID)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_comes_breaks_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffer = PlayoutBuffer(8000, G711Decoder)
    now = 100.0
    for _ in range(400):
        for _ in range(rng.integers(0, 4)):
            size = int(rng.choice([0, 1, 80, 160, 240, 1600]))
            if rng.random() < 0.1:
                place = int(rng.integers(0, 65536)), int(rng.integers(0, 1 << 32))
                buffer.put_noise(1, *place, rng.bytes(size % 7), now)
            else:
                codec = str(rng.choice(["PCMU", "PCMA"]))
                buffer.put(codec, int(rng.integers(1, 3)), int(rng.integers(0, 100)),
                           int(rng.integers(0, 9000)), rng.bytes(size), now)  # fmt: skip
        assert len(buffer.next_frame(now)) == 160
        now += float(rng.choice([0.02, 0.02, 0.0, 0.5]))
