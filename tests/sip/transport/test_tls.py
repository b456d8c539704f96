"""SIP over TLS on real sockets: calls, certificates, and peers that misbehave."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from sip.events import Answered, Ended, Failed, IncomingInvite
from sip.hop import Hop
from sip.policy import EveryPeer
from sip.rate_limit import RateLimit, SourceRates
from sip.transport.tcp_places import TcpLimits
from sip.transport.tls.contexts import TlsOptions
from tests.support.certificates import Authority, Certificate
from tests.support.sip.endpoint import ObservedEndpoint, answering, running
from tests.support.waiting import until


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Certificate:
    return authority.certificate("127.0.0.1", "localhost")


def phone(certificate: Certificate, /, **settings: object) -> ObservedEndpoint:
    tls = {name: settings.pop(name) for name in TLS_KEYS & settings.keys()}
    options = TlsOptions(certificate.files, **tls)  # type: ignore[arg-type]
    return ObservedEndpoint("tls:127.0.0.1:0", "tcp:127.0.0.1:0", tls=options, **settings)  # type: ignore[arg-type]


TLS_KEYS = {"verify_client", "min_version", "ciphers", "alpn", "own"}


def options(number: int) -> bytes:
    return (
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{number}\r\n"
        "From: <sip:y@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\n"
        f"Call-ID: c{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def call_fails(caller: ObservedEndpoint, target: str) -> str:
    await caller.call(target)
    failed = await caller.until(Failed)
    assert isinstance(failed, Failed)
    assert failed.cause.status == 503
    return failed.cause.phrase


@pytest.mark.parametrize("uri", ["sip:bob@127.0.0.1:{};transport=tls", "sips:bob@127.0.0.1:{}"])
async def test_calls_share_one_connection(good: Certificate, uri: str) -> None:
    alice, bob = phone(good), answering(phone(good))
    async with running(alice, bob):
        for number in (1, 2):
            session = await alice.call(uri.format(bob.port))
            await until(
                lambda number=number: (  # type: ignore[misc]
                    sum(isinstance(event, Answered) for event in alice.events) == number
                )
            )
        invite = next(one for one in bob.events if isinstance(one, IncomingInvite)).request
        assert invite.via.transport == "TLS"
        assert invite.contact is not None
        contact = invite.contact.uri.encode()
        where = f"ringback@127.0.0.1:{alice.port}"
        assert contact == (
            f"sips:{where}" if uri.startswith("sips") else f"sip:{where};transport=tls"
        )
        alice.endpoint.hangup(session)
        await bob.until(Ended)
        assert alice.endpoint.tcp.connection_count == bob.endpoint.tcp.connection_count == 1


async def test_host_name_in_via_and_contact(good: Certificate) -> None:
    """As Teams Direct Routing demands. Answers to such a Via are taken for ours."""
    alice, bob = phone(good, advertise="sbc.example.com"), answering(phone(good))
    async with running(alice, bob):
        await alice.call(f"sip:bob@127.0.0.1:{bob.port};transport=tls")
        await alice.until(Answered)
        invite = next(one for one in bob.events if isinstance(one, IncomingInvite)).request
        assert (invite.via.host, invite.via.port) == ("sbc.example.com", alice.port)
        assert invite.contact is not None
        assert invite.contact.uri.encode() == (
            f"sip:ringback@sbc.example.com:{alice.port};transport=tls"
        )
        # The name leads nowhere here: the connection of the caller is used.
        answered = await bob.until(Answered)
        assert isinstance(answered, Answered)
        bob.endpoint.hangup(answered.session)
        await alice.until(Ended)


async def test_called_side_hangs_up_on_the_connection_of_the_caller(good: Certificate) -> None:
    alice, bob = phone(good), answering(phone(good))
    async with running(alice, bob):
        await alice.call(f"sip:bob@127.0.0.1:{bob.port};transport=tls")
        answered = await bob.until(Answered)
        assert isinstance(answered, Answered)
        bob.endpoint.hangup(answered.session)
        await alice.until(Ended)
        assert bob.endpoint.tcp.connection_count == 1


async def test_called_side_connects_anew_where_the_connection_is_lost(good: Certificate) -> None:
    alice, bob = phone(good), answering(phone(good))
    async with running(alice, bob):
        await alice.call(f"sip:bob@127.0.0.1:{bob.port};transport=tls")
        answered = await bob.until(Answered)
        assert isinstance(answered, Answered)
        for connection in list(alice.endpoint.tcp._connections.values()):
            connection.close()
        await until(lambda: bob.endpoint.tcp.connection_count == 0)
        bob.endpoint.hangup(answered.session)
        await alice.until(Ended)
        (hop,) = bob.endpoint.tcp._connections
        assert hop.port == alice.port


async def test_called_by_name_the_certificate_is_of_the_name(authority: Authority) -> None:
    of_name = authority.certificate("localhost")
    alice, bob = phone(of_name), answering(phone(of_name))
    async with running(alice, bob):
        await alice.call(f"sips:bob@localhost:{bob.port}")
        await alice.until(Answered)


@pytest.mark.parametrize(
    ("made", "word"),
    [
        ({"to_days": -0.5}, "certificate_expired"),
        ({"from_days": 1.0}, "certificate_not_yet_valid"),
        ({"names": ("sip.example.com", "127.0.0.2")}, "certificate_wrong_name"),
        ({"names": ("*.0.0.1", "sip:bob@127.0.0.1")}, "certificate_wrong_name"),
        ({"foreign": True}, "certificate_unknown_issuer"),
    ],
)
async def test_certificate_that_is_not_good_ends_the_call(
    made: dict[str, object],
    word: str,
    authority: Authority,
    good: Certificate,
    tmp_path: Path,
) -> None:
    issuer = Authority(tmp_path, "Foreign CA") if made.pop("foreign", False) else authority
    names = made.pop("names", ("127.0.0.1",))
    bad = issuer.certificate(*names, **made)  # type: ignore[arg-type, misc]
    alice, bob = phone(good), phone(bad)
    async with running(alice, bob):
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{bob.port}")
        assert phrase.startswith(f"tls {word}: ")
        assert alice.endpoint.tcp.tls_failures == {word: 1}
        if word != "certificate_wrong_name":  # of that TLS itself knows nothing
            await until(lambda: bob.endpoint.tcp.tls_failures == {"certificate_refused": 1})
        assert bob.events == []


async def test_certificate_for_another_purpose(authority: Authority, good: Certificate) -> None:
    bad = authority.certificate("127.0.0.1", usages=[ExtendedKeyUsageOID.CLIENT_AUTH])
    alice, bob = phone(good), phone(bad)
    async with running(alice, bob):
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{bob.port}")
        assert phrase.startswith("tls certificate_wrong_purpose: ")


@pytest.mark.parametrize("verify_client", ["yes", "optional", "no"])
@pytest.mark.parametrize("shows", ["good", "none", "foreign"])
async def test_certificate_of_one_who_calls(
    verify_client: str, shows: str, good: Certificate, tmp_path: Path
) -> None:
    bob = phone(good, verify_client=verify_client)
    shown = good
    if shows == "foreign":
        shown = Authority(tmp_path, "Foreign CA").certificate("127.0.0.1")
    context = shown.client_context(shows=shows != "none")
    context.load_verify_locations(good.ca)
    taken = (
        verify_client == "no" or shows == "good" or (verify_client, shows) == ("optional", "none")
    )
    async with running(bob):
        answer = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            async with secure_stream(bob.port, context) as (reader, writer):
                writer.write(options(1))
                answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"SIP/2.0 200 OK") is taken
        if not taken:
            word = "certificate_missing" if shows == "none" else "certificate_unknown_issuer"
            assert bob.endpoint.tcp.tls_failures == {word: 1}


@contextlib.asynccontextmanager
async def secure_stream(
    port: int, context: ssl.SSLContext
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(40):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1"
        )
    try:
        async with asyncio.timeout(40):
            yield reader, writer
    finally:
        writer.transport.abort()


async def test_peer_that_refuses_our_certificate(good: Certificate, tmp_path: Path) -> None:
    """With TLS 1.3 the refusal comes after our side of the handshake is complete."""
    ours = Authority(tmp_path, "Foreign CA").certificate("127.0.0.1")
    alice = phone(Certificate(ours.cert, ours.key, good.ca))
    bob = phone(good, verify_client="yes")
    async with running(alice, bob):
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{bob.port}")
        assert phrase.startswith("tls certificate_refused: ")
        assert bob.endpoint.tcp.tls_failures == {"certificate_unknown_issuer": 1}


async def test_oldest_version_is_tls_1_2(good: Certificate) -> None:
    bob = phone(good)
    old = good.client_context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with running(bob):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with secure_stream(bob.port, old):
                pass
        await until(lambda: bob.endpoint.tcp.tls_failures == {"version": 1})


async def test_min_version_1_3_refuses_1_2(good: Certificate) -> None:
    bob = phone(good, min_version="1.3")
    context = good.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with running(bob):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with secure_stream(bob.port, context):
                pass
        await until(lambda: bob.endpoint.tcp.tls_failures == {"version": 1})


async def test_ciphers_that_only_one_side_has(good: Certificate) -> None:
    bob = phone(good, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")
    context = good.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
    async with running(bob):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with secure_stream(bob.port, context):
                pass
        await until(lambda: bob.endpoint.tcp.tls_failures == {"ciphers": 1})


@pytest.mark.parametrize("alpn", [(), ("sip/2",)])
async def test_alpn_is_offered_only_where_it_is_wanted(
    good: Certificate, alpn: tuple[str, ...]
) -> None:
    context = good.server_context()
    context.set_alpn_protocols(["sip/2"])
    chosen: asyncio.Queue[tuple[str | None, str | None]] = asyncio.Queue()
    named: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: named.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        chosen.put_nowait((tls.selected_alpn_protocol(), tls.version()))
        await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    alice = phone(good, alpn=alpn)
    async with server, running(alice):
        port = server.sockets[0].getsockname()[1]
        await alice.call(f"sips:bob@localhost:{port}")
        async with asyncio.timeout(40):
            protocol, version = await chosen.get()
        assert protocol == (alpn[0] if alpn else None)
        assert version == "TLSv1.3"
        assert named == ["localhost"]  # SNI


async def test_plain_sip_to_the_tls_port(good: Certificate) -> None:
    bob = phone(good)
    async with running(bob):
        reader, writer = await asyncio.open_connection("127.0.0.1", bob.port)
        writer.write(options(1))
        async with asyncio.timeout(40):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert bob.endpoint.tcp.tls_failures == {"not_tls": 1}
        writer.close()


async def test_tls_to_the_plain_port_is_refused_at_once(good: Certificate) -> None:
    bob = phone(good)
    async with running(bob):
        plain = bob.endpoint.addresses[1].port
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with secure_stream(plain, good.client_context()):
                pass
        assert bob.endpoint.ua.counters.malformed == 1


async def test_calling_a_plain_port_by_tls(good: Certificate) -> None:
    alice, bob = phone(good), phone(good)
    async with running(alice, bob):
        plain = bob.endpoint.addresses[1].port
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{plain}")
        assert phrase.startswith("tls ciphers: ")  # as its alert says


async def test_calling_a_port_that_answers_in_clear(good: Certificate) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
        await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    alice = phone(good)
    async with server, running(alice):
        port = server.sockets[0].getsockname()[1]
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{port}")
        assert phrase.startswith("tls not_tls: ")


async def test_calling_the_tls_port_in_clear(good: Certificate) -> None:
    alice, bob = phone(good), phone(good)
    async with running(alice, bob):
        await call_fails(alice, f"sip:bob@127.0.0.1:{bob.port};transport=tcp")
        assert bob.endpoint.tcp.tls_failures == {"not_tls": 1}


async def test_half_a_handshake_for_ever_is_closed(good: Certificate) -> None:
    bob = phone(good, tcp_limits=TcpLimits(handshake_s=0.1))
    async with running(bob):
        reader, writer = await asyncio.open_connection("127.0.0.1", bob.port)
        writer.write(b"\x16\x03\x01\x02\x00\x01")
        async with asyncio.timeout(40):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert bob.endpoint.tcp.tls_failures == {"handshake_timeout": 1}
        assert bob.endpoint.tcp.connection_count == 0
        writer.close()


async def test_peer_that_never_shakes_hands(good: Certificate) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    alice = phone(good, tcp_limits=TcpLimits(connect_timeout_s=0.1))
    async with server, running(alice):
        port = server.sockets[0].getsockname()[1]
        phrase = await call_fails(alice, f"sips:bob@127.0.0.1:{port}")
        assert phrase.startswith("tls handshake_timeout: ")
        assert alice.endpoint.tcp.connection_count == 0


class UnknownSources(EveryPeer):
    """Knows nobody by address, and one by the name of their certificate."""

    def is_known(self, host: str) -> bool:
        return False

    def known_name(self, names: tuple[str, ...]) -> str | None:
        return "carrier.example" if "carrier.example" in names else None


async def test_flood_of_handshakes_is_held_back(good: Certificate) -> None:
    rates = SourceRates(handshakes=RateLimit(messages_per_s=0.01, burst=3))
    bob = ObservedEndpoint(
        "tls:127.0.0.1:0", policy=UnknownSources(), rates=rates, tls=TlsOptions(good.files)
    )
    async with running(bob):
        made = 0
        for _ in range(12):
            with contextlib.suppress(ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
                async with secure_stream(bob.port, good.client_context()):
                    made += 1
        assert made == 3
        assert bob.endpoint.tcp.refused == 9


async def test_calls_go_on_while_unknown_sources_begin_handshakes(good: Certificate) -> None:
    """Unknown sources have 127.0.0.2. They begin handshakes, over and over."""

    class Neighbours(EveryPeer):
        def is_known(self, host: str) -> bool:
            return host != "127.0.0.2"

    limits = TcpLimits(unknown_connections=5, connections=8)
    bob = answering(
        ObservedEndpoint(
            "tls:127.0.0.1:0", policy=Neighbours(), tcp_limits=limits, tls=TlsOptions(good.files)
        )
    )
    alice = phone(good)
    writers = []
    async with running(alice, bob):
        for _ in range(60):
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", bob.port, local_addr=("127.0.0.2", 0)
                )
                writer.write(b"\x16\x03\x01\x02\x00\x01")
                writers.append(writer)
        await until(lambda: bob.endpoint.tcp.refused + bob.endpoint.tcp.gave_way >= 40)
        await alice.call(f"sips:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        assert bob.endpoint.tcp.connection_count <= 6
        for writer in writers:
            writer.transport.abort()


async def test_certificate_says_who_called(authority: Authority, good: Certificate) -> None:
    bob = ObservedEndpoint(
        "tls:127.0.0.1:0",
        policy=UnknownSources(),
        tls=TlsOptions(good.files, verify_client="optional"),
    )
    carrier = authority.certificate("sip:carrier.example", "other.example")
    async with (
        running(bob),
        secure_stream(bob.port, carrier.client_context()) as (reader, writer),
    ):
        writer.write(options(1))
        await reader.readuntil(b"\r\n\r\n")
        ((hop, connection),) = bob.endpoint.tcp._connections.items()
        assert hop.name == "carrier.example"
        assert connection.is_known


async def test_certificates_are_read_anew_and_connections_go_on(
    authority: Authority, good: Certificate, tmp_path: Path
) -> None:
    bob = answering(phone(good))
    alice = phone(good)
    new = authority.certificate("127.0.0.1", "new.example")
    async with running(alice, bob):
        await alice.call(f"sips:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        bob.endpoint.configure_tls(TlsOptions(new.files))
        async with secure_stream(bob.port, good.client_context()) as (_reader, writer):
            shown = writer.get_extra_info("peercert")
            assert ("DNS", "new.example") in shown["subjectAltName"]
        await alice.call(f"sips:bob@127.0.0.1:{bob.port}")
        await until(lambda: sum(isinstance(one, Answered) for one in alice.events) == 2)
        assert alice.endpoint.tcp.connection_count == 1
        assert not any(isinstance(one, Ended) for one in (*alice.events, *bob.events))


async def test_trunk_has_a_certificate_of_its_own(authority: Authority, good: Certificate) -> None:
    own = authority.certificate("customer.example")
    shown: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.put_nowait(writer.get_extra_info("peercert"))
        await reader.read()

    context = good.server_context(verify_client=True)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    alice = phone(good, own={"carrier": own.files})
    async with server, running(alice):
        port = server.sockets[0].getsockname()[1]
        uri = f"sips:bob@127.0.0.1:{port}"
        for trunk, name in (("carrier", "customer.example"), ("", "localhost")):
            (hop,) = await alice.endpoint.hops(uri, trunk)
            assert hop == Hop("tls", "127.0.0.1", port, "127.0.0.1", trunk)
            alice.endpoint.tcp.send(hop, options(1))
            async with asyncio.timeout(40):
                peer = await shown.get()
            assert ("DNS", name) in peer["subjectAltName"]  # type: ignore[operator]


async def test_tls_over_ipv6(authority: Authority) -> None:
    made = authority.certificate("::1")
    tls = TlsOptions(made.files)
    alice = ObservedEndpoint("tls:[::1]:0", tls=tls, dscp=26)
    bob = answering(ObservedEndpoint("tls:[::1]:0", tls=tls, dscp=26))
    async with running(alice, bob):
        await alice.call(f"sip:bob@[::1]:{bob.port};transport=tls")
        await alice.until(Answered)
        invite = await bob.until(IncomingInvite)
        assert isinstance(invite, IncomingInvite)
        assert invite.request.via.host == "::1"
