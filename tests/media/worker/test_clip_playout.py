from media.rtp.outgoing_stream import OutgoingStream
from media.sound.clip import SILENCE
from media.sound.frames import SpeakingSources
from media.worker.clip_playout import ClipPlayout


def test_a_clip_that_ends_is_told_once_and_silence_follows() -> None:
    speaking: SpeakingSources[ClipPlayout] = SpeakingSources()
    ended: list[int] = []
    playout = ClipPlayout(OutgoingStream(1, 0, 0), speaking, ended.append)
    playout._may_send = True
    playout._play = 4
    playout.clip_ended()
    assert ended == [4]
    assert playout in speaking and playout._clip is SILENCE
    assert playout.play == 0


def test_nothing_is_heard_while_nothing_may_be_sent() -> None:
    speaking: SpeakingSources[ClipPlayout] = SpeakingSources()
    ended: list[int] = []
    playout = ClipPlayout(OutgoingStream(1, 0, 0), speaking, ended.append)
    playout.clip_ended()
    assert playout not in speaking and ended == []
