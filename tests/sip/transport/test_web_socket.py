"""SIP over WebSockets (RFC 7118): the frames, and endpoints that speak with a real client."""

import asyncio
import gc
import ssl
import sys
import weakref
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import aiohttp
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from sip.dialog.uac import Invitation
from sip.errors import ParseError
from sip.events import Answered, Ended, Failed, IncomingInvite
from sip.hop import Hop
from sip.message.parser import MAX_MESSAGE_BYTES
from sip.policy import EveryPeer
from sip.rate_limit import RateLimit, SourceRates
from sip.transport.tcp_connection import ConnectionOwner, TcpConnection
from sip.transport.tcp_places import TcpLimits
from sip.transport.tls.contexts import TlsOptions
from sip.transport.web_socket import WebSocketFramer
from tests.support.certificates import Authority
from tests.support.sip.endpoint import AUDIO, ObservedEndpoint, running
from tests.support.waiting import until

MESSAGE = b"OPTIONS sip:x@example.com SIP/2.0\r\n\r\n"


class Browser:
    """The client's end of a WebSocket whose bytes a test hands over."""

    def __init__(self, origin: str | None = None, subprotocol: str | None = "sip") -> None:
        self.protocol = ClientProtocol(
            parse_uri("ws://127.0.0.1/"),
            origin=None if origin is None else Origin(origin),
            subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
            max_size=None,
        )
        self.protocol.send_request(self.protocol.connect())

    def taken(self) -> bytes:
        return b"".join(self.protocol.data_to_send())

    def received(self, data: bytes) -> list[bytes]:
        self.protocol.receive_data(data)
        events = self.protocol.events_received()
        return [bytes(one.data) for one in events if isinstance(one, Frame)]


def read(framer: WebSocketFramer, data: bytes) -> list[bytes]:
    framer.push(data)
    messages = []
    while framer.is_ready:
        message = framer.pop()
        if message is not None:
            messages.append(message)
    return messages


def opened(
    origins: tuple[str, ...] | None = None, **settings: str
) -> tuple[WebSocketFramer, Browser]:
    framer, browser = WebSocketFramer(origins), Browser(**settings)
    assert read(framer, browser.taken()) == []
    browser.received(framer.take_output())
    assert browser.protocol.handshake_exc is None
    assert browser.protocol.subprotocol == "sip"
    return framer, browser


def test_messages_come_out_of_frames_however_they_are_cut() -> None:
    framer, browser = opened()
    browser.protocol.send_text(MESSAGE)
    browser.protocol.send_binary(MESSAGE[:9], fin=False)
    browser.protocol.send_ping(b"between two parts")
    browser.protocol.send_continuation(MESSAGE[9:], fin=True)
    data = browser.taken()
    seen = []
    for start in range(0, len(data), 7):
        seen += read(framer, data[start : start + 7])
    assert seen == [MESSAGE, MESSAGE]
    assert len(framer) == 0
    browser.protocol.receive_data(framer.take_output())
    (pong,) = browser.protocol.events_received()
    assert isinstance(pong, Frame) and pong.opcode is Opcode.PONG


def test_what_is_sent_is_text_unless_it_is_no_utf_8() -> None:
    framer, browser = opened()
    browser.protocol.receive_data(framer.frame(MESSAGE) + framer.frame(b"\xff" + MESSAGE))
    frames = browser.protocol.events_received()
    assert [(one.opcode, bytes(one.data)) for one in frames if isinstance(one, Frame)] == [
        (Opcode.TEXT, MESSAGE),
        (Opcode.BINARY, b"\xff" + MESSAGE),
    ]


def test_pings_of_lines_and_of_web_sockets_are_answered() -> None:
    framer, browser = opened()
    browser.protocol.send_text(b"\r\n\r\n")
    assert read(framer, browser.taken()) == []
    assert (framer.take_pongs(), framer.take_pongs()) == (1, 0)
    assert not framer.take_pong()
    browser.received(framer.ping())
    assert read(framer, browser.taken()) == []
    assert framer.take_pong() and not framer.take_pong()
    browser.protocol.send_text(b"\r\n")
    read(framer, browser.taken())
    assert framer.take_pong()


def test_a_flood_of_small_frames_takes_many_turns() -> None:
    framer, browser = opened()
    for _ in range(5_000):
        browser.protocol.send_ping(b"")
    framer.push(browser.taken())
    turns = 0
    while framer.is_ready:
        framer.pop()
        turns += 1
    assert turns >= 7


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"subprotocol": None}, 400),
        ({"subprotocol": "chat"}, 400),
        ({"origin": "https://elsewhere.example"}, 403),
    ],
)
def test_a_handshake_that_is_not_ours_is_refused(settings: dict[str, str], status: int) -> None:
    framer, browser = WebSocketFramer(("https://shop.example",)), Browser(**settings)
    framer.push(browser.taken())
    with pytest.raises(ParseError, match="no WebSocket for SIP"):
        framer.pop()
    assert f"HTTP/1.1 {status}".encode() in framer.take_output()
    assert framer.frame(MESSAGE) == b""


def test_the_page_named_and_who_is_no_page_may_connect() -> None:
    opened(("https://shop.example",), origin="https://shop.example")
    opened(("https://shop.example",))
    opened(None, origin="https://elsewhere.example")


@pytest.mark.parametrize("data", [MESSAGE, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_what_is_no_web_socket_ends_the_stream(data: bytes) -> None:
    framer = WebSocketFramer()
    framer.push(data)
    with pytest.raises(ParseError):
        framer.pop()
    framer.push(MESSAGE)
    assert len(framer) == 0
    assert not framer.is_over


def test_a_message_that_is_too_long_ends_the_stream() -> None:
    framer, browser = opened()
    browser.protocol.send_text(MESSAGE)
    browser.protocol.send_text(b"x" * (MAX_MESSAGE_BYTES + 1))
    framer.push(browser.taken())
    assert framer.pop() == MESSAGE
    with pytest.raises(ParseError, match="no WebSocket for SIP"):
        while framer.is_ready:
            framer.pop()
    assert len(framer) == 0


@pytest.mark.parametrize(
    "frames", [b"\x81\x84\0\0\0\0some", b"\x83\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe8"]
)
def test_who_speaks_before_the_handshake_was_answered_is_given_up(frames: bytes) -> None:
    framer = WebSocketFramer()
    framer.push(Browser().taken() + frames)
    with pytest.raises(ParseError, match="before its handshake"):
        framer.pop()
    assert len(framer) == 0
    assert not framer.is_over


def test_what_is_begun_is_held_and_costs_no_more_than_its_bytes() -> None:
    framer, browser = opened()
    browser.protocol.send_binary(b"", fin=False)
    assert read(framer, browser.taken()) == []
    assert len(framer) == 1  # it has to be ended in time
    before = framer_bytes(framer)
    for _ in range(20_000):
        browser.protocol.send_continuation(b"", fin=False)
    assert read(framer, browser.taken()) == []
    assert len(framer) == 1
    assert framer_bytes(framer) == before
    browser.protocol.send_continuation(MESSAGE, fin=True)
    data = browser.taken()
    assert read(framer, data[:20]) == []
    assert len(framer) > 1
    assert read(framer, data[20:]) == [MESSAGE]
    assert len(framer) == 0


def framer_bytes(framer: WebSocketFramer) -> int:
    return sum(sys.getsizeof(getattr(framer, name)) for name in ("_parts", "_messages", "_unread"))


def test_a_handshake_without_end_is_held_and_then_given_up() -> None:
    framer = WebSocketFramer()
    assert read(framer, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100) == []
    assert len(framer) == 616
    with pytest.raises(ParseError, match="too long"):
        for _ in range(10):
            read(framer, b"X: " + b"y" * 4000 + b"\r\n")
    assert len(framer) == 0


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", None])
def test_nothing_stays_of_one_that_is_gone(begun: bytes | None) -> None:
    """The garbage collector looks at old objects rarely."""
    framer = opened()[0] if begun is None else WebSocketFramer()
    assert read(framer, begun or frame_of(b"half")) == []
    protocol = weakref.ref(framer._protocol)
    gc.disable()
    try:
        framer.release()
        del framer
        assert protocol() is None
    finally:
        gc.enable()


def frame_of(data: bytes) -> bytes:
    return b"\x81\xff" + bytes(7) + b"\x64" + bytes(4) + data


def test_either_side_closes() -> None:
    framer, browser = opened()
    browser.protocol.send_text(MESSAGE)
    browser.protocol.send_close(1000)
    framer.push(browser.taken())
    assert framer.pop() == MESSAGE
    with pytest.raises(ParseError, match="closed"):
        framer.pop()
    assert framer.is_over
    framer, browser = opened()
    browser.received(framer.say_goodbye())
    assert browser.protocol.close_rcvd is not None and browser.protocol.close_rcvd.code == 1001


def request(method: str, number: int, *, to_tag: str = "", more: str = "", body: str = "") -> str:
    return (
        f"{method} sip:shop@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/WS x7c2.invalid;branch=z9hG4bK{method}{number}\r\n"
        f"From: <sip:visitor@x7c2.invalid>;tag=1\r\nTo: <sip:shop@127.0.0.1>{to_tag}\r\n"
        f"Call-ID: of-a-page\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:visitor@x7c2.invalid;transport=ws>\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


NO_RATE = RateLimit(messages_per_s=0.0)
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4002 RTP/AVP 0\r\n"
)


async def answer_to(socket: aiohttp.ClientWebSocketResponse, start: str) -> str:
    async with asyncio.timeout(40):
        while not (text := await socket.receive_str()).startswith(start):
            pass
    return text


async def test_a_call_of_a_browser_goes_both_ways_on_its_connection() -> None:
    phone = ObservedEndpoint("ws:127.0.0.1:0")

    def react(event: object) -> None:
        if isinstance(event, IncomingInvite):
            phone.endpoint.accept(event.session, AUDIO)

    phone.react = react
    async with running(phone), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{phone.port}/"
        async with session.ws_connect(
            url, protocols=("sip",), origin="https://a.example"
        ) as socket:
            more = "Content-Type: application/sdp\r\n"
            await socket.send_str(request("INVITE", 1, more=more, body=SDP))
            answered = await answer_to(socket, "SIP/2.0 200")
            assert f"Contact: <sip:ringback@127.0.0.1:{phone.port};transport=ws>" in answered
            tag = answered.partition("\r\nTo: ")[2].partition("\r\n")[0].partition(";tag=")[2]
            await socket.send_str(request("ACK", 1, to_tag=f";tag={tag}"))
            invite = phone.events[0]
            assert isinstance(invite, IncomingInvite)
            await phone.until(Answered)
            phone.endpoint.hangup(invite.session)
            bye = await answer_to(socket, "BYE")
            assert "Via: SIP/2.0/WS 127.0.0.1" in bye
            head = [
                one
                for one in bye.split("\r\n")
                if one[:4] in ("Via:", "From", "To: ", "Call", "CSeq")
            ]
            await socket.send_str(
                "\r\n".join(["SIP/2.0 200 OK", *head, "Content-Length: 0", "", ""])
            )
            assert isinstance(await phone.until(Ended), Ended)


async def test_browsers_connect_by_tls_without_a_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good = authority.certificate("127.0.0.1")
    options = TlsOptions(good.files, verify_client="yes", alpn=("sip/2",))
    phone = ObservedEndpoint("wss:127.0.0.1:0", tls=options, origins=("https://a.example",))
    context = ssl.create_default_context(cafile=str(good.files.ca))
    async with running(phone), aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{phone.port}/"
        async with session.ws_connect(
            url, protocols=("sip",), ssl=context, origin="https://a.example"
        ) as socket:
            await socket.send_str(request("OPTIONS", 1))
            assert "Call-ID: of-a-page" in await answer_to(socket, "SIP/2.0 200")
            await phone.endpoint.stop()
            async with asyncio.timeout(40):
                assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    phone = ObservedEndpoint("wss:127.0.0.1:0", tls=options, origins=("https://a.example",))
    async with running(phone), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(
                f"https://127.0.0.1:{phone.port}/",
                protocols=("sip",),
                ssl=context,
                origin="https://b.example",
            )
        assert refused.value.status == 403


class Proxy:
    """Whoever connects from 127.0.0.1 says for whom."""

    def has(self, host: str) -> bool:
        return host == "127.0.0.1"

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        return forwarded_for[-1] if forwarded_for else peer


class Through:
    """Browsers that connect to a phone, through a proxy or by themselves."""

    def __init__(self, phone: ObservedEndpoint, stack: AsyncExitStack) -> None:
        self._phone, self._stack = phone, stack

    async def connect(
        self, client: str = "", peer: str = "127.0.0.1"
    ) -> aiohttp.ClientWebSocketResponse:
        """The WebSocket of a browser at `client`, which has asked for something."""
        connector = aiohttp.TCPConnector(local_addr=(peer, 0))
        session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        shown = {"X-Forwarded-For": client, "Forwarded": "for=198.51.100.66"} if client else {}
        socket = await self._stack.enter_async_context(
            session.ws_connect(
                f"http://127.0.0.1:{self._phone.port}/", protocols=("sip",), headers=shown
            )
        )
        await socket.send_str(request("OPTIONS", 1))
        await answer_to(socket, "SIP/2.0 200")
        return socket

    @property
    def hosts(self) -> list[str]:
        """Whose the connections are."""
        return sorted(hop.host for hop in self._phone.endpoint.tcp._connections)


async def test_a_browser_behind_a_proxy_counts_for_itself() -> None:
    limits = TcpLimits(unknown_per_host=2)
    phone = ObservedEndpoint(
        "ws:127.0.0.1:0", proxies=Proxy(), tcp_limits=limits, policy=OnlyLoopback()
    )
    async with running(phone), AsyncExitStack() as stack:
        through = Through(phone, stack)
        for client in ("198.51.100.7", "198.51.100.7", "203.0.113.5", "2001:db8::1"):
            await through.connect(client)
        assert through.hosts == ["198.51.100.7", "198.51.100.7", "2001:db8::1", "203.0.113.5"]
        third = await through.connect("198.51.100.7")  # the one that is idle gives way
        assert phone.endpoint.tcp.gave_way == 1
        await until(lambda: through.hosts.count("198.51.100.7") == 2)
        await through.connect()  # of whom the proxy says nothing is its own
        assert "127.0.0.1" in through.hosts
        await third.close()
        await until(lambda: through.hosts.count("198.51.100.7") == 1)
    assert not phone.endpoint.tcp._of_proxies


async def test_who_is_no_proxy_cannot_say_to_be_another() -> None:
    phone = ObservedEndpoint("ws:127.0.0.1:0", proxies=Proxy())
    async with running(phone), AsyncExitStack() as stack:
        through = Through(phone, stack)
        await through.connect("198.51.100.7", peer="127.0.0.9")
        assert through.hosts == ["127.0.0.9"]


async def test_a_client_over_its_rate_is_refused_and_others_get_in() -> None:
    slow = RateLimit(messages_per_s=0.001, burst=2.0)
    rates = SourceRates(unknown=slow, unknown_together=NO_RATE)
    phone = ObservedEndpoint("ws:127.0.0.1:0", proxies=Proxy(), rates=rates, policy=OnlyLoopback())
    async with running(phone), AsyncExitStack() as stack:
        through = Through(phone, stack)
        await through.connect("198.51.100.7")  # it connects, and sends one message
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await through.connect("198.51.100.7")
        await through.connect("203.0.113.5")
        assert through.hosts == ["198.51.100.7", "203.0.113.5"]
        assert phone.endpoint.tcp.refused  # the client of this test tries it once more


async def test_who_has_gone_is_not_connected_to() -> None:
    phone = ObservedEndpoint("ws:127.0.0.1:0")
    async with running(phone), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{phone.port}/"
        async with session.ws_connect(url, protocols=("sip",)) as socket:
            await socket.send_str(request("OPTIONS", 1))
            await answer_to(socket, "SIP/2.0 200")
        await until(lambda: phone.endpoint.tcp.connection_count == 0)
        target = "sip:visitor@x7c2.invalid"
        hop = phone.endpoint.addresses[0]._replace(port=9)
        phone.endpoint.invite(
            Invitation(target=target, hop=hop, from_uri="sip:a@127.0.0.1", audio=AUDIO)
        )
        failed = await phone.until(Failed)
        assert isinstance(failed, Failed) and failed.cause.phrase == "the browser is not connected"


async def test_a_silent_browser_is_pinged_and_given_up_without_an_answer() -> None:
    limits = TcpLimits(keepalive_s=0.2, pong_s=0.6)
    phone = ObservedEndpoint("ws:127.0.0.1:0", tcp_limits=limits, policy=EveryPeer())
    async with running(phone), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{phone.port}/"
        async with session.ws_connect(url, protocols=("sip",), autoping=False) as socket:
            await socket.send_str(request("OPTIONS", 1))
            await answer_to(socket, "SIP/2.0 200")
            (connection,) = phone.endpoint.tcp._connections.values()
            async with asyncio.timeout(40):
                while (await socket.receive()).type is not aiohttp.WSMsgType.PING:
                    pass
            await until(lambda: phone.endpoint.tcp.connection_count == 0)
            assert connection.is_silent, "it is not known to be gone"


class OnlyLoopback(EveryPeer):
    """A peer is known at 127.0.0.1 alone: so is the proxy."""

    def is_known(self, host: str) -> bool:
        return host == "127.0.0.1"


class Owner:
    """The transport, for one connection: it lets it read, and hands out its turns."""

    limits = TcpLimits()

    def __init__(self) -> None:
        self.input = bytearray(65536)
        self.messages: list[bytes] = []
        self.turns: list[TcpConnection] = []

    def made(self, connection: TcpConnection) -> bool:
        return True

    def opened(self, connection: TcpConnection) -> bool:
        return True

    def received(self, connection: TcpConnection) -> None:
        pass

    def forwarded(self, connection: TcpConnection, for_whom: list[str]) -> bool:
        return True

    def handle(self, connection: TcpConnection, message: bytes) -> None:
        self.messages.append(message)

    def answers_pings(self, connection: TcpConnection, *, now_too: bool = False) -> bool:
        return True

    def wait_s(self, connection: TcpConnection) -> float:
        return 0.0

    def go_on_in(self, connection: TcpConnection, after_s: float) -> None:
        self.turns.append(connection)

    def gives(self, connection: TcpConnection, data: bytes) -> None:
        """The peer has sent this."""
        self.input[: len(data)] = data
        connection.buffer_updated(len(data))
        while self.turns:
            while self.turns.pop().work():
                pass


async def test_a_browser_that_only_answers_pings_stays_connected_and_one_that_begins_does_not() -> (
    None
):
    owner, browser = Owner(), Browser()
    connection = TcpConnection(
        cast(ConnectionOwner, owner),
        Hop("ws", "127.0.0.1", 4000),
        WebSocketFramer(),
        is_known=True,
        is_accepted=True,
    )
    stream = Mock(spec=asyncio.Transport)
    stream.get_extra_info.return_value = ("127.0.0.1", 5062)
    stream.is_closing.return_value = False
    stream.get_write_buffer_size.return_value = 0
    connection.connection_made(stream)
    owner.gives(connection, browser.taken())
    browser.received(b"".join(call.args[0] for call in stream.write.call_args_list))
    browser.protocol.send_text(MESSAGE)
    owner.gives(connection, browser.taken())
    assert owner.messages == [MESSAGE]
    later = asyncio.get_running_loop().time() + 2 * owner.limits.first_message_s
    browser.protocol.send_pong(b"")
    owner.gives(connection, browser.taken())
    assert connection.overdue(later) is None
    browser.protocol.send_binary(b"", fin=False)
    owner.gives(connection, browser.taken())
    assert connection.overdue(later) == "a message was not completed"
