"""The gateway as a process: it waits for the engine, reads its configuration anew, and stops."""

import asyncio
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from config.web_settings import WebSettings as Settings
from config.web_settings import load
from ringback_client import Client
from ringback_client.connection import Address
from tests.support.certificates import Authority
from tests.support.engines.in_process import running, settings_in
from tests.support.engines.process import write_config
from tests.support.ports import free_port
from web.server import Gateway, main

MORE = """
[[rights]]
name = "web"
token = "{token}"
role = "gateway"
[[queues]]
name = "sales"
[web]
listen = "127.0.0.1:{port}"
secret_file = "{directory}/web.secret"
token_file = "{directory}/web.token"
[[sites]]
key = "shop"
name = "shop.example"
origins = ["https://shop.example"]
queue = "sales"
proof_of_work = false
"""
TOKEN = "0123456789abcdef0123"


def configuration(directory: Path, **more: str) -> str:
    (directory / "web.token").write_text(TOKEN)
    return MORE.format(token=TOKEN, port=free_port(), directory=directory, **more)


async def test_a_gateway_with_the_role_of_one(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, more=configuration(tmp_path))
    file = tmp_path / "ringback.toml"
    async with running(settings):
        gateway = Gateway(str(file), load(file, environ={}))
        async with gateway.serving() as url, aiohttp.ClientSession() as session:
            async with session.get(f"{url}/v1/sites/shop/availability") as reply:
                assert reply.status == 200
            body = {"number": "020 7946 0123", "key": "request-1"}
            headers = {"Origin": "https://shop.example"}
            path = f"{url}/v1/sites/shop/callbacks"
            async with session.post(path, json=body, headers=headers) as reply:
                accepted = await reply.json()
            link = f"{url}/v1/callbacks/{accepted['id']}?token={accepted['token']}"
            async with session.delete(link) as reply:
                assert (await reply.json())["stage"] == "cancelled"
            file.write_text(file.read_text().replace('key = "shop"', 'key = "store"'))
            gateway.reload()
            async with session.get(f"{url}/v1/sites/store/availability") as reply:
                assert reply.status == 200
            file.write_text(file.read_text() + "nonsense = 1\n")
            gateway.reload()
            async with session.get(f"{url}/v1/sites/store/availability") as reply:
                assert reply.status == 200, "a file with faults changes nothing"


async def test_pages_are_served_by_tls_for_an_engine_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Authority(tmp_path).certificate("127.0.0.1")
    (tmp_path / "web.token").write_text(TOKEN)
    settings = Settings.model_validate(
        {
            "web": {
                "listen": "127.0.0.1:0",
                "secret_file": str(tmp_path / "web.secret"),
                "tls_cert": certificate.cert,
                "tls_key": certificate.key,
                "control": "192.0.2.1:5039",
                "control_ca": certificate.ca,
                "token_file": str(tmp_path / "web.token"),
            }
        }
    )
    asked: list[dict[str, Any]] = []

    async def connect(**where: Any) -> Client:
        asked.append(where)
        return Client(Address("run/none.sock"))

    monkeypatch.setattr(Client, "connect", connect)
    async with Gateway("web.toml", settings).serving() as url, aiohttp.ClientSession() as session:
        assert url.startswith("https://")
        trusted = certificate.client_context(shows=False)
        async with session.get(f"{url}/health", ssl=trusted) as reply:
            assert reply.status == 200
    (where,) = asked
    assert (where["host"], where["port"], where["token"]) == ("192.0.2.1", 5039, TOKEN)
    assert where["tls"].verify_mode == ssl.CERT_REQUIRED and where["tls"].check_hostname


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def shown(port: int) -> tuple[bytes, Line]:
    """The certificate that the gateway shows now, and a connection to it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return certificate, (reader, writer)


async def is_healthy(line: Line) -> bool:
    """Whether the connection is answered, and stays."""
    reader, writer = line
    writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    reply = await reader.readuntil(b'{"ok": true}')
    return reply.startswith(b"HTTP/1.1 200")


async def test_a_renewed_certificate_is_taken_and_no_connection_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "new", "other"):
        (tmp_path / name).mkdir()
    old, new, other = (
        Authority(tmp_path / name).certificate("127.0.0.1") for name in ("old", "new", "other")
    )
    web = {
        "listen": "127.0.0.1:0", "secret_file": str(tmp_path / "web.secret"),
        "tls_cert": old.cert, "tls_key": old.key,
    }  # fmt: skip

    async def connect(*_where: Any, **_more: Any) -> Client:
        return Client(Address("run/none.sock"))

    monkeypatch.setattr(Client, "connect", connect)
    file = tmp_path / "web.toml"
    write_config(file, {"web": web})
    gateway = Gateway(str(file), load(file, environ={}))
    async with asyncio.timeout(60), gateway.serving() as url:
        port = int(url.rpartition(":")[2])
        first, line = await shown(port)
        assert await is_healthy(line)
        Path(old.cert).write_text(Path(new.cert).read_text())
        Path(old.key).write_text(Path(new.key).read_text())
        gateway.reload()
        second, other_line = await shown(port)
        assert second != first
        assert await is_healthy(line) and await is_healthy(other_line)
        # Written half, or with a key that is not its own: the one that there is holds.
        for key, text in (("cert", "garbage"), ("key", Path(other.key).read_text()), ("key", "")):
            before = Path(getattr(old, key)).read_text()
            Path(getattr(old, key)).write_text(text)
            with capture_logs() as said:
                gateway.reload()
            errors = [one for one in said if one["log_level"] == "error"]
            assert [one["event"] for one in errors] == ["certificate not read anew"]
            assert errors[0]["file"] == old.cert and errors[0]["reason"]
            third, _line = await shown(port)
            assert third == second and await is_healthy(line)
            Path(getattr(old, key)).write_text(before)


async def test_it_waits_for_the_engine_and_answers_while_there_is_none(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, more=configuration(tmp_path))
    file = tmp_path / "ringback.toml"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback", "web", "--config", str(file),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            while b"waiting for the engine" not in await process.stderr.readline():
                pass
        async with running(settings), asyncio.timeout(30), aiohttp.ClientSession() as session:
            while b"web gateway listens" not in await process.stderr.readline():
                pass
            url = f"http://{load(file, environ={}).web.listen}"
            async with session.get(f"{url}/health") as reply:
                assert reply.status == 200
        path = f"{url}/v1/sites/shop/availability"
        async with aiohttp.ClientSession() as session, session.get(path) as reply:
            assert reply.status == 503
            assert (await reply.json())["error"]["reason"] == "engine"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_file_with_a_fault_is_refused_in_words(tmp_path: Path, capsys: object) -> None:
    file = tmp_path / "web.toml"
    secret = tmp_path / "web.secret"
    secret.write_text("short")
    file.write_text(f'[web]\nlisten = "127.0.0.1:0"\nsecret_file = "{secret}"\n')
    assert main(str(file), load(file, environ={})) == 2


def test_a_gateway_that_was_stopped_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Gateway] = []

    async def run(self: Gateway) -> None:
        ran.append(self)

    monkeypatch.setattr(Gateway, "run", run)
    file = tmp_path / "web.toml"
    file.write_text("[web]\n")
    assert main(str(file), load(file, environ={})) == 0
    assert len(ran) == 1
