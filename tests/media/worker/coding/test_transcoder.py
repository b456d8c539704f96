from media.codec.g711 import G711Encoder
from media.rtp.outgoing_stream import OutgoingStream
from media.worker.coding.transcoder import Transcoder
from tests.support.voices import tone


def test_packets_that_fit_are_counted_from_the_last_that_does_not() -> None:
    transcoder = Transcoder(8000)
    assert not any(transcoder.note(fits=True) for _ in range(49))
    assert not transcoder.note(fits=False)
    assert [transcoder.note(fits=True) for _ in range(50)] == [False] * 49 + [True]


def test_no_sound_is_sent_beside_a_key() -> None:
    transcoder, stream = Transcoder(8000), OutgoingStream(1, 0, 0)
    payload = G711Encoder("PCMU").encode(tone(400, 0.02))
    transcoder.buffer.put("PCMU", 1, 1, 160, payload, 1.0)
    assert transcoder.next_frame(1.0) is not None and not transcoder.has_begun
    assert transcoder.next_frame(1.02) is not None and transcoder.has_begun
    event = bytes([1, 10, 0, 160])
    assert transcoder.event(stream, event, 320, (8000, 48000), 1.03) == (
        0, True, bytes([1, 10, 3, 192]),
    )  # fmt: skip
    assert transcoder.event(stream, event, 320, (8000, 8000), 1.05) == (0, False, event)
    assert stream.sequence == 1
    assert transcoder.next_frame(1.06) is None
    assert transcoder.next_frame(1.16) is not None


def test_sound_goes_on_soon_after_the_end_of_a_key_and_what_is_said_again_is_no_other_key() -> None:
    transcoder, stream = Transcoder(8000), OutgoingStream(1, 0, 0)
    payload = G711Encoder("PCMU").encode(tone(400, 0.02))
    transcoder.buffer.put("PCMU", 1, 1, 160, payload, 1.0)
    held, ended = bytes([1, 10, 0, 160]), bytes([1, 0x8A, 1, 64])
    assert transcoder.event(stream, held, 320, (8000, 8000), 1.03) == (0, True, held)
    assert transcoder.event(stream, ended, 320, (8000, 8000), 1.05) == (0, False, ended)
    assert transcoder.next_frame(1.06) is None
    assert transcoder.next_frame(1.08) is not None
    stream.next_frame(160, 1.08)
    assert transcoder.event(stream, ended, 320, (8000, 8000), 1.09) == (0, False, ended)


def test_a_key_that_is_cut_short_is_passed_on_as_it_is() -> None:
    transcoder, stream = Transcoder(8000), OutgoingStream(1, 0, 0)
    assert transcoder.event(stream, b"\x01", 320, (8000, 48000), 1.0) == (0, True, b"\x01")
