"""Agents with browser phones: what many cost that are signed in, and how soon each sees a change.

Each is two real WebSockets, as `/phone` opens them: one to the gateway, which the agent's state
comes by, and one to the engine's SIP, where the browser is registered. Gateway and engine are
processes of their own.
"""

import asyncio
import hashlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from media.webrtc_client import is_installed
from ringback_client import Client
from scripts.gateway_process import free_tcp_port, gateway_process

from .callbacks import spread
from .engine_process import EngineProcess
from .options import Options
from .processes import cpu_s
from .report import Report, figure, percentile

PART: Final = "phones"
CHANGES_A_S: Final = 7.0
CORE_TARGET: Final = 10.0
SHOWN_TARGET_MS: Final = 300.0
LIMIT_S: Final = 60.0
SETTLE_S: Final = 3.0

GATEWAY = """
[web]
listen = "127.0.0.1:{port}"
secret_file = "{directory}/web.secret"
phone_server = "ws://127.0.0.1:{sip_port}"
[control]
socket = "{socket}"
[log]
level = "error"
"""
AGENT = """
[[agents]]
name = "{name}"
uri = "webrtc:{name}"
[[rights]]
name = "{name}"
token = "{name}-signs-in-with-this"
agent = "{name}"
"""


class PhonePage:
    """The page of one agent: it is signed in at the gateway, and its browser at the engine."""

    def __init__(self, name: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._session = session
        self.host = f"{secrets.token_hex(6)}.invalid"
        self._states: list[tuple[str, float]] = []
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def sign_in(self, gateway: str, sip: str) -> None:
        """Open both WebSockets, and stay there."""
        token = f"{self.name}-signs-in-with-this"
        line = await self._session.ws_connect(f"{gateway}/phone/line", origin=gateway)
        await line.send_json({"token": token, "language": "en"})
        first = await line.receive_json(timeout=LIMIT_S)
        if first.get("agent", {}).get("agent") != self.name:
            raise RuntimeError(f"{self.name} is not signed in: {first}")
        phone = await self._session.ws_connect(sip, protocols=("sip",), origin=gateway)
        challenge = await self._register(phone, "")
        realm, nonce = (_quoted(challenge, name) for name in ("realm", "nonce"))
        answer = await self._register(phone, _proof(self.name, token, realm, nonce))
        if not answer.startswith("SIP/2.0 200"):
            raise RuntimeError(f"{self.name} is not registered: {answer}")
        self._tasks = [
            asyncio.create_task(self._read(line)),
            asyncio.create_task(self.hear(phone)),
        ]

    async def hear(self, phone: aiohttp.ClientWebSocketResponse) -> None:
        """Take what the engine's SIP sends: nothing, where nobody calls."""
        async for _message in phone:
            pass

    async def _register(self, phone: aiohttp.ClientWebSocketResponse, proof: str) -> str:
        credentials = f"Authorization: Digest {proof}\r\n" if proof else ""
        await phone.send_str(
            "REGISTER sip:ringback SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {self.host};branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.name}@ringback>;tag=page\r\n"
            f"To: <sip:{self.name}@ringback>\r\nCall-ID: {self.host}\r\n"
            f"CSeq: {2 if proof else 1} REGISTER\r\n"
            f"Contact: <sip:{self.name}@{self.host};transport=ws>\r\n"
            f"Expires: 600\r\n{credentials}Content-Length: 0\r\n\r\n"
        )
        return str(await phone.receive_str(timeout=LIMIT_S))

    async def _read(self, line: aiohttp.ClientWebSocketResponse) -> None:
        async for message in line:
            event = json.loads(message.data).get("event", {})
            kind: str = event.get("type", "")
            if kind.startswith("agent.") and event.get("agent") == self.name:
                self._states.append((kind.partition(".")[2], time.monotonic()))
                self._changed.set()

    async def shows(self, state: str, since: float) -> float:
        """Wait until the page has this state; how long after `since` it came, in ms."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for one, at in self._states:
                    if one == state and at >= since:
                        return (at - since) * 1e3
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        """Read nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def run(report: Report, options: Options) -> None:
    """So many agents, at rest and while some of them change."""
    if not is_installed():
        report.notes.append(f"{PART}: skipped, aiortc is not installed")
        return
    names = [f"agent{number}" for number in range(options.phones)]
    sip_port = free_tcp_port("127.0.0.1")
    more = "".join(AGENT.format(name=name) for name in names)
    async with (
        EngineProcess(more, listen=[f"ws:127.0.0.1:{sip_port}"]) as engine,
        phone_gateway(engine, sip_port) as (url, web_pid),
        AsyncExitStack() as stack,
    ):
        pages = [PhonePage(name, await session_of(stack, at)) for at, name in enumerate(names)]
        for page in pages:
            stack.push_async_callback(page.close)
            await page.sign_in(url, f"http://127.0.0.1:{sip_port}/")
        client = await stack.enter_async_context(await Client.connect(str(engine.socket)))
        await asyncio.sleep(SETTLE_S)
        pids = engine.pid, web_pid
        rest = await _share(pids, asyncio.sleep(options.phones_s))
        count = int(CHANGES_A_S * options.phones_s)
        shown: list[float] = []
        busy = await _share(pids, _changes(client, pages, count, shown))
    part, add = f"{PART} {options.phones}", report.figures.append
    add(figure(part, "engine and gateway of a core, at rest", "%", [rest], target=CORE_TARGET))
    what = f"the same at {CHANGES_A_S:g} changes of state a second"
    add(figure(part, what, "%", [busy], target=CORE_TARGET))
    for name, value in (("p50", percentile(shown, 50)), ("p99", percentile(shown, 99)),
                        ("most", max(shown))):  # fmt: skip
        target = SHOWN_TARGET_MS if name == "most" else None
        add(figure(part, f"a change at its page after, {name}", "ms", [value], target=target))


async def session_of(stack: AsyncExitStack, number: int) -> aiohttp.ClientSession:
    """What the page of this number connects with: each is at a place of its own."""
    host = f"127.9.{number // 250}.{number % 250 + 1}"
    connector = aiohttp.TCPConnector(local_addr=(host, 0))
    return await stack.enter_async_context(aiohttp.ClientSession(connector=connector))


async def _changes(client: Client, pages: list[PhonePage], count: int, shown: list[float]) -> None:
    """Send agents into a pause and back, evenly in time; `shown` is when their pages knew."""

    async def one(number: int) -> None:
        page = pages[number // 2 % len(pages)]
        method, state = (
            ("agent.pause", "paused") if number % 2 == 0 else ("agent.ready", "available")
        )
        began = time.monotonic()
        await client.call(method, agent=page.name)
        shown.append(await page.shows(state, began))

    await spread(count, CHANGES_A_S, one)


async def _share(pids: tuple[int, ...], work: Any) -> float:
    """How much of a core these processes use together while something is done, in percent."""
    before, began = sum(map(cpu_s, pids)), time.monotonic()
    await work
    return 100 * (sum(map(cpu_s, pids)) - before) / (time.monotonic() - began)


@asynccontextmanager
async def phone_gateway(engine: EngineProcess, sip_port: int) -> AsyncIterator[tuple[str, int]]:
    """`ringback web` with phones: its URL, and its process."""
    with TemporaryDirectory(prefix="ringback-bench-phones-") as directory:
        port = free_tcp_port("127.0.0.1")
        file = Path(directory) / "web.toml"
        file.write_text(
            GATEWAY.format(port=port, directory=directory, socket=engine.socket, sip_port=sip_port)
        )
        async with gateway_process(file, "127.0.0.1", port) as pid:
            yield f"http://127.0.0.1:{port}", pid


def _proof(user: str, token: str, realm: str, nonce: str) -> str:
    """The parameters of Authorization (RFC 7616), by the algorithm that libraries know."""

    def digest(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    uri, cnonce = "sip:ringback", secrets.token_hex(8)
    whole = f"{digest(f'{user}:{realm}:{token}')}:{nonce}:00000001:{cnonce}:auth"
    response = digest(f"{whole}:{digest(f'REGISTER:{uri}')}")
    return (
        f'username="{user}",realm="{realm}",nonce="{nonce}",uri="{uri}",response="{response}",'
        f'cnonce="{cnonce}",nc=00000001,qop=auth,algorithm=MD5'
    )


def _quoted(challenge: str, name: str) -> str:
    last = re.findall(r"^WWW-Authenticate: *(.*)$", challenge, re.MULTILINE)[-1]
    found = re.search(rf'{name}="([^"]*)"', last)
    return "" if found is None else found[1]
