"""The outgoing stream stays one stream, whatever its source."""

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.outgoing_stream import OutgoingStream


def test_frames_step_by_one_and_by_160() -> None:
    stream = OutgoingStream(1, 65535, 2**32 - 160)
    sent = []
    for frame in range(3):
        marker = stream.next_frame(160, 5.0 + 0.02 * frame)
        sent.append((marker, stream.sequence & 0xFFFF, stream.timestamp & 0xFFFFFFFF))
    assert sent == [(True, 65535, 2**32 - 160), (False, 0, 0), (False, 1, 160)]
    assert (stream.packets_sent, stream.bytes_sent) == (3, 480)


def test_a_pause_moves_the_timestamp_only_and_is_marked() -> None:
    stream = OutgoingStream(1, 10, 0)
    stream.next_frame(160, 5.0)
    assert not stream.next_frame(160, 5.02)
    assert stream.next_frame(160, 5.12)
    assert (stream.sequence, stream.timestamp) == (12, 960)
    assert not stream.next_frame(160, 5.14)


def test_a_followed_stream_goes_on_where_the_frames_ended() -> None:
    stream = OutgoingStream(1, 10, 0)
    stream.next_frame(160, 5.0)
    stream.follow(70000, 999, 5.021)
    assert stream.marker_due
    assert stream.forward(70000, 999, 160, 5.021) == (11, 160)
    assert stream.forward(70001, 1159, 160, 5.04) == (12, 320)
    assert stream.forward(70004, 1639, 160, 5.1) == (15, 800)  # a gap stays a gap
    assert stream.forward(70003, 1479, 160, 5.1) == (14, 640)  # and the late one fills it
    assert (stream.sequence, stream.timestamp) == (15, 800)
    stream.next_frame(160, 5.12)
    assert (stream.sequence, stream.timestamp) == (16, 960)


def test_what_is_from_before_the_mapping_is_not_forwarded() -> None:
    stream = OutgoingStream(1, 10, 0)
    stream.follow(70000, 0, 5.0)
    assert stream.forward(69999, 0, 160, 5.0) is None
    assert stream.packets_sent == 0


def test_skipped_packets_leave_no_gap() -> None:
    stream = OutgoingStream(1, 10, 0)
    stream.follow(70000, 0, 5.0)
    assert stream.forward(70000, 0, 160, 5.0) == (10, 0)
    stream.skip(70001)
    assert stream.forward(70002, 320, 160, 5.04) == (11, 320)
    assert stream.forward(70001, 160, 160, 5.04) is None


def test_timestamps_of_the_source_may_wrap() -> None:
    stream = OutgoingStream(1, 0, 1000)
    stream.follow(65536, 2**32 - 160, 1.0)
    assert stream.forward(65536, 2**32 - 160, 160, 1.0) == (0, 1000)
    assert stream.forward(65537, 0, 160, 1.02) == (1, 1160)


def test_telephone_event_packets_share_a_timestamp() -> None:
    stream = OutgoingStream(1, 0, 0)
    stream.next_frame(4, 1.0)
    stream.repeat_timestamp(4)
    stream.repeat_timestamp(4)
    assert (stream.sequence, stream.timestamp, stream.packets_sent) == (2, 0, 3)
    stream.next_frame(160, 1.06)
    assert (stream.sequence, stream.timestamp) == (3, 480)


def test_sound_after_a_forwarded_telephone_event_does_not_lag_behind() -> None:
    stream = OutgoingStream(1, 0, 0)
    stream.follow(70000, 5000, 1.0)
    assert stream.forward(70000, 5000, 160, 1.0) == (0, 0)
    for packet in range(20):  # 0.4 s, all with the time of its beginning
        at = 1.02 + 0.02 * packet
        assert stream.forward(70001 + packet, 5160, 4, at) == (1 + packet, 160)
    stream.next_frame(160, 1.42)  # another source
    assert (stream.sequence, stream.timestamp) == (21, 160 * 21)


def test_sound_beside_a_telephone_event_goes_on_in_its_own_time() -> None:
    stream = OutgoingStream(1, 0, 0)
    stream.follow(70000, 5000, 1.0)
    stream.forward(70000, 5000, 160, 1.0)
    stream.forward(70001, 5160, 160, 1.02)
    assert stream.forward(70002, 5000, 4, 1.03) == (2, 0)
    stream.next_frame(160, 1.04)
    assert stream.timestamp == 320


def test_no_sound_of_a_long_packet_is_stamped_again() -> None:
    stream = OutgoingStream(1, 0, 0)
    stream.follow(70000, 5000, 1.0)
    stream.forward(70000, 5000, 480, 1.0)
    stream.next_frame(160, 1.02)
    assert stream.timestamp == 480
    stream.next_frame(160, 1.04)
    assert stream.timestamp == 640


Change = st.tuples(
    st.sampled_from(["frames", "peer"]),
    st.integers(1, 30),
    st.integers(0, 2**20),
    st.integers(0, 2**32 - 1),
)


@given(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.lists(Change, max_size=12))
def test_sources_in_any_order_make_one_unbroken_stream(
    sequence: int, timestamp: int, changes: list[tuple[str, int, int, int]]
) -> None:
    stream = OutgoingStream(9, sequence, timestamp)
    sent = []
    now = 100.0
    for kind, packets, their_sequence, their_timestamp in changes:
        if kind == "peer":
            stream.follow(their_sequence, their_timestamp, now)
        for index in range(packets):
            if kind == "frames":
                stream.next_frame(160, now)
                sent.append((stream.sequence, stream.timestamp))
            elif index % 7 == 3:  # a run booked as a whole
                stream.advance(1, now)
                sent.append((stream.sequence, stream.timestamp))
            else:
                numbers = stream.forward(
                    their_sequence + index, (their_timestamp + 160 * index) % 2**32, 160, now
                )
                assert numbers is not None
                sent.append(numbers)
            now += 0.02
    assert sent == [(sequence + n, timestamp + 160 * n) for n in range(len(sent))]
    assert stream.packets_sent == len(sent)


def test_what_the_kernel_refuses_was_not_sent() -> None:
    stream = OutgoingStream(1, 10, 0)
    stream.next_frame(160, 5.0)
    stream.failed()
    assert (stream.packets_sent, stream.errors) == (0, 1)
