"""What DTLS-SRTP does with datagrams that it cannot use. Its handshake: test_process.py."""

from typing import Any

from aiortc import RTCCertificate
from pylibsrtp import Policy, Session

from media.webrtc.dtls_srtp import DtlsSrtp

KEY = b"k" * 30


def fails(_data: bytes) -> None:
    raise ConnectionError("there is no way")


def session(kind: int) -> Session:
    return Session(Policy(key=KEY, ssrc_type=kind))


async def test_what_cannot_be_used_is_dropped() -> None:
    sent: list[bytes] = []
    heard: list[bytes] = []
    dtls = DtlsSrtp(
        RTCCertificate.generateCertificate(), "passive", sent.append, heard.append, heard.append
    )
    rtp = bytes([0x80, 0, 0, 1]) + bytes(8) + b"sound"
    dtls.protect(rtp)
    dtls.datagram_received(rtp)  # no keys yet
    assert not dtls.is_up and sent == heard == []
    dtls._sent = session(Policy.SSRC_ANY_OUTBOUND)
    dtls._received = session(Policy.SSRC_ANY_INBOUND)
    dtls.protect(rtp)
    dtls.datagram_received(rtp)  # it is not protected
    dtls.datagram_received(sent[0])
    assert heard == [rtp]
    dtls._send = fails
    dtls.protect(rtp)
    dtls.datagram_received(bytes([20, 254, 253]))
    assert dtls._below._arrived.qsize() == 1
    ended: list[Any] = []
    dtls.on_closed = lambda: ended.append(True)
    dtls._changed()
    assert ended == []
    await dtls.stop()
