"""A leg whose speech is mixed: it listens to a stream until it is let go, or the leg is closed."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from media.codec.formats import Format, encoder_of, unavailable
from media.protocol.messages import Codec
from media.rtp.outgoing_stream import FRAME_S
from media.worker.mixing.speaker import Speaker
from tests.support.media.coded_peers import Talker
from tests.support.voices import level_of, loudest_step, tone

from ..test_peer_stream import Peer, packet

SECOND = 50  # frames


class Heard:
    """A speaker whose frames are taken by a clock, 7 ms after each packet that is in time."""

    def __init__(self, codec: Codec, hz: float = 310) -> None:
        self.talker = Talker(codec)
        self.speaker = Speaker(self.talker.stream, lambda _gone: None)
        self.sound = tone(hz, 1.0, self.talker.rate_hz)
        self.now = 10.0
        self.frames: list[NDArray[np.int16]] = []
        self.lost: set[int] = set()
        self.ppm = 0.0
        self._number = 0

    def listen(self, frames: int, say: Callable[["Heard"], None] | None = None) -> None:
        """Let time pass, in which the talker says a packet for each frame, unless it is lost."""
        for _ in range(frames):
            said_at = 10.0 + self._number * FRAME_S * (1 + self.ppm * 1e-6)
            while said_at <= self.now and say is None:
                self.say(self._number in self.lost, said_at)
                self._number += 1
                said_at = 10.0 + self._number * FRAME_S * (1 + self.ppm * 1e-6)
            if say is not None:
                say(self)
            self.frames.append(self.speaker.next_frame(self.now + 0.007))
            self.now = round(self.now + FRAME_S, 6)

    def say(self, is_lost: bool, at: float) -> None:
        """The next packet, which may never come."""
        talker = self.talker
        if not is_lost:
            talker.say(self.sound, at)
            return
        size = talker.rate_hz // 50
        talker.encoder.encode(np.take(self.sound, range(talker.said, talker.said + size),
                                      mode="wrap"))  # fmt: skip
        talker.said += size
        talker.sequence += 1
        talker.timestamp += talker.form.clock_hz // 50

    @property
    def sound_heard(self) -> NDArray[np.int16]:
        return np.concatenate(self.frames)


def test_it_keeps_what_the_peer_says_and_no_keys() -> None:
    peer, gone = Peer(), list[Speaker]()
    source = peer.stream
    speaker = Speaker(source, gone.append)
    assert speaker.source is source and source.listeners == [speaker]
    peer.receive(packet(1))
    speaker.relay_event(source, 2, 320, True, b"\x01\x00\x00\xa0", 1.0)
    speaker.relay_audio(source, 3, 480, False, b"", "PCMU", 1.0)
    speaker.relay_nothing(source, 4)
    speaker.fill_gap(2.0)
    frames, rest = speaker.ahead(is_wide=False)
    assert len(frames) == 1 and not len(rest)
    assert not speaker.has_begun or len(speaker.next_frame(1.0)) == 160
    speaker.leave()
    speaker.leave()
    assert source.listeners == [] and not gone


def test_a_leg_that_is_closed_is_told_once() -> None:
    source, gone = Peer().stream, list[Speaker]()
    speaker = Speaker(source, gone.append)
    for listener in source.listeners.copy():
        listener.hear_silence(1.0)
    assert gone == [speaker] and speaker.source is None and source.listeners == []


def test_the_first_packet_is_part_of_the_next_frame() -> None:
    heard = Heard("PCMU")
    assert not heard.speaker.has_begun
    heard.listen(1)
    assert heard.speaker.has_begun and heard.sound_heard.any()


def test_what_waits_can_be_looked_at_and_taken_all_the_same() -> None:
    heard = Heard("PCMU")
    heard.listen(1)  # which rises
    for _ in range(3):
        heard.say(False, heard.now)
    ahead, rest = heard.speaker.ahead(is_wide=False)
    again, _rest = heard.speaker.ahead(is_wide=False)
    assert len(ahead) == 3 and not len(rest)
    taken = [heard.speaker.next_frame(heard.now + nth * FRAME_S) for nth in range(3)]
    assert np.array_equal(ahead, taken) and np.array_equal(again, taken)
    assert heard.speaker.ahead(is_wide=False)[0] == []


def test_packets_and_frames_of_another_rate_are_brought_to_it() -> None:
    """A leg of G722 that sends G.711, and one of G.711 that sends what it is not to send."""
    for agreed, said in (("G722", "PCMU"), ("PCMU", "L16/16000")):
        talker = Talker(agreed)  # type: ignore[arg-type]
        speaker = Speaker(talker.stream, lambda _gone: None)
        form = Format(said)
        sound, size = tone(400, 0.2, form.rate_hz), form.rate_hz // 50
        encoder = encoder_of(form, form.rate_hz)
        for number in range(10):
            piece = encoder.encode(sound[number * size : (number + 1) * size])
            stamp = number * form.clock_hz // 50
            at = 1.0 + number * FRAME_S
            speaker.relay_audio(talker.stream, number, stamp, False, piece, said, at)
        rate = 16000 if speaker.is_wide else 8000
        assert speaker.is_wide is (agreed == "G722")
        other = np.concatenate(speaker.ahead(is_wide=not speaker.is_wide)[0])
        frames = [speaker.next_frame(1.0 + number * FRAME_S) for number in range(10)]
        heard = np.concatenate(frames)
        assert len(heard) == rate // 5
        assert level_of(400, heard[rate // 20 :], rate) == pytest.approx(10000, rel=0.1)
        fitted = np.concatenate(
            [speaker.fitted(one, is_wide=not speaker.is_wide) for one in frames]
        )
        for sound, hz in ((fitted, 24000 - rate), (other, 24000 - rate)):
            assert level_of(400, sound[hz // 20 :], hz) == pytest.approx(10000, rel=0.1)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "L16/16000", "opus"])
def test_the_place_of_a_lost_packet_has_the_period_of_the_voice(codec: Codec) -> None:
    if codec in unavailable():
        pytest.skip(unavailable()[codec])
    heard = Heard(codec)
    heard.lost = {20, 40, 41, 60}
    heard.listen(2 * SECOND)
    rate = heard.talker.rate_hz
    sound = heard.sound_heard[rate // 10 : 60 * rate // SECOND]
    blocks = np.abs(sound[: len(sound) // 160 * 160].reshape(-1, 160).astype(int)).max(axis=1)
    # libopus lets a tone of which two packets in a row are lost fall quickly.
    assert blocks.min() > (500 if codec == "opus" else 5000), "a hole"
    assert loudest_step(sound) <= 1.5 * 10000 * 2 * np.pi * 310 / rate, "a click"


def test_packets_of_another_codec_are_decoded_in_the_order_in_which_they_were_said() -> None:
    heard = Heard("G722")

    def swapped(heard: Heard) -> None:
        """Two packets in two frames, the second of which comes first."""
        if len(heard.frames) % 2:
            return
        talker, packets = heard.talker, list[bytes]()
        receive = talker.stream.receive_packet
        talker.stream = _Kept(packets)  # type: ignore[assignment]
        for _ in range(2):
            talker.say(heard.sound, heard.now)
        talker.stream = heard.speaker.source  # type: ignore[assignment]
        for data in packets[::-1]:
            receive(bytearray(data), len(data), heard.now)

    heard.listen(SECOND, swapped)
    sound = heard.sound_heard[3200:]
    assert loudest_step(sound) <= 1.1 * 10000 * 2 * np.pi * 310 / 16000
    assert level_of(310, sound, 16000) == pytest.approx(10000, rel=0.1)


class _Kept:
    """In the place of a stream: keeps what it receives."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = packets

    def receive_packet(self, packet: bytearray, size: int, now: float) -> None:
        self._packets.append(bytes(packet[:size]))


@pytest.mark.parametrize("ppm", [1000, -1000])
def test_a_clock_that_drifts_is_followed_without_a_hole(ppm: int) -> None:
    """A minute at 1000 millionths: as far apart as five at 200."""
    heard = Heard("PCMU")
    heard.ppm = ppm
    heard.listen(60 * SECOND)
    sound = heard.sound_heard[1600:]
    blocks = np.abs(sound.reshape(-1, 40).astype(int)).max(axis=1)
    assert blocks.min() > 6000, "a hole"
    assert loudest_step(sound) <= 1.5 * 10000 * 2 * np.pi * 310 / 8000
    assert len(heard.speaker.ahead(is_wide=False)[0]) <= 3


def test_a_burst_of_200_ms_is_said_whole_and_the_delay_shrinks_again() -> None:
    heard = Heard("PCMU")
    heard.listen(SECOND)

    def nothing(_heard: Heard) -> None:
        """The network holds everything back."""

    heard.listen(10, nothing)
    heard.listen(1)  # eleven packets at once
    most = len(heard.speaker.ahead(is_wide=False)[0])
    assert most >= 9
    heard.listen(20 * SECOND)
    assert len(heard.speaker.ahead(is_wide=False)[0]) <= 3


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_who_describes_noise_is_heard_as_noise_of_that_level_and_colour(codec: Codec) -> None:
    heard = Heard(codec)
    heard.listen(SECOND)
    talker, rate = heard.talker, heard.talker.rate_hz
    # 40 dB below overload, and low: the first reflection coefficient is -0.9 (RFC 3389 section 3).
    talker.send(13, bytes([40, 127 - round(0.9 * 32768 / 258)]), heard.now)
    heard.listen(SECOND, lambda _heard: None)
    noise = heard.sound_heard[5 * rate // 4 :].astype(np.float64)
    assert 10 * np.log10(np.mean(noise**2) / 32768**2) == pytest.approx(-40, abs=1.5)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[: len(power) // 4].sum() > 0.8 * power.sum()
    talker.timestamp += talker.form.clock_hz
    heard.listen(SECOND)
    sound = heard.sound_heard[-rate // 2 :]
    assert level_of(310, sound, rate) == pytest.approx(10000, rel=0.1)


def test_who_falls_silent_falls_and_who_speaks_again_rises() -> None:
    heard = Heard("PCMU")
    heard.listen(SECOND)
    heard.listen(SECOND, lambda _heard: None)
    assert not heard.sound_heard[SECOND * 160 + 4 * 160 :].any()
    heard.listen(SECOND)
    assert loudest_step(heard.sound_heard) <= 1.5 * 10000 * 2 * np.pi * 310 / 8000
