"""The endpoint over real loopback sockets: UDP, TCP, refused peers, floods, bad addresses."""

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from sip.dialog.options import OptionsTarget
from sip.dialog.uac import Invitation
from sip.errors import SipError
from sip.events import Answered, Ended, Event, Failed, IncomingInvite, MediaChanged
from sip.hop import Hop, Transport
from sip.message.message import Request, response_to
from sip.message.parser import content_length, parse
from sip.message.uri import SipUri
from sip.rate_limit import RateLimit, SourceRates
from sip.sdp.offer_answer import LocalAudio, OfferAnswer
from sip.transaction.timers import TimerValues
from sip.transport.sockets import ListenError, parse_listen, reachable_host
from tests.support.sip.endpoint import AUDIO, ObservedEndpoint, answering, running
from tests.support.waiting import until

HOSTS: list[tuple[Transport, str]] = [
    ("udp", "127.0.0.1"),
    ("tcp", "127.0.0.1"),
    ("udp", "[::1]"),
    ("tcp", "[::1]"),
]


@pytest.mark.parametrize(("transport", "host"), HOSTS)
async def test_a_call(transport: Transport, host: str) -> None:
    listen = f"{transport}:{host}:0"
    alice, bob = ObservedEndpoint(listen), answering(ObservedEndpoint(listen))
    async with running(alice, bob):
        call = await alice.call(f"sip:bob@{host}:{bob.port};transport={transport}")
        await alice.until(Answered)
        await bob.until(Answered)
        alice.endpoint.hangup(call)
        await alice.until(Ended)
        await bob.until(Ended)
        for phone in (alice, bob):
            assert phone.endpoint.ua.session_count == 0
            assert phone.endpoint.ua.counters.malformed == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_contact_has_the_address_family_of_the_peer(host: str) -> None:
    alice = ObservedEndpoint("udp:127.0.0.1:0", "udp:[::1]:0")
    bob = answering(ObservedEndpoint(f"udp:{host}:0"))
    async with running(alice, bob):
        await alice.call(f"sip:bob@{host}:{bob.port}")
        invite = await bob.until(IncomingInvite)
        assert isinstance(invite, IncomingInvite)
        (ours,) = (hop for hop in alice.endpoint.addresses if hop.host == host.strip("[]"))
        assert invite.request.contact is not None
        assert str(invite.request.contact.uri) == f"sip:ringback@{host}:{ours.port}"
        via = invite.request.via
        assert (via.host, via.port) == (ours.host, ours.port)
        await alice.until(Answered)


async def test_a_peer_reached_over_tcp_hangs_up_where_only_udp_listens() -> None:
    invites: asyncio.Queue[Request] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        invite = parse(head + await reader.readexactly(content_length(head[:-4]) or 0))
        assert isinstance(invite, Request)
        body, _ = OfferAnswer(1).receive_offer(invite.body, AUDIO)
        writer.write(response_to(invite, 200, to_tag="b", body=body).encode())
        invites.put_nowait(invite)
        await reader.read()

    alice = ObservedEndpoint("udp:127.0.0.1:0")
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server, running(alice):
        port = server.sockets[0].getsockname()[1]
        await alice.call(f"sip:bob@127.0.0.1:{port};transport=tcp")
        await alice.until(Answered)
        invite = await invites.get()
        contact = invite.contact
        assert contact is not None and isinstance(contact.uri, SipUri)
        assert contact.uri.params["transport"] == "udp"
        bye = Request(
            "BYE",
            contact.uri,
            [
                ("Via", "SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKbye"),
                ("From", f"{invite.get('To')};tag=b"),
                ("To", invite.get("From") or ""),
                ("Call-ID", invite.call_id),
                ("CSeq", "1 BYE"),
            ],
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(bye.encode(), (contact.uri.host, contact.uri.port or 5060))
            ended = await alice.until(Ended)
        assert isinstance(ended, Ended) and ended.cause.origin == "remote"


async def test_retransmission_over_the_real_clock() -> None:
    """A peer that answers the second INVITE only."""
    alice = ObservedEndpoint("udp:127.0.0.1:0", timers=TimerValues(t1_s=0.02))
    async with running(alice):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            await alice.call(f"sip:bob@127.0.0.1:{peer.getsockname()[1]}")
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(40):
                first = await loop.sock_recv(peer, 65535)
                second = await loop.sock_recv(peer, 65535)
            assert first == second
        failed = await alice.until(Failed)
        assert isinstance(failed, Failed)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_call_to_a_closed_port_fails_at_once(transport: Transport) -> None:
    alice = ObservedEndpoint(f"{transport}:127.0.0.1:0")
    async with running(alice):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            tcp.bind(("127.0.0.1", 0))
            port = (udp if transport == "udp" else tcp).getsockname()[1]
            if transport == "udp":
                udp.close()
            started = asyncio.get_running_loop().time()
            await alice.call(f"sip:bob@127.0.0.1:{port};transport={transport}")
            failed = await alice.until(Failed)
        assert isinstance(failed, Failed)
        assert failed.cause.origin == "transport"
        assert failed.cause.phrase == "Connection refused"
        assert asyncio.get_running_loop().time() - started < 5.0
        assert alice.endpoint.ua.transaction_count == 0


async def test_calls_go_on_after_an_icmp_error() -> None:
    alice, bob = ObservedEndpoint("udp:127.0.0.1:0"), answering(ObservedEndpoint("udp:127.0.0.1:0"))
    async with running(alice, bob):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            dead = closed.getsockname()[1]
        for _ in range(5):
            await alice.call(f"sip:x@127.0.0.1:{dead}")
        # Sent while the errors of the others are still queued on the socket.
        await alice.call(f"sip:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        await until(lambda: sum(isinstance(e, Failed) for e in alice.events) == 5)


async def test_an_address_family_without_socket() -> None:
    alice = ObservedEndpoint("udp:127.0.0.1:0")
    async with running(alice):
        await alice.call("sip:bob@[::1]:5060")
        failed = await alice.until(Failed)
        assert isinstance(failed, Failed)
        assert "UDP" in failed.cause.phrase


async def test_events_are_never_delivered_inside_a_method() -> None:
    alice = ObservedEndpoint("tcp:127.0.0.1:0")
    async with running(alice):
        session = await alice.call("sip:bob@127.0.0.1:9;transport=udp")
        assert alice.events == []
        assert session.state == "calling"
        await alice.until(Failed)


async def test_an_owner_that_raises_loses_no_event() -> None:
    alice, bob = ObservedEndpoint("udp:127.0.0.1:0"), answering(ObservedEndpoint("udp:127.0.0.1:0"))
    loop = asyncio.get_running_loop()
    reported: list[object] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail(event: Event) -> None:
        raise RuntimeError(type(event).__name__)

    alice.react = fail
    async with running(alice, bob):
        call = await alice.call(f"sip:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        alice.endpoint.hangup(call)
        await alice.until(Ended)
    assert len(reported) == len(alice.events) >= 2


async def test_a_flood_from_one_address_does_not_stop_another() -> None:
    bob = answering(
        ObservedEndpoint(
            "udp:127.0.0.1:0", rates=SourceRates(RateLimit(messages_per_s=50, burst=100))
        )
    )
    alice = ObservedEndpoint("udp:127.0.0.2:0")
    async with running(alice, bob):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flooder:
            flooder.bind(("127.0.0.66", 0))
            rubbish = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n\r\n" * 5
            for _ in range(10):
                for _ in range(200):
                    flooder.sendto(rubbish, ("127.0.0.1", bob.port))
                await asyncio.sleep(0)
            await alice.call(f"sip:bob@127.0.0.1:{bob.port}")
            await alice.until(Answered)
        await until(lambda: bob.endpoint.ua.counters.rate_limited > 1_000)
        assert bob.endpoint.ua.transaction_count <= 2


class TestListening:
    async def test_names_resolve_to_the_family_that_listens(self) -> None:
        only_ipv6, both = (
            ObservedEndpoint("udp:[::1]:0"),
            ObservedEndpoint("udp:127.0.0.1:0", "udp:[::1]:0"),
        )
        async with running(only_ipv6, both):
            assert only_ipv6.endpoint.resolver.families == ("ipv6",)
            assert both.endpoint.resolver.families == ("ipv4", "ipv6")

    async def test_a_port_in_use(self) -> None:
        first = ObservedEndpoint("udp:127.0.0.1:0")
        async with running(first):
            second = ObservedEndpoint("tcp:127.0.0.1:0", f"udp:127.0.0.1:{first.port}")
            with pytest.raises(ListenError) as raised:
                await second.endpoint.start()
        assert raised.value.reason == f"udp:127.0.0.1:{first.port}: address already in use"

    async def test_all_addresses_and_an_advertised_host(self) -> None:
        anywhere = ObservedEndpoint("udp:0.0.0.0:0")
        behind_nat = ObservedEndpoint("udp:127.0.0.1:0", advertise="203.0.113.5")
        async with running(anywhere, behind_nat):
            hop = Hop("udp", "127.0.0.1", 9)
            assert "0.0.0.0" not in anywhere.endpoint.ua.context.contact(hop)
            assert "@203.0.113.5:" in behind_nat.endpoint.ua.context.contact(hop)

    @pytest.mark.parametrize(
        "text",
        ["", "udp", "udp:127.0.0.1", "udp:127.0.0.1:x", "sctp:127.0.0.1:1", "udp:a b:5060",
         "udp:127.0.0.1:65536", "udp:[::1:5060"],
    )  # fmt: skip
    def test_malformed_listen_address_is_refused(self, text: str) -> None:
        with pytest.raises(ListenError) as raised:
            parse_listen(text)
        assert raised.value.reason.startswith(f"{text}: ")

    def test_addresses(self) -> None:
        assert parse_listen("udp:127.0.0.1:5060") == Hop("udp", "127.0.0.1", 5060)
        assert parse_listen("tcp:[::1]:0") == Hop("tcp", "::1", 0)
        assert parse_listen("tls:127.0.0.1:5061") == Hop("tls", "127.0.0.1", 5061)

    async def test_two_udp_addresses_of_a_family(self) -> None:
        phone = ObservedEndpoint("udp:127.0.0.1:0", "udp:127.0.0.2:0")
        with pytest.raises(ListenError, match="one UDP address"):
            await phone.endpoint.start()


async def test_stopping_closes_every_listener() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", "tcp:127.0.0.1:0")
    await phone.endpoint.start()
    ports = [hop.port for hop in phone.endpoint.addresses]
    await phone.endpoint.stop()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_stopping_leaves_nothing() -> None:
    async def descriptors() -> int:
        await asyncio.sleep(0.05)
        return len(os.listdir("/proc/self/fd"))

    before = await descriptors()
    tasks = len(asyncio.all_tasks())
    for _ in range(3):
        alice = ObservedEndpoint("udp:127.0.0.1:0", "tcp:127.0.0.1:0")
        bob = answering(ObservedEndpoint("udp:127.0.0.1:0", "tcp:127.0.0.1:0"))
        async with running(alice, bob):
            port = bob.endpoint.addresses[1].port
            await alice.call(f"sip:bob@127.0.0.1:{port};transport=tcp")
            await alice.until(Answered)
    assert await descriptors() == before
    assert len(asyncio.all_tasks()) == tasks


@pytest.mark.parametrize(
    "check",
    [test_call_to_a_closed_port_fails_at_once, test_a_call, test_calls_go_on_after_an_icmp_error],
)
def test_on_uvloop(check: Callable[..., Awaitable[None]]) -> None:
    async def run() -> None:
        if check is test_a_call:
            for transport, host in HOSTS:
                await check(transport, host)
        elif check is test_call_to_a_closed_port_fails_at_once:
            await check("udp")
            await check("tcp")
        else:
            await check()

    uvloop.run(run())


async def test_internal_error_drops_one_message_or_timer_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bob = answering(ObservedEndpoint("udp:127.0.0.1:0"))
    alice = ObservedEndpoint("udp:127.0.0.2:0")
    async with running(alice, bob):
        ua, receive = bob.endpoint.ua, bob.endpoint.ua.receive

        def faulty(data: bytes, source: Hop, now: float) -> None:
            if data == b"fault":
                raise LookupError("a fault")
            receive(data, source, now)

        def broken(_: object, now: float) -> None:
            raise LookupError("a fault")

        monkeypatch.setattr(ua, "receive", faulty)
        ua.context.timers.schedule(0.0, broken)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(2):
                sender.sendto(b"fault", ("127.0.0.1", bob.port))
        await alice.call(f"sip:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        await until(lambda: ua.counters.internal_errors == 3)
    assert caplog.text.count("internal error") == 3
    assert "LookupError: a fault" in caplog.text


async def test_a_call_is_put_on_hold() -> None:
    alice, bob = ObservedEndpoint("udp:127.0.0.1:0"), answering(ObservedEndpoint("udp:127.0.0.1:0"))
    async with running(alice, bob):
        call = await alice.call(f"sip:bob@127.0.0.1:{bob.port}")
        await alice.until(Answered)
        await bob.until(Answered)
        alice.endpoint.reinvite(call, LocalAudio("127.0.0.1", 4000, direction="sendonly"))
        changed = await bob.until(MediaChanged)
        assert isinstance(changed, MediaChanged) and changed.audio.direction == "recvonly"
        await alice.until(MediaChanged)


async def test_an_endpoint_that_does_not_run_calls_nobody() -> None:
    alice = ObservedEndpoint("udp:127.0.0.1:0")
    async with running(alice):
        call = await alice.call("sip:bob@127.0.0.1:9")
        with pytest.raises(SipError, match="only a call that came in"):
            alice.endpoint.accept(call, AUDIO)
    with pytest.raises(SipError, match="is not running"):
        alice.endpoint.invite(
            Invitation(
                target="sip:bob@127.0.0.1", hop=Hop("udp", "127.0.0.1", 9),
                from_uri="sip:alice@127.0.0.1", audio=AUDIO,
            )
        )  # fmt: skip


@pytest.mark.parametrize(("wildcard", "loopback"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_without_a_route_a_wildcard_shows_loopback(
    wildcard: str, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_socket: socket.socket, _address: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert reachable_host(wildcard) == loopback
    assert reachable_host("192.0.2.1") == "192.0.2.1"


async def test_a_peer_is_asked_whether_it_is_there() -> None:
    alice, bob = ObservedEndpoint("udp:127.0.0.1:0"), ObservedEndpoint("udp:127.0.0.1:0")
    async with running(alice, bob):
        uri = f"sip:127.0.0.1:{bob.port}"
        (hop,) = await alice.endpoint.hops(uri)
        asked = OptionsTarget(SipUri("sip", "127.0.0.1", port=bob.port))
        assert (await alice.endpoint.ask_options(asked, hop)).status == 200


async def test_the_addresses_of_a_name_are_of_the_families_that_it_has() -> None:
    alice = ObservedEndpoint("udp:127.0.0.1:0")
    async with running(alice):
        assert await alice.endpoint.addresses_of("localhost") == ["127.0.0.1"]
