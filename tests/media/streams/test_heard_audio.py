"""What a bot hears: every frame once, in order, and something in the place of what is lost."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from media.sound.g711 import decode, encode
from media.streams.heard_audio import HeardAudio
from tests.support.voices import level_of, loudest_step, tone


def packet(sequence: int, value: int, *, size: int = 160, ssrc: int = 7, kind: int = 0) -> bytes:
    header = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, sequence * 160, ssrc)
    return header + bytes([value]) * size


def values(frames: list[bytes]) -> list[int]:
    """The first sample of each frame."""
    return [int(np.frombuffer(frame, "<i2")[0]) for frame in frames]


def ends(frames: list[bytes]) -> list[int]:
    """The last sample of each frame."""
    return [int(np.frombuffer(frame, "<i2")[-1]) for frame in frames]


def linear(value: int) -> int:
    return int(decode(bytes([value]), "PCMU")[0])


def test_each_packet_of_20_ms_is_one_frame_at_once() -> None:
    audio = HeardAudio("PCMU", 8000)
    for sequence in (65534, 65535, 65536, 65537):
        frames = audio.receive(packet(sequence, sequence % 7))
        assert values(frames) == [linear(sequence % 7)]
        assert len(frames[0]) == 320


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
def test_frames_have_20_ms_of_the_rate_whatever_the_packets_have(rate_hz: int) -> None:
    audio = HeardAudio("PCMA", rate_hz)
    sizes = [80, 80, 240, 160, 480]  # 10, 30 and 60 ms
    packets = [packet(n, 0xD5, size=size, kind=8) for n, size in enumerate(sizes)]
    frames = [frame for one in packets for frame in audio.receive(one)]
    assert [len(frame) for frame in frames] == [rate_hz // 25] * 6


def test_packets_that_change_places_come_in_order() -> None:
    audio = HeardAudio("PCMU", 8000)
    seen: list[int] = []
    for sequence in (1, 3, 2, 4, 6, 7, 5):
        seen += values(audio.receive(packet(sequence, sequence)))
    assert seen == [linear(sequence) for sequence in range(1, 8)]
    assert audio.lost_ms == 0


def test_a_packet_that_comes_twice_is_heard_once() -> None:
    audio = HeardAudio("PCMU", 8000)
    seen = [values(audio.receive(packet(n, n))) for n in (1, 2, 2, 1, 3)]
    assert seen == [[linear(1)], [linear(2)], [], [], [linear(3)]]


def test_what_is_lost_is_made_up_from_what_came_before_ever_softer() -> None:
    audio = HeardAudio("PCMU", 8000)
    audio.receive(packet(1, 5))
    assert audio.receive(packet(4, 9)) == audio.receive(packet(5, 10)) == []
    seen = ends(audio.receive(packet(6, 11)))
    loud = abs(linear(5))
    assert len(seen) == 5 and seen[2:] == [linear(9), linear(10), linear(11)]
    assert loud > abs(seen[0]) > abs(seen[1]) > 0
    assert audio.lost_ms == 40


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
def test_the_place_of_a_lost_packet_has_the_period_of_the_voice(rate_hz: int) -> None:
    """A tone goes on through it: the last packet again would break its phase."""
    said = tone(230, 1.0)
    payloads = [encode(piece, "PCMU") for piece in np.split(said, 50)]
    audio, frames = HeardAudio("PCMU", rate_hz), list[bytes]()
    for number, payload in enumerate(payloads):
        if number != 20:
            frames += audio.receive(packet(number, 0, size=0) + payload)
    heard = np.frombuffer(b"".join(frames), "<i2")
    assert len(heard) == rate_hz and audio.lost_ms == 20
    assert loudest_step(heard) <= 1.2 * 10000 * 2 * np.pi * 230 / rate_hz


def test_a_long_gap_is_no_loss() -> None:
    audio = HeardAudio("PCMU", 8000)
    audio.receive(packet(1, 5))
    assert values(audio.receive(packet(500, 6))) == [linear(6)]
    assert audio.lost_ms == 0


def test_another_stream_begins_anew() -> None:
    audio = HeardAudio("PCMU", 8000)
    audio.receive(packet(100, 5))
    assert values(audio.receive(packet(3, 6, ssrc=8))) == [linear(6)]


def test_what_is_no_sound_of_the_leg_is_not_heard() -> None:
    audio = HeardAudio("PCMU", 8000)
    assert audio.receive(b"") == audio.receive(b"\x80\xc8" + bytes(30)) == []
    assert audio.receive(packet(1, 5, kind=9)) == []
    assert values(audio.receive(packet(9, 5))) == [linear(5)]


def test_a_burst_after_a_pause_on_the_way_is_heard_whole() -> None:
    audio = HeardAudio("PCMU", 16000)
    audio.receive(packet(1, 1))
    seen = [value for n in range(2, 12) for value in values(audio.receive(packet(n, n)))]
    assert len(seen) == 10
    assert audio.lost_ms == 0


@pytest.mark.parametrize("kind", [13, 96, 101, 127])
def test_payload_types_that_are_no_sound_cost_nothing(kind: int) -> None:
    audio = HeardAudio("PCMU", 8000)
    audio.receive(packet(1, 1))
    assert audio.receive(packet(2, 9, kind=kind)) == []
    assert values(audio.receive(packet(2, 2))) == [linear(2)]


def wide_packet(sequence: int, samples: NDArray[np.int16]) -> bytes:
    """A packet of L16 at 16 kHz."""
    return packet(sequence, 0, size=0, kind=112) + samples.astype(">i2").tobytes()


@pytest.mark.parametrize("rate_hz", [16000, 24000])
def test_wide_sound_is_heard_above_4_khz(rate_hz: int) -> None:
    audio, sound = HeardAudio("L16/16000", rate_hz), tone(5000, 0.5, 16000)
    pieces = np.split(sound, 25)
    frames = [frame for n, one in enumerate(pieces) for frame in audio.receive(wide_packet(n, one))]
    assert {len(frame) for frame in frames} == {rate_hz // 25} and len(frames) == 25
    heard = np.frombuffer(b"".join(frames), "<i2")
    said = float(level_of(5000, sound, 16000))
    assert float(level_of(5000, heard, rate_hz)) == pytest.approx(said, rel=0.05)


def test_a_leg_may_change_its_codec_at_any_packet() -> None:
    audio = HeardAudio("PCMU", 16000)
    loud = np.full(320, 8031, np.int16)
    frames = [audio.receive(packet(1, 0xA0)), audio.receive(packet(2, 0xA0))]
    frames += [audio.receive(wide_packet(n, loud)) for n in (3, 5, 6, 7)]
    frames += [audio.receive(packet(8, 0xA5, kind=8))]
    assert [len(one) for one in frames] == [1, 1, 1, 0, 0, 4, 1]
    assert audio.lost_ms == 20
    assert values(frames[2]) == [8031]
