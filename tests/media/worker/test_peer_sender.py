import pytest

from media.rtp.outgoing_stream import OutgoingStream
from media.worker.peer_sender import PeerSender


def test_without_a_socket_what_is_sent_is_lost() -> None:
    sender = PeerSender(OutgoingStream(1, 0, 0))
    sender.stream.next_frame(160, 1.0)
    sender._send_packet(0, True, bytes(160))
    assert (sender.socket_fd, sender.stream.errors, sender.may_send) == (-1, 0, False)


def test_what_cannot_be_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_packet: bytes) -> int:
        raise OSError("no buffer space")

    sender = PeerSender(OutgoingStream(1, 0, 0))
    sender._send = refuse
    sender.stream.next_frame(160, 1.0)
    sender._send_packet(0, True, bytes(160))
    assert (sender.stream.errors, sender.stream.packets_sent) == (1, 0)
