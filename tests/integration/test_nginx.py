"""The nginx of docs/recipes, before a real gateway and a real engine: pages, callbacks, progress,
and both WebSockets, each as the visitor that it comes from."""

import asyncio
import json
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.web_settings import load
from ringback_client import Client
from tests.support.engines.in_process import running, settings_in
from tests.support.ports import free_port
from tests.support.tls import certificate, needs_openssl
from tests.support.waiting import until
from web.server import Gateway

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "nginx.conf"
ORIGIN = "https://shop.example"
VISITOR, FORGED = "127.0.0.2", "203.0.113.9"
TOKEN = "anna-signs-in-with-this"

pytestmark = [
    pytest.mark.skipif(
        NGINX is None,
        reason="nginx is not installed (Debian package nginx): its recipe is not tried",
    ),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="all of 127.0.0.0/8 is here on Linux alone"
    ),
    needs_openssl,
]

MORE = """
[sip.websocket]
origins = ["https://shop.example"]
trusted_proxies = ["127.0.0.1/32"]
[[agents]]
name = "anna"
uri = "webrtc:anna"
queues = ["sales"]
[[queues]]
name = "sales"
[[rights]]
name = "anna"
agent = "anna"
token = "{token}"
"""
WEB = """
[control]
socket = "{directory}/control.sock"
[web]
listen = "127.0.0.1:{web_port}"
public_url = "https://127.0.0.1:{port}"
secret_file = "{directory}/web.secret"
trusted_proxies = ["127.0.0.1/32"]
phone_server = "wss://127.0.0.1:{port}/sip"
[[sites]]
key = "shop"
name = "shop.example"
origins = ["https://shop.example"]
queue = "sales"
proof_of_work = false
limits = {{ per_address = 2, per_number = 0 }}
"""
# What a configuration of the system has around the recipe.
AROUND = """
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include ringback.conf;
}
"""


class Site:
    """The site behind nginx, as visitors reach it from an address of their own."""

    def __init__(self, port: int, web_port: int, tls: ssl.SSLContext, engine: Client) -> None:
        self.url, self.gateway = f"https://127.0.0.1:{port}", f"http://127.0.0.1:{web_port}"
        self.engine = engine
        self._tls = tls
        self._count = 0

    def session(self, address: str = VISITOR) -> aiohttp.ClientSession:
        """The browser of a visitor at this address."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=self._tls)
        return aiohttp.ClientSession(connector=connector)

    async def ask(self, session: aiohttp.ClientSession, *, status: int = 202, **more: Any) -> Any:
        """Ask for a callback, of nginx or `at` the gateway."""
        self._count += 1
        form = {"number": f"+4420794601{self._count:02}", "key": f"request-{self._count}"}
        url = more.pop("at", self.url) + "/v1/sites/shop/callbacks"
        headers = {"Origin": ORIGIN, **more}
        async with session.post(url, json=form, headers=headers) as reply:
            assert reply.status == status, await reply.text()
            return await reply.json()

    async def source(self, callback: Any) -> str:
        """Where the engine says that a callback comes from."""
        job = await self.engine.call("callback.get", id=callback["id"])
        return str(job["source"])


@asynccontextmanager
async def nginx(directory: Path, port: int, web_port: int, sip_port: int) -> AsyncIterator[None]:
    """The nginx of the recipe with these ports in place of its own."""
    cert, key = certificate(directory)
    text = RECIPE.read_text()
    for of_recipe, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("    listen [::]:443 ssl;\n", ""),
        ("/etc/ssl/calls.shop.example.pem", cert),
        ("/etc/ssl/calls.shop.example.key", key),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{web_port}"),
        ("http://127.0.0.1:5062", f"http://127.0.0.1:{sip_port}"),
    ):
        assert of_recipe in text, of_recipe
        text = text.replace(of_recipe, here)
    (directory / "ringback.conf").write_text(text)
    (directory / "nginx.conf").write_text(AROUND)
    assert NGINX is not None
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(directory), "-c", "nginx.conf", "-g", "daemon off; master_process off;",
        "-e", "stderr",
    )  # fmt: skip
    try:
        await until(lambda: process.returncode is not None or _listens(port))
        assert process.returncode is None, "nginx does not start: its output says why"
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    wanted = f":{port:04X} 00000000:0000 0A"
    return any(wanted in line for line in Path("/proc/net/tcp").read_text().splitlines())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    port, web_port = free_port(), free_port()
    settings = settings_in(tmp_path, more=MORE.format(token=TOKEN), web=True)
    async with running(settings) as (daemon, client):
        sip_port = next(one.port for one in daemon.sip.addresses if one.transport == "ws")
        file = tmp_path / "web.toml"
        file.write_text(WEB.format(directory=tmp_path, port=port, web_port=web_port))
        gateway = Gateway(str(file), load(file, environ={}))
        async with gateway.serving(), nginx(tmp_path, port, web_port, sip_port):
            tls = ssl.create_default_context(cafile=certificate(tmp_path)[0])
            yield Site(port, web_port, tls, client)


async def test_each_visitor_is_known_by_their_own_address(site: Site) -> None:
    async with site.session() as visitor, site.session("127.0.0.3") as other:
        async with visitor.get(f"{site.url}/ringback.js") as reply:
            assert reply.status == 200
            assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
        async with visitor.get(f"{site.url}/phone") as reply:
            assert (reply.status, "phone.js" in await reply.text()) == (200, True)
        assert await site.source(await site.ask(visitor)) == VISITOR
        # What a client claims is dropped by nginx, and by the gateway of who is no proxy.
        forged: dict[str, Any] = {
            "X-Forwarded-For": FORGED,
            "Forwarded": f"for={FORGED}",
            "X-Real-IP": FORGED,
        }
        assert await site.source(await site.ask(visitor, **forged)) == VISITOR
        refused = await site.ask(visitor, status=429, **forged)  # the limit is that of the address
        assert refused["error"]["reason"] == "too_many"
        assert await site.source(await site.ask(other, at=site.gateway, **forged)) == "127.0.0.3"


async def test_progress_comes_as_it_happens(site: Site) -> None:
    """Through nginx too: a buffer would keep it until the end."""
    async with site.session() as visitor:
        callback = await site.ask(visitor)
        stages: list[str] = []
        url = f"{site.url}/v1/callbacks/{callback['id']}/events"
        async with asyncio.timeout(40), visitor.get(url, headers={"Origin": ORIGIN}) as reply:
            assert reply.headers["Content-Type"] == "text/event-stream"
            async for line in reply.content:
                if line.startswith(b"data: "):
                    stages.append(json.loads(line[6:])["stage"])
                    if len(stages) == 1:  # it is here, and nothing has happened since
                        await site.engine.call("callback.cancel", id=callback["id"])
        assert stages == ["queued", "cancelled"]


async def test_the_line_of_an_agents_page_is_a_web_socket(site: Site) -> None:
    async with site.session() as visitor:
        url = f"{site.url}/phone/line"
        async with visitor.ws_connect(url, origin=site.url) as socket:
            await socket.send_json({"token": TOKEN})
            told = await socket.receive_json(timeout=40)
            assert told["agent"]["agent"] == "anna"
            assert told["server"] == f"{site.url.replace('https', 'wss')}/sip"
            await socket.send_json({"id": 1, "method": "agent.get", "params": {"agent": "anna"}})
            async with asyncio.timeout(40):  # pings would prolong that of a message
                while (answer := await socket.receive_json()).get("id") != 1:
                    assert "event" in answer
            assert answer["result"]["agent"] == "anna"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await visitor.ws_connect(url, origin="https://evil.example")


async def test_sip_over_web_socket_reaches_the_engine(site: Site) -> None:
    """With the address of the browser: the engine answers it there."""
    options = (
        "OPTIONS sip:ringback SIP/2.0\r\n"
        "Via: SIP/2.0/WSS browser.invalid;branch=z9hG4bK1\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:anna@browser.invalid>;tag=1\r\n"
        "To: <sip:ringback>\r\nCall-ID: 1@browser.invalid\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    async with site.session() as visitor:
        forged = {"X-Forwarded-For": FORGED}
        async with visitor.ws_connect(
            f"{site.url}/sip", protocols=["sip"], origin=ORIGIN, headers=forged
        ) as socket:
            await socket.send_str(options)
            async with asyncio.timeout(40):
                answer = (await socket.receive()).data
            text = answer if isinstance(answer, str) else bytes(answer).decode()
            assert text.startswith("SIP/2.0 ")
            assert f"received={VISITOR}" in text and FORGED not in text
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await visitor.ws_connect(
                f"{site.url}/sip", protocols=["sip"], origin="https://evil.example"
            )
