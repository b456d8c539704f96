"""A leg whose speech is mixed: it listens to a stream until it is let go, or the leg is closed."""

from media.worker.mixing.speaker import Speaker

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
