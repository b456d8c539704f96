"""Two ends of TLS that are joined in memory."""

import pytest

from sip.transport.tls.channel import TlsChannel, looks_like_tls
from sip.transport.tls.contexts import TlsContexts, TlsOptions
from sip.transport.tls.failure import TlsFailed
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> TlsContexts:
    made = Authority(tmp_path_factory.mktemp("authority")).certificate("pbx.example")
    return TlsContexts(TlsOptions(made.files, verify_client="yes"))


def pair(contexts: TlsContexts, name: str = "pbx.example") -> tuple[TlsChannel, TlsChannel]:
    return (
        TlsChannel(contexts.client(""), is_server=False, name=name),
        TlsChannel(contexts.server(""), is_server=True),
    )


def exchange(one: TlsChannel, other: TlsChannel) -> None:
    """Shake hands until both ends have nothing more to say."""
    for _ in range(6):
        for end, peer in ((one, other), (other, one)):
            end.shake_hands()
            if output := end.take_output():
                peer.receive(output)
    assert one.is_established
    assert other.is_established


def test_what_one_end_encrypts_the_other_decrypts(contexts: TlsContexts) -> None:
    client, server = pair(contexts)
    exchange(client, server)
    client.encrypt(b"OPTIONS" * 10_000)
    sent = client.take_output()
    assert b"OPTIONS" not in sent
    server.receive(sent[:1000])
    first = server.decrypt()
    server.receive(sent[1000:])
    assert first + server.decrypt() == b"OPTIONS" * 10_000
    assert server.decrypt() == b""
    assert client.description.startswith("TLSv1.3 TLS_")
    assert ("DNS", "pbx.example") in server.certificate["subjectAltName"]


def test_goodbye_is_the_end(contexts: TlsContexts) -> None:
    client, server = pair(contexts)
    exchange(client, server)
    client.encrypt(b"BYE")
    client.say_goodbye()
    server.receive(client.take_output())
    assert server.decrypt() == b"BYE"
    assert server.is_over
    assert not client.is_over


def test_certificate_of_another_name(contexts: TlsContexts) -> None:
    client, server = pair(contexts, "other.example")
    with pytest.raises(TlsFailed, match="of another name") as got:
        exchange(client, server)
    assert got.value.word == "certificate_wrong_name"


@pytest.mark.parametrize("name", ["a" * 70 + ".example", ".example"])
def test_name_that_no_certificate_can_have(contexts: TlsContexts, name: str) -> None:
    with pytest.raises(TlsFailed) as got:
        pair(contexts, name)
    assert got.value.word == "certificate_wrong_name"


def test_bytes_that_are_no_tls(contexts: TlsContexts) -> None:
    client, _ = pair(contexts)
    with pytest.raises(TlsFailed) as got:
        client.receive(b"SIP/2.0 400 Bad Request\r\n")
    assert got.value.word == "not_tls"


def test_damaged_handshake(contexts: TlsContexts) -> None:
    client, server = pair(contexts)
    client.shake_hands()
    hello = bytearray(client.take_output())
    hello[6:9] = b"\xff\xff\xff"
    server.receive(bytes(hello))
    with pytest.raises(TlsFailed) as got:
        server.shake_hands()
    assert got.value.word in ("handshake_failed", "version")


def test_damaged_record_ends_the_connection(contexts: TlsContexts) -> None:
    client, server = pair(contexts)
    exchange(client, server)
    client.encrypt(b"INVITE")
    record = bytearray(client.take_output())
    record[-1] ^= 1
    server.receive(bytes(record))
    with pytest.raises(TlsFailed) as got:
        server.decrypt()
    assert got.value.word == "handshake_failed"


@pytest.mark.parametrize(
    ("start", "is_tls"),
    [
        (b"\x16\x03", True), (b"\x15\x03", True), (b"\x16", True), (b"", False),
        (b"\r\n", False), (b"IN", False), (b"\x16I", False), (b"\x80\x2e", False),
    ],
)  # fmt: skip
def test_tls_is_known_by_its_first_bytes(start: bytes, is_tls: bool) -> None:
    assert looks_like_tls(start) is is_tls
