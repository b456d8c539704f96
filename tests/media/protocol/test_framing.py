"""Frames on the worker's socket."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.protocol.framing import MAX_FRAME_BYTES, FrameSplitter, FramingError, encode_frame
from media.protocol.messages import Bridge, Close, Command, Open

COMMANDS: list[Command] = [Open(1, "a"), Bridge("a", "b"), Close(2, "a")]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_frames_are_found_however_the_bytes_are_cut(cuts: list[int]) -> None:
    frames = [encode_frame(COMMANDS[n : n + 2]) for n in range(6)]
    stream = b"".join(frames)
    splitter, bodies, at = FrameSplitter(), [], 0
    for cut in cuts:
        bodies += splitter.feed(stream[at : at + cut])
        at += cut
    bodies += splitter.feed(stream[at:])
    assert bodies == [frame[4:] for frame in frames]


def test_a_frame_too_large_is_refused_before_it_came() -> None:
    with pytest.raises(FramingError):
        FrameSplitter().feed(struct.pack("!I", MAX_FRAME_BYTES + 1))
