"""Which services a WebSocket is opened to, and what is said of those that have none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from media.streams import connector as media_connector
from media.streams.bot_messages import printable
from media.streams.connector import (
    Connector,
    NotConnected,
    ServiceResolver,
    is_reachable,
)
from media.streams.messages import Service
from tests.support.bots import bot_that
from tests.support.certificates import Authority
from tests.support.ports import free_port

LIMIT_S = 40.0


@pytest.fixture
async def connector() -> AsyncIterator[Connector]:
    made = Connector()
    yield made
    await made.close()


async def silent(socket: web.WebSocketResponse) -> None:
    await socket.receive()


async def why_not(connector: Connector, service: Service, limit_s: float = LIMIT_S) -> NotConnected:
    with pytest.raises(NotConnected) as refused:
        await connector.connect(service, limit_s)
    return refused.value


async def test_the_request_has_the_headers_of_the_service(connector: Connector) -> None:
    async with bot_that(silent) as bot:
        service = Service(f"{bot.url}a?b=c", headers=(("Authorization", "Bearer x"),))
        socket = await connector.connect(service, LIMIT_S)
        await socket.close()
    assert bot.requests[0].headers["authorization"] == "Bearer x"
    assert bot.requests[0].path_qs == "/a?b=c"
    assert "extensions" not in str(bot.requests[0].headers).lower()  # nothing is compressed


async def test_a_port_where_nobody_listens_may_be_tried_again(connector: Connector) -> None:
    error = await why_not(connector, Service(f"ws://127.0.0.1:{free_port()}/"))
    assert (error.failure, error.may_change) == ("unreachable", True)


@pytest.mark.parametrize(
    ("status", "failure", "may_change"),
    [(404, "refused", False), (403, "refused", False), (503, "unreachable", True)],
)
async def test_an_answer_that_is_no_websocket_is_named_by_its_status(
    connector: Connector, status: int, failure: str, may_change: bool
) -> None:
    async def refuse(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    server = web.ServerRunner(web.Server(refuse))
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    error = await why_not(connector, Service(f"ws://127.0.0.1:{server.addresses[0][1]}/?key=s3"))
    await server.cleanup()
    assert (error.failure, error.may_change) == (failure, may_change)
    assert str(status) in error.reason and "s3" not in error.reason


async def test_a_redirect_is_not_followed(connector: Connector) -> None:
    async with bot_that(silent) as elsewhere:

        async def redirect(_request: web.BaseRequest) -> web.Response:
            raise web.HTTPFound(elsewhere.url.replace("ws:", "http:"))

        server = web.ServerRunner(web.Server(redirect))
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", 0).start()
        error = await why_not(connector, Service(f"ws://127.0.0.1:{server.addresses[0][1]}/"))
        await server.cleanup()
    assert (error.failure, error.may_change) == ("refused", False)
    assert "redirect" in error.reason and not elsewhere.requests


async def test_a_service_that_never_answers_the_request_is_given_up(connector: Connector) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await why_not(connector, Service(f"ws://127.0.0.1:{port}/"), limit_s=0.3)
    server.close()
    assert error.reason == "no WebSocket within 0.3 s"


async def test_a_certificate_is_checked_against_the_issuers_of_the_file(
    connector: Connector, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.certificate("127.0.0.1").server_context()
    async with bot_that(silent, context) as bot:
        error = await why_not(connector, Service(bot.url))
        service = Service(bot.url, ca_file=str(authority.ca))
        socket = await connector.connect(service, LIMIT_S)
        await socket.close()
    assert error.may_change is False and "certificate" in error.reason


async def test_a_file_of_issuers_that_cannot_be_read_is_named(
    connector: Connector, tmp_path: Path
) -> None:
    error = await why_not(connector, Service("wss://localhost/", ca_file=str(tmp_path / "no.pem")))
    assert "streams.ca_file" in error.reason and not error.may_change


async def test_a_name_is_looked_up_and_never_leads_where_no_service_is(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_that(silent) as bot:
        socket = await connector.connect(
            Service(bot.url.replace("127.0.0.1", "localhost")), LIMIT_S
        )
        await socket.close()
    resolver = ServiceResolver()
    found = await resolver.resolve("localhost", 80)
    assert {one["host"] for one in found} <= {"127.0.0.1", "::1"}
    monkeypatch.setattr(media_connector, "is_reachable", lambda _address: False)
    with pytest.raises(OSError, match="no address that a service may have"):
        await resolver.resolve("localhost", 80)
    await resolver.close()


async def test_what_is_no_answer_of_a_websocket_is_no_connection(connector: Connector) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await why_not(connector, Service(f"ws://127.0.0.1:{port}/?key=s3"))
    server.close()
    assert error.failure == "unreachable" and "s3" not in error.reason


async def test_a_name_that_leads_nowhere_is_no_connection(connector: Connector) -> None:
    error = await why_not(connector, Service("ws://nobody.invalid/"))
    assert error.failure == "unreachable"


@pytest.mark.parametrize(
    ("address", "is_service"),
    [
        ("192.0.2.7", True),
        ("10.0.0.5", True),
        ("127.0.0.1", True),
        ("2001:db8::5", True),
        ("169.254.169.254", False),  # the metadata of a cloud
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_no_name_leads_to_an_address_that_no_service_has(address: str, is_service: bool) -> None:
    assert is_reachable(address) is is_service


def test_a_foreign_text_is_one_short_line() -> None:
    assert printable("a\nb\x1b[1m") == "a b [1m"
    assert len(printable("x" * 1000)) == 200
