"""A leg whose speech is mixed: it listens to a stream until it is let go, or the leg is closed."""

import numpy as np
import pytest

from media.sound.form import WIDE, encode, rate_hz
from media.worker.mixing.speaker import Speaker
from tests.support.media.coded_peers import Talker
from tests.support.voices import level_of, tone

from ..test_peer_stream import Peer, packet


def test_it_keeps_what_the_peer_says_and_no_keys() -> None:
    peer, gone = Peer(), list[Speaker]()
    source = peer.stream
    speaker = Speaker(source, gone.append)
    assert speaker.source is source and source.listeners == [speaker]
    peer.receive(packet(1))
    speaker.relay_event(source, 2, 320, True, b"\x01\x00\x00\xa0", 1.0)
    speaker.relay_audio(source, 3, 480, False, b"", "PCMU", 1.0)
    speaker.relay_nothing(source, 4)
    speaker.relay_noise(source, 4, 0, b"", 0.0)
    speaker.fill_gap(2.0)
    assert speaker.queue.waiting == 1
    assert len(speaker.take()) == 160
    speaker.leave()
    speaker.leave()
    assert source.listeners == [] and not gone


def test_a_leg_that_is_closed_is_told_once() -> None:
    source, gone = Peer().stream, list[Speaker]()
    speaker = Speaker(source, gone.append)
    for listener in source.listeners.copy():
        listener.hear_silence(1.0)
    assert gone == [speaker] and speaker.source is None and source.listeners == []


def test_packets_and_frames_of_another_rate_are_brought_to_it() -> None:
    """A leg of G722 that sends G.711, and one of G.711 that was G722 as its sum began."""
    for agreed, form in (("G722", "PCMU"), ("PCMU", WIDE)):
        talker = Talker(agreed)  # type: ignore[arg-type]
        speaker = Speaker(talker.stream, lambda _gone: None)
        said = tone(400, 0.2, rate_hz(form))
        size = rate_hz(form) // 50
        for number in range(10):
            piece = encode(said[number * size : (number + 1) * size], form)
            speaker.relay_audio(talker.stream, number, 160 * number, False, piece, form, 1.0)
        is_wide = form != WIDE
        rate = 16000 if is_wide else 8000
        assert speaker.is_wide is is_wide and speaker.queue.waiting == 10
        other = np.concatenate(speaker.peek(is_wide=not is_wide))
        frames = [speaker.take() for _ in range(10)]
        heard = np.concatenate(frames)
        assert len(heard) == rate // 5
        assert level_of(400, heard[rate // 20 :], rate) == pytest.approx(10000, rel=0.1)
        fitted = np.concatenate([speaker.fitted(one, is_wide=not is_wide) for one in frames])
        for sound, hz in ((fitted, 24000 - rate), (other, 24000 - rate)):
            assert level_of(400, sound[hz // 20 :], hz) == pytest.approx(10000, rel=0.1)
