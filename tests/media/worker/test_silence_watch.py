"""When a peer counts as silent, and when it is heard again."""

import pytest

from media.protocol import messages as m
from media.worker.peer_stream import PeerStream
from media.worker.silence_watch import SilenceWatch
from tests.support.media.coded_peers import Leg


@pytest.fixture
def stream() -> PeerStream:
    made = PeerStream(Leg())
    made.loud_at = 10.0
    return made


def test_one_loud_frame_among_quiet_ones_is_no_silence(stream: PeerStream) -> None:
    events: list[m.Event] = []
    watch = SilenceWatch("a", events.append)
    for now, is_audible in ((12.0, False), (12.1, False), (12.2, True), (12.3, False)):
        watch.heard_level(stream, now, is_audible=is_audible)
    assert (events, watch.is_silent, stream.loud_at) == ([], False, 12.2)


def test_silence_is_told_once_and_so_is_its_end(stream: PeerStream) -> None:
    events: list[m.Event] = []
    watch = SilenceWatch("a", events.append)
    for look in range(5):
        watch.heard_level(stream, 12.0 + look, is_audible=False)
        watch.look(stream, 12.0 + look, after_s=1.0, is_sent=True)
    assert events == [m.SilenceStarted("a", 4000)]
    stream.loud_at = 20.0
    watch.look(stream, 20.1, after_s=1.0, is_sent=True)
    assert events[1:] == [m.SilenceEnded("a")] and not watch.is_silent


def test_a_frame_is_looked_at_as_a_whole_once_it_has_been_quiet_long_enough(
    stream: PeerStream,
) -> None:
    watch = SilenceWatch("a", lambda _event: None)
    watch.look(stream, 10.5, after_s=1.0, is_sent=True)
    assert not stream.listening
    watch.look(stream, 11.5, after_s=1.0, is_sent=False)  # nothing is sent at all
    assert not stream.listening
    watch.look(stream, 11.5, after_s=1.0, is_sent=True)
    assert stream.listening
