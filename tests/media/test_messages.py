"""Frames on the worker's socket."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.messages import (
    MAX_FRAME_BYTES,
    Bridge,
    Close,
    Command,
    Connect,
    Dtmf,
    FrameSplitter,
    FramingError,
    Hear,
    LegStats,
    Open,
    Stats,
    command_decoder,
    encode_frame,
    report_decoder,
)
from media.sources import Hold, Peer, Prompt, Ringing, Silence, Tone

COMMANDS: list[Command] = [
    Open(1, "a"),
    Connect("a", "127.0.0.1", 4000, 4001, "PCMA", 8, None, "sendrecv"),
    Hear("a", 1, Tone("440/100", loop=True, gain_db=-3.0)),
    Hear("a", 2, Prompt("/x.wav")),
    Hear("a", 3, Hold()),
    Hear("a", 4, Ringing("DE")),
    Hear("a", 5, Silence()),
    Hear("a", 6, Peer("b")),
    Bridge("a", "b"),
    Close(2, "a"),
]


def test_commands_survive_the_socket() -> None:
    (body,) = FrameSplitter().feed(encode_frame(COMMANDS))
    assert command_decoder.decode(body) == COMMANDS


def test_reports_survive_the_socket() -> None:
    reports = [Dtmf("a", "5", 120), Stats(3, LegStats(packets_sent=7, jitter_ms=1.5))]
    (body,) = FrameSplitter().feed(encode_frame(reports))
    assert report_decoder.decode(body) == reports


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
