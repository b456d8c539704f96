"""The TCP transport on real sockets: framing, reuse, bounds."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from sip.dialog.session import Session
from sip.events import Answered, Ended, Failed, IncomingInvite
from sip.message.message import Request, response_to
from sip.message.parser import parse
from sip.policy import EveryPeer
from sip.rate_limit import RateLimit, SourceRates
from sip.sdp.offer_answer import OfferAnswer
from sip.transport.tcp_places import TcpLimits
from tests.support.sip.endpoint import AUDIO, ObservedEndpoint, answering, running
from tests.support.waiting import until

NO_LIMIT = SourceRates(RateLimit(messages_per_s=0))


async def open_stream(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def options(number: int) -> bytes:
    return (
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{number}\r\n"
        "From: <sip:y@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\n"
        f"Call-ID: c{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def reads_nothing(phone: ObservedEndpoint) -> asyncio.StreamWriter:
    """A connection to `phone` whose peer asks until answers are stuck."""
    mute = socket.socket()
    mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    mute.connect(("127.0.0.1", phone.port))
    _, writer = await asyncio.open_connection(sock=mute, limit=1024)
    await until(lambda: phone.endpoint.tcp.connection_count == 1)
    (connection,) = phone.endpoint.tcp._connections.values()
    async with asyncio.timeout(60):
        while not connection.unsent_bytes:
            writer.write(options(1) * 500)
            await writer.drain()
            await asyncio.sleep(0)
    return writer


async def test_split_and_joined_messages() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        data = options(1) + options(2) + options(3)
        for start in range(0, len(data), 37):
            writer.write(data[start : start + 37])
            await asyncio.sleep(0)
        for number in (1, 2, 3):
            async with asyncio.timeout(40):
                answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"SIP/2.0 200 OK")
            assert f"Call-ID: c{number}\r\n".encode() in answer
        writer.close()
        await until(lambda: phone.endpoint.tcp.connection_count == 0)


async def test_a_stream_that_cannot_be_framed_is_closed() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        writer.write(b"rubbish\r\n" * 20_000 + b"\r\n\r\n")
        async with asyncio.timeout(40):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
        assert phone.endpoint.ua.counters.malformed == 1
        writer.close()


async def test_a_ping_is_answered_with_a_pong() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(40):
            assert await reader.readexactly(2) == b"\r\n"
        writer.close()


async def test_a_fault_behind_a_whole_message_closes_after_its_answer() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        writer.write(options(1) + b"OPTIONS sip:x SIP/2.0\r\nTo: y\r\n\r\n")
        async with asyncio.timeout(40):
            answers = await reader.read()
        assert answers.startswith(b"SIP/2.0 200 OK")
        assert phone.endpoint.ua.counters.malformed == 1
        writer.close()


async def test_connections_of_one_host_are_bounded() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(connections_per_host=3))
    async with running(phone):
        streams = [await open_stream(phone.port) for _ in range(6)]
        await until(lambda: phone.endpoint.tcp.refused == 3)
        assert phone.endpoint.tcp.connection_count == 3
        for _, writer in streams:
            writer.close()
        await until(lambda: phone.endpoint.tcp.connection_count == 0)
        reader, writer = await open_stream(phone.port)
        writer.write(options(1))
        async with asyncio.timeout(40):
            assert await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_silent_connection_is_closed() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(first_message_s=0.05))
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        writer.write(options(1)[:50])
        async with asyncio.timeout(40):
            assert await reader.read() == b""
        writer.close()


async def test_pings_alone_keep_no_connection_open() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(first_message_s=0.06))
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        async with asyncio.timeout(40):
            with contextlib.suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"\r\n\r\n")
                    await reader.read(2)
        assert phone.endpoint.tcp.connection_count == 0
        writer.close()


async def test_idle_peer_with_unread_answers_is_closed() -> None:
    """Closing waits for what is not sent yet, which here is for ever."""
    limits = TcpLimits(first_message_s=0.3, idle_s=0.3, write_buffer_bytes=2**30)
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=limits, rates=NO_LIMIT)
    async with running(phone):
        writer = await reads_nothing(phone)
        await until(lambda: phone.endpoint.tcp.connection_count == 0)
        writer.transport.abort()


async def test_stop_does_not_wait_for_a_peer_that_does_not_read() -> None:
    limits = TcpLimits(write_buffer_bytes=2**30)
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=limits, rates=NO_LIMIT)
    await phone.endpoint.start()
    writer = await reads_nothing(phone)
    async with asyncio.timeout(40):
        await phone.endpoint.stop()
    assert phone.endpoint.tcp.connection_count == 0
    writer.transport.abort()


async def test_peer_that_does_not_read_is_closed() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(write_buffer_bytes=100_000))
    async with running(phone):
        _, writer = await open_stream(phone.port)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(60):
                while True:
                    writer.write(options(1) * 200)
                    await writer.drain()
        await until(lambda: phone.endpoint.tcp.connection_count == 0)


async def test_a_connection_is_reused() -> None:
    alice, bob = ObservedEndpoint("tcp:127.0.0.1:0"), answering(ObservedEndpoint("tcp:127.0.0.1:0"))
    async with running(alice, bob):
        for number in range(1, 4):
            await alice.call(f"sip:bob@127.0.0.1:{bob.port};transport=tcp")
            await until(
                lambda number=number: (  # type: ignore[misc]
                    sum(isinstance(event, Answered) for event in alice.events) == number
                )
            )
        assert alice.endpoint.tcp.connection_count == 1
        assert bob.endpoint.tcp.connection_count == 1


async def test_outgoing_connections_are_bounded_too() -> None:
    alice = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(connections=2))
    peers = [ObservedEndpoint("tcp:127.0.0.1:0") for _ in range(3)]
    async with running(alice, *peers):
        for peer in peers:
            await alice.call(f"sip:bob@127.0.0.1:{peer.port};transport=tcp")
        await until(lambda: len(alice.events) == 1)
        assert alice.endpoint.tcp.connection_count == 2


async def test_caller_with_lost_connection_is_answered_on_another() -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server, running(phone):
        port = server.sockets[0].getsockname()[1]
        reader, writer = await open_stream(phone.port)
        invite = options(1).replace(b"OPTIONS", b"INVITE")
        writer.write(invite.replace(b"127.0.0.1:9;", f"127.0.0.1:{port};".encode()))
        call = await phone.until(IncomingInvite)
        assert isinstance(call, IncomingInvite)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await until(lambda: phone.endpoint.tcp.connection_count == 0)
        phone.endpoint.accept(call.session, AUDIO)
        async with asyncio.timeout(40):
            assert (await answers.get()).startswith(b"SIP/2.0 200 OK")


@pytest.mark.parametrize(
    "contact", ["sip:y@localhost:{port};transport=tcp", "sip:y@localhost:{port}"]
)
async def test_bye_to_a_caller_with_lost_connection_goes_to_its_contact(
    contact: str,
) -> None:
    phone = answering(ObservedEndpoint("tcp:127.0.0.1:0"))
    requests: asyncio.Queue[Request] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse(await reader.readuntil(b"\r\n\r\n"))
        assert isinstance(request, Request)
        requests.put_nowait(request)
        writer.write(response_to(request, 200).encode())
        await reader.read()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server, running(phone):
        port = server.sockets[0].getsockname()[1]
        call = await called_by_tcp(phone, contact.format(port=port))
        phone.endpoint.hangup(call)
        async with asyncio.timeout(40):
            request = await requests.get()
        assert request.method == "BYE"
        assert request.uri.encode() == contact.format(port=port)
        await phone.until(Ended)
        assert phone.endpoint.ua.session_count == 0


async def test_stop_does_not_wait_for_the_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    phone, asked = answering(ObservedEndpoint("tcp:127.0.0.1:0")), asyncio.Event()

    async def never(*_args: object, **_named: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with running(phone):
        call = await called_by_tcp(phone, "sip:y@pbx.example.com")
        monkeypatch.setattr(phone.endpoint.resolver, "hops_of", never)
        phone.endpoint.hangup(call)
        async with asyncio.timeout(40):
            await asked.wait()
    assert not [event for event in phone.events if isinstance(event, Ended)]


async def called_by_tcp(phone: ObservedEndpoint, contact: str) -> Session:
    """A call over a connection that is lost once it is up."""
    reader, writer = await open_stream(phone.port)
    offer = OfferAnswer(1).make_offer(AUDIO)
    invite = options(1).replace(b"OPTIONS", b"INVITE")
    fields = (
        f"Contact: <{contact}>\r\nContent-Type: application/sdp\r\nContent-Length: {len(offer)}"
    )
    writer.write(invite.replace(b"Content-Length: 0", fields.encode()) + offer)
    answer = b""
    while not answer.startswith(b"SIP/2.0 200"):
        answer = await reader.readuntil(b"\r\n\r\n")
    to = next(line for line in answer.split(b"\r\n") if line.startswith(b"To:"))
    ack = options(2).replace(b"OPTIONS", b"ACK").replace(b"Call-ID: c2", b"Call-ID: c1")
    ack = ack.replace(b"To: <sip:x@127.0.0.1>", to)
    writer.write(ack)
    answered = await phone.until(Answered)
    assert isinstance(answered, Answered)
    writer.close()
    await until(lambda: phone.endpoint.tcp.connection_count == 0)
    assert isinstance(answered.session, Session)
    return answered.session


class Known(EveryPeer):
    """Knows the hosts of one set."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = set(hosts)

    def is_known(self, host: str) -> bool:
        return host in self.hosts


def guarded(*known: str, rates: SourceRates = NO_LIMIT, **limits: float) -> ObservedEndpoint:
    """A phone that knows only some hosts."""
    tcp_limits = TcpLimits(**limits)  # type: ignore[arg-type]
    listen = "tcp:127.0.0.1:0"
    return ObservedEndpoint(listen, policy=Known(*known), tcp_limits=tcp_limits, rates=rates)


async def stream_from(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))


async def is_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(options(1))
    async with asyncio.timeout(40):
        return (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")


async def test_connections_leave_from_the_address_that_is_listened_on() -> None:
    alice, bob = (
        ObservedEndpoint("tcp:127.0.0.7:0", "udp:127.0.0.6:0"),
        ObservedEndpoint("tcp:127.0.0.1:0"),
    )
    only_udp = ObservedEndpoint("udp:127.0.0.6:0")
    async with running(alice, only_udp, bob):
        for caller in (alice, only_udp):
            await caller.call(f"sip:bob@127.0.0.1:{bob.port};transport=tcp")
        await until(lambda: bob.endpoint.tcp.connection_count == 2)
        hosts = {hop.host for hop in bob.endpoint.tcp._connections}
        assert hosts == {"127.0.0.7", "127.0.0.6"}


async def test_who_has_shown_a_password_gives_way_to_nobody_any_more() -> None:
    phone = guarded(connections=20, unknown_connections=1, unknown_per_host=5)
    async with running(phone):
        tcp = phone.endpoint.tcp
        peer = await stream_from("127.0.0.3", phone.port)
        assert await is_answered(*peer)
        (hop,) = tcp._connections
        tcp.trust(hop._replace(port=1))  # nobody has come from there
        for _ in range(2):
            tcp.trust(hop)
        stranger = await stream_from("127.0.0.4", phone.port)
        assert await is_answered(*stranger)
        assert await is_answered(*peer)
        assert tcp.connection_count == 2 and tcp.gave_way == tcp.refused == 0
        for _, writer in (peer, stranger):
            writer.close()


async def test_idle_unknown_sources_leave_room_for_a_configured_peer() -> None:
    phone = guarded("127.0.0.2", connections=20, unknown_connections=20, unknown_per_host=20)
    async with running(phone):
        idle = [await open_stream(phone.port) for _ in range(20)]
        await until(lambda: phone.endpoint.tcp.connection_count == 20)
        peer = await stream_from("127.0.0.2", phone.port)
        assert await is_answered(*peer)
        async with asyncio.timeout(40):
            assert await idle[0][0].read() == b"", "the oldest has given way"
        assert phone.endpoint.tcp.gave_way == 1
        for _, writer in [*idle, peer]:
            writer.close()


async def test_an_unknown_source_that_has_asked_stays_longer_than_those_who_have_not() -> None:
    phone = guarded(unknown_connections=3, unknown_per_host=3)
    async with running(phone):
        asked = await open_stream(phone.port)
        assert await is_answered(*asked)
        idle = [await open_stream(phone.port) for _ in range(10)]
        await until(lambda: phone.endpoint.tcp.gave_way == 8)
        assert await is_answered(*asked)
        for _, writer in [*idle, asked]:
            writer.close()


async def test_an_unknown_source_over_its_rate_is_held_back_and_then_cut_off() -> None:
    rates = SourceRates(unknown=RateLimit(messages_per_s=50, burst=20))
    phone = guarded("127.0.0.2", rates=rates, over_rate_s=0.5)
    async with running(phone):
        _, writer = await open_stream(phone.port)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while True:
                    writer.write(options(1) * 50)
                    await writer.drain()
        assert phone.endpoint.ua.counters.received < 20 + 50 * 3
        assert phone.endpoint.ua.counters.rate_limited == 0, "held back, not dropped"
        peer = await stream_from("127.0.0.2", phone.port)
        assert await is_answered(*peer)
        peer[1].close()


async def test_half_messages_of_unknown_sources_are_bounded() -> None:
    phone = guarded("127.0.0.2", unfinished_bytes=200_000, unknown_per_host=100)
    async with running(phone):
        half = b"OPTIONS sip:x SIP/2.0\r\nX: " + b"x" * 8_000
        streams = [await open_stream(phone.port) for _ in range(60)]
        for _, writer in streams:
            writer.write(half)
        await until(lambda: phone.endpoint.tcp.gave_way >= 60 - 200_000 // len(half))
        held = sum(one.held_bytes for one in phone.endpoint.tcp._connections.values())
        assert held <= 200_000
        peer = await stream_from("127.0.0.2", phone.port)
        assert await is_answered(*peer)
        for _, writer in [*streams, peer]:
            writer.close()


async def test_a_message_that_is_never_completed_closes_the_connection() -> None:
    phone = guarded("127.0.0.1", first_message_s=0.2, idle_s=600)
    async with running(phone):
        reader, writer = await open_stream(phone.port)
        assert await is_answered(reader, writer)
        writer.write(options(2)[:50])
        async with asyncio.timeout(40):
            assert await reader.read() == b""
        writer.close()


async def test_an_unknown_source_that_does_not_read_is_not_listened_to() -> None:
    phone = guarded(unknown_write_buffer_bytes=10_000, over_rate_s=0.3, first_message_s=1.5)
    async with running(phone):
        mute = socket.socket()
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.connect(("127.0.0.1", phone.port))
        _, writer = await asyncio.open_connection(sock=mute, limit=1024)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(30):
                while True:
                    writer.write(options(1) * 500)
                    await writer.drain()
        await until(lambda: phone.endpoint.tcp.connection_count == 0)


async def test_the_loop_is_shared_while_many_pipeline_requests() -> None:
    """However much came at once, other work is done in between."""
    phone = guarded("127.0.0.1")
    async with running(phone):
        streams = [await open_stream(phone.port) for _ in range(10)]
        for _, writer in streams:
            writer.write(options(1) * 400)
        ticks = 0
        async with asyncio.timeout(60):
            while phone.endpoint.ua.counters.received < 10 * 400:
                ticks += 1
                await asyncio.sleep(0)
        # A turn ends after some milliseconds: the loop has gone round many times meanwhile.
        assert ticks > 20
        for _, writer in streams:
            writer.close()


def test_unknown_sources_on_uvloop() -> None:
    async def main() -> None:
        await test_idle_unknown_sources_leave_room_for_a_configured_peer()
        await test_half_messages_of_unknown_sources_are_bounded()
        await test_an_unknown_source_over_its_rate_is_held_back_and_then_cut_off()

    uvloop.run(main())


async def test_a_peer_that_accepts_no_connection_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0", tcp_limits=TcpLimits(connect_timeout_s=0.05))

    async def never(*_where: object, **_how: object) -> None:
        await asyncio.Event().wait()

    async with running(phone):
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
        await phone.call("sip:bob@127.0.0.1:9;transport=tcp")
        failed = await phone.until(Failed)
        assert isinstance(failed, Failed)
        assert (failed.cause.status, failed.cause.phrase) == (503, "connection timed out")


async def test_stopping_gives_up_connections_that_are_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = ObservedEndpoint("tcp:127.0.0.1:0")
    begun = asyncio.Event()

    async def never(*_where: object, **_how: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with running(phone):
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
        await phone.call("sip:bob@127.0.0.1:9;transport=tcp")
        await begun.wait()
    assert phone.endpoint.tcp.connection_count == 0
