"""What the engine and a worker say survives the socket."""

from media.protocol.framing import FrameSplitter, encode_frame
from media.protocol.messages import (
    Bridge,
    Close,
    Command,
    Connect,
    Dtmf,
    Hear,
    HearWords,
    LegStats,
    Open,
    Stats,
    command_decoder,
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


def test_what_a_recogniser_has_heard_is_in_no_log() -> None:
    shown = repr(HearWords("leg-1", "leave a message"))
    assert "leg-1" in shown and "leave" not in shown
    assert "0 characters" in repr(HearWords("leg-1", None))
