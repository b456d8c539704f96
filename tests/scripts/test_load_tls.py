"""The load peer over TLS: whole messages are cut out of what comes, and answered on it."""

import socket
import ssl
import time
from pathlib import Path

from scripts.load.certificates import Certificate
from scripts.load.driver import LoadPeerProcess
from scripts.load.sip_text import read_sip
from scripts.load.tls_side import Address, TlsSide

ASKED = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK1\r\n"
    b"From: <sip:e@127.0.0.1>;tag=e\r\nTo: <sip:a1@127.0.0.1>\r\nCall-ID: c\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 3\r\n\r\nabc"
)
PATIENCE_S = 20.0


def _trusting(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate.cert)
    context.check_hostname = False
    return context


def _connected(certificate: Certificate, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    return _trusting(certificate).wrap_socket(plain)


def test_phones_speak_tls(tmp_path: Path) -> None:
    certificate = Certificate.made(tmp_path)
    with LoadPeerProcess(certificate=certificate) as peer:
        with _connected(certificate, int(peer.sip.rpartition(":")[2])) as line:
            line.sendall(ASKED[:40])
            line.sendall(ASKED[40:])
            answer = read_sip(line.recv(65536))
        assert answer is not None
        assert (answer.status, answer.call_id) == (200, "c")


def test_messages_are_cut_out_of_a_stream(tmp_path: Path) -> None:
    certificate = Certificate.made(tmp_path)
    side = TlsSide("127.0.0.1", certificate.cert, certificate.key)
    plain = socket.create_connection(("127.0.0.1", side.port), PATIENCE_S)
    plain.setblocking(False)
    line = _trusting(certificate).wrap_socket(plain, do_handshake_on_connect=False)
    taken: list[tuple[bytes, Address]] = []
    sent = False
    deadline = time.monotonic() + PATIENCE_S
    while len(taken) < 3 and time.monotonic() < deadline:
        try:
            if not sent:
                line.do_handshake()
                line.sendall(ASKED + b"\r\n\r\n" + ASKED + ASKED)
                sent = True
        except ssl.SSLWantReadError:
            pass
        taken += side.take()
    assert [data for data, _ in taken] == [ASKED] * 3
    side.send(b"answer", taken[0][1])
    side.send(b"to nobody", ("127.0.0.1", 1))
    line.close()
    while side._connections and time.monotonic() < deadline:
        assert side.take() == []
    assert not side._connections
    side.close()
