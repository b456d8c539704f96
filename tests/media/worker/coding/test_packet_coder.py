"""Packets that are decoded as they come: at once, in order, with something for what is lost."""

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.codec import CodecError
from media.codec.formats import Format, encoder_of, unavailable
from media.rtp.outgoing_stream import FRAME_S
from media.worker.coding.packet_coder import Coded, PacketCoder
from tests.support.voices import loudest_step, tone

HZ = 230


class Speaker:
    """Says a tone in packets of one codec and length."""

    def __init__(self, codec: str, ptime_ms: int = 20) -> None:
        if codec in unavailable():
            pytest.skip(unavailable()[codec])
        self.form = Format(codec)
        self.ptime_ms = ptime_ms
        said = tone(HZ, 2.4, self.form.rate_hz)
        encoder = encoder_of(self.form, self.form.rate_hz)
        self.payloads = [encoder.encode(one) for one in np.split(said, 2400 // ptime_ms)]

    def put(self, coder: PacketCoder, nth: int, now: float | None = None) -> list[Coded]:
        """Packet `nth` comes, on time unless it is said when."""
        timestamp = (2**32 - 5000 + nth * self.form.clock_hz * self.ptime_ms // 1000) % 2**32
        at = nth * self.ptime_ms / 1000 if now is None else now
        return coder.put(65530 + nth, timestamp, self.payloads[nth], at)


def sound(pieces: list[Coded]) -> NDArray[np.int16]:
    return np.concatenate([frame for piece in pieces for frame in piece.frames])


@pytest.mark.parametrize("codec", ["PCMU", "G722", "opus", "L16/16000"])
@pytest.mark.parametrize("ptime_ms", [20, 60])
def test_each_packet_goes_on_at_once(codec: str, ptime_ms: int) -> None:
    speaker, coder = Speaker(codec, ptime_ms), PacketCoder(codec, 16000)
    for nth in range(20):
        (piece,) = speaker.put(coder, nth)
        assert [len(frame) for frame in piece.frames] == [320] * (ptime_ms // 20)
        assert piece.begins_at == pytest.approx(nth * ptime_ms / 1000)
        assert piece.late_s == pytest.approx(0.0)


def test_what_makes_no_frame_waits_for_more() -> None:
    speaker, coder = Speaker("PCMU", 30), PacketCoder("PCMU", 8000)
    pieces = [speaker.put(coder, nth)[0] for nth in range(4)]
    assert [len(piece.frames) for piece in pieces] == [1, 2, 1, 2]
    assert [piece.begins_at for piece in pieces] == pytest.approx([0.0, 0.02, 0.06, 0.08])


def test_frames_are_due_by_their_timestamps_however_they_come() -> None:
    speaker, coder = Speaker("L16/16000"), PacketCoder("L16/16000", 16000)
    late_s = [0.0, 0.011, 0.0, 0.03, 0.012, 0.0]
    due_at, shifted = [], 0.0
    for nth, late in enumerate(late_s):
        (piece,) = speaker.put(coder, nth, 5.0 + nth * FRAME_S + late)
        due_at.append(piece.begins_at - shifted)
        shifted += piece.late_s
    assert due_at == pytest.approx([5.0 + nth * FRAME_S for nth in range(6)])


@pytest.mark.parametrize("codec", ["G722", "opus", "L16/16000"])
@pytest.mark.parametrize("lost", [{40}, {40, 41}])
def test_what_is_lost_is_made_up(codec: str, lost: set[int]) -> None:
    speaker, coder = Speaker(codec), PacketCoder(codec, 16000)
    pieces = [one for nth in range(60) if nth not in lost for one in speaker.put(coder, nth)]
    heard = sound(pieces)
    assert len(heard) == 60 * 320
    assert loudest_step(heard[3200:]) <= 1.5 * 10000 * 2 * np.pi * HZ / 16000


def test_packets_that_change_places_are_heard_in_order() -> None:
    speaker = Speaker("G722")
    coder, plain = PacketCoder("G722", 16000), PacketCoder("G722", 16000)
    mixed_up = [one for nth in (0, 2, 1, 3, 4) for one in speaker.put(coder, nth, 0.1)]
    in_order = [one for nth in range(5) for one in speaker.put(plain, nth)]
    np.testing.assert_array_equal(sound(mixed_up), sound(in_order))


def test_a_pause_is_no_loss_and_is_left_as_long_as_it_was() -> None:
    speaker, coder = Speaker("G722"), PacketCoder("G722", 16000)
    speaker.put(coder, 0)
    (piece,) = coder.put(65531, 2**32 - 5000 + 8000 & 0xFFFFFFFF, bytes(160), 1.0)
    assert len(piece.frames) == 1 and piece.begins_at == pytest.approx(1.0)


def test_a_packet_that_is_no_sound_leaves_no_hole() -> None:
    speaker, coder = Speaker("L16/16000"), PacketCoder("L16/16000", 16000)
    speaker.put(coder, 0)
    assert coder.skip(65531, 0.02) == []
    assert len(sound(speaker.put(coder, 2))) == 320


def test_another_line_of_timestamps_is_heard_at_once() -> None:
    speaker, coder = Speaker("L16/16000"), PacketCoder("L16/16000", 16000)
    speaker.put(coder, 0)
    (piece,) = coder.put(65531, 7, speaker.payloads[1], 3.0)
    jumped = coder.put(65532, 2**31, speaker.payloads[2], 3.02)[0]
    assert piece.begins_at == pytest.approx(5007 / 16000)
    assert (jumped.begins_at, jumped.late_s) == (3.02, 0.0)


def test_garbage_costs_its_own_place_alone() -> None:
    speaker, coder = Speaker("opus"), PacketCoder("opus", 16000)
    before = speaker.put(coder, 0)
    garbled = coder.put(65531, (2**32 - 5000 + 960) % 2**32, b"\xff\xff", 0.02)
    assert len(sound(before)) == len(sound(garbled)) == len(sound(speaker.put(coder, 2))) == 320


def test_a_stream_may_begin_with_garbage() -> None:
    speaker, coder = Speaker("opus"), PacketCoder("opus", 16000)
    (garbled,) = coder.put(65530, 2**32 - 5000, b"\xff\xff", 0.0)
    assert garbled.frames == []
    assert len(sound(speaker.put(coder, 1))) == 320


def test_a_codec_that_does_not_exist_is_told_of() -> None:
    with pytest.raises(CodecError):
        PacketCoder("GSM", 8000)
