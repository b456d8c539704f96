"""The HTTP side of a webhook, against real servers that behave and that do not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from engine.webhooks.sender import Answer, Sender
from tests.support.ports import free_port
from tests.support.receiver import Received, Receiver, hangs
from tests.support.tls import certificate, needs_openssl


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender()
    yield sender
    await sender.close()


async def test_what_is_sent_arrives_as_it_is(sender: Sender) -> None:
    async with Receiver() as receiver:
        answer = await sender.post(receiver.url, {"webhook-id": "e-1"}, b'{"x":"\xc3\xa9"}', 5.0)
        assert answer == Answer(None, status=204)
        (received,) = receiver.requests.items
        assert received.body == b'{"x":"\xc3\xa9"}'
        assert received.headers["webhook-id"] == "e-1"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"].startswith("Ringback/")


@pytest.mark.parametrize("status", [200, 202, 299])
async def test_any_2xx_will_do(sender: Sender, status: int) -> None:
    async with Receiver(lambda _: web.Response(status=status, text="thanks")) as receiver:
        assert (await sender.post(receiver.url, {}, b"{}", 5.0)).error is None


async def test_the_error_says_why_it_did_not_arrive(sender: Sender) -> None:
    answers = iter(
        [
            web.Response(status=503, text="over\nloaded", headers={"retry-after": "17"}),
            web.Response(status=301, headers={"location": "http://localhost:1/"}),
            web.Response(status=500, text="x" * 300_000, headers={"retry-after": "Fri, 31 Dec"}),
        ]
    )
    async with Receiver(lambda _: next(answers)) as receiver:
        found = [await sender.post(receiver.url, {}, b"{}", 5.0) for _ in range(3)]
    assert found[0] == Answer("503 Service Unavailable: over loaded", 17.0, 503)
    assert found[1] == Answer("301 Moved Permanently", status=301)
    assert found[2].error is not None and found[2].error.startswith("500 Internal Server Error: x")
    assert len(found[2].error) <= 200 and found[2].after_s is None


async def test_who_does_not_answer_or_is_not_there_is_not_waited_for(sender: Sender) -> None:
    async with Receiver(hangs) as receiver:
        answer = await sender.post(receiver.url, {}, b"{}", 0.1)
        assert answer.error == "no answer within 0.1 s"
    gone = await sender.post(f"http://127.0.0.1:{free_port()}/in", {}, b"{}", 5.0)
    assert gone.error is not None and "onnect" in gone.error


async def test_who_answers_a_byte_at_a_time_has_no_more_time_than_others(sender: Sender) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        answer = await sender.post(f"http://127.0.0.1:{port}/", {}, b"{}", 0.3)
    assert answer.error == "no answer within 0.3 s"


async def test_nonsense_is_an_answer_too(sender: Sender) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        answer = await sender.post(f"http://127.0.0.1:{port}/", {}, b"{}", 2.0)
    assert answer.error


@needs_openssl
async def test_certificates_are_verified(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=cert)
    wary, knowing = Sender(), Sender(tls=trusting)
    try:
        async with Receiver(tls=serving) as receiver:
            refused = await wary.post(receiver.url, {}, b"{}", 5.0)
            assert refused.error is not None and "certificate" in refused.error.lower()
            assert receiver.requests.items == []
            assert (await knowing.post(receiver.url, {}, b"{}", 5.0)).error is None
    finally:
        await wary.close()
        await knowing.close()


async def test_connections_stay_open(sender: Sender) -> None:
    async with Receiver() as receiver:
        for _ in range(5):
            await sender.post(receiver.url, {}, b"{}", 5.0)
        assert len({received.peer for received in receiver.requests.items}) == 1


SECRET_URL = "/hook?token=s3cret%20one&k=other+value"


async def test_no_secret_of_the_url_is_shown(sender: Sender) -> None:
    def echo(received: Received) -> web.Response:
        words = f"no {SECRET_URL} s3cret one other value {received.headers['authorization']}"
        return web.Response(status=404, text=words)

    async def too_many_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 400 + b"\r\n")
        writer.close()

    server = await asyncio.start_server(too_many_headers, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Receiver(echo) as receiver:
        at = receiver.url.split("//")[1].split("/")[0]
        seen = [
            (await sender.post(f"http://user:hunter2@{host}{SECRET_URL}", {}, b"{}", 5.0)).error
            for host in (at, f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
        ]
    server.close()
    assert all(seen)
    for secret in ("s3cret", "other", "hunter2", "dXNlcjpodW50ZXIy"):
        assert secret not in str(seen)


async def test_a_url_that_cannot_be_used_says_so(sender: Sender) -> None:
    assert await sender.post("http://", {}, b"{}", 5.0) == Answer("the URL cannot be used")
