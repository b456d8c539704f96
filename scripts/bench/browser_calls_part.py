"""Calls between agents' browsers and G.711 phones through the whole engine, and what they cost.

Each browser is signed in as `/phone` is. Its ICE and DTLS are those of a WebRTC process besides the
engine's, which stands for all browsers, so a packet passes the engine's media worker and two such
processes: the delay here is that of all three. The load peer has the sound of both ends.
"""

import asyncio
import itertools
from contextlib import AsyncExitStack
from string import ascii_lowercase
from typing import Any, Final, cast

import aiohttp
from msgspec import structs

from media.webrtc.messages import Candidate, IceDtls, IceServers
from media.webrtc_client import WebRtcClient, is_installed
from ringback_client import Client
from scripts.gateway_process import free_tcp_port
from scripts.load.driver import LoadPeerProcess
from scripts.load.sip_text import (
    SipText,
    answer_text,
    audio_address,
    read_sip,
    sdp_text,
    user_of,
)
from sip.sdp.description import parse_sdp
from sip.sdp.webrtc import IceCandidate, WebSide, read_web, to_web

from .browsers_part import DISCARD, add_heard
from .engine_process import EngineProcess
from .options import Options
from .phones_part import AGENT, LIMIT_S, PhonePage, phone_gateway, session_of
from .processes import command_line, cpu_s, descendants
from .report import Report, figure

PART: Final = "browser_calls"
AT_ONCE: Final = 4
"""Calls that are being set up: a handshake of DTLS costs both ends some milliseconds."""
SETTLE_S: Final = 2.0
HOST: Final = "127.0.0.1"
NAMES: Final = ["".join(letters) for letters in itertools.product(ascii_lowercase, repeat=2)]
"""Those of customers: digits in them would be looked at as a number."""
# No whisper; and calls are brought up however late a machine is that others use.
ENVIRONMENT: Final = {"RINGBACK_WHISPER__DEFAULT": "", "RINGBACK_DIAL__MAX_LATE_MS": "0"}
Address = tuple[str, int]


class Browsers:
    """The sound of all browsers: one WebRTC process. Each has a phone at an address of its own."""

    def __init__(self) -> None:
        self._client = WebRtcClient(IceServers(), lambda _change: None)

    async def answer(self, call_id: str, offer: bytes, phone: Address) -> tuple[Address, bytes]:
        """Where the phone of a browser that is called sends its sound to, and the answer."""
        web = read_web(parse_sdp(offer))
        candidates = tuple(Candidate(*structs.astuple(one)) for one in web.side.candidates)
        remote = IceDtls(
            web.side.ufrag, web.side.password, web.side.fingerprints, web.side.setup, candidates
        )
        own = await self._client.describe(call_id, remote)
        self._client.connect(call_id, *phone, DISCARD)
        local = own.local
        shown = tuple(IceCandidate(*structs.astuple(one)) for one in local.candidates)
        side = WebSide(local.ufrag, local.password, local.fingerprints, local.setup, shown)
        plain = parse_sdp(sdp_text(*phone).encode())
        return (HOST, own.port), to_web(plain, side, web.mid)

    async def close(self) -> None:
        """End the process."""
        await self._client.close()


class Customers(asyncio.DatagramProtocol):
    """Phones of customers: each answers at once, with its sound at `addresses`."""

    def __init__(self, addresses: list[Address]) -> None:
        self._addresses = addresses
        self._transport: asyncio.DatagramTransport | None = None
        self.called: list[asyncio.Future[Address]] = [
            asyncio.get_running_loop().create_future() for _ in addresses
        ]
        """Where each is to send its sound, once it has been called."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str | Any, int]) -> None:
        """A request of the engine."""
        request, transport = read_sip(data), self._transport
        if transport is None or request is None or request.method in ("", "ACK"):
            return
        sdp = ""
        if request.method == "INVITE":
            number = NAMES.index(user_of(request.uri))
            offered = audio_address(request.body)
            if offered is not None and not self.called[number].done():
                self.called[number].set_result(offered)
            sdp = sdp_text(*self._addresses[number])
        contact = f"sip:customer@{transport.get_extra_info('sockname')[0]}:{self.port}"
        answer = answer_text(request, 200, to_tag="answered", contact=contact, sdp=sdp)
        transport.sendto(answer, source)

    @property
    def port(self) -> int:
        """Where they are called."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])


class BrowserPhone(PhonePage):
    """A browser that answers each call; its sound is at `address`."""

    def __init__(
        self, name: str, session: aiohttp.ClientSession, browsers: Browsers, address: Address
    ) -> None:
        super().__init__(name, session)
        self._browsers = browsers
        self._address = address
        self.called: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        """Where it is to send its sound, once it has been called."""

    async def hear(self, phone: aiohttp.ClientWebSocketResponse) -> None:
        """Answer what the engine's SIP asks."""
        async for message in phone:
            request = read_sip(str(message.data).encode())
            if request is None or request.method in ("", "ACK"):
                continue
            sdp = await self._answer(request) if request.method == "INVITE" else ""
            contact = f"sip:{self.name}@{self.host};transport=ws"
            answer = answer_text(request, 200, to_tag="answered", contact=contact, sdp=sdp)
            await phone.send_str(answer.decode())

    async def _answer(self, invite: SipText) -> str:
        offer = invite.body.encode()
        address, answer = await self._browsers.answer(invite.call_id, offer, self._address)
        if not self.called.done():
            self.called.set_result(address)
        return answer.decode()


async def run(report: Report, options: Options) -> None:
    """Bring the calls up, and measure while everybody talks."""
    if not is_installed():
        report.notes.append(f"{PART}: skipped, aiortc is not installed")
        return
    count, loop = options.browsers, asyncio.get_running_loop()
    sip_port = free_tcp_port("127.0.0.1")
    more = "".join(AGENT.format(name=f"agent{number}") for number in range(count))
    browsers = Browsers()
    with LoadPeerProcess() as peer:
        places: list[Address] = [(host, port) for host, port in peer.ask("phones", count=2 * count)]
        transport, customers = await loop.create_datagram_endpoint(
            lambda: Customers(places[1::2]), local_addr=("127.0.0.1", 0)
        )
        listen = [f"ws:127.0.0.1:{sip_port}"]
        try:
            async with (
                EngineProcess(more, ENVIRONMENT, listen=listen) as engine,
                phone_gateway(engine, sip_port) as (url, _pid),
                AsyncExitStack() as stack,
            ):
                client = await stack.enter_async_context(await Client.connect(str(engine.socket)))
                turns, pairs = asyncio.Semaphore(AT_ONCE), []

                async def call(number: int) -> tuple[Address, Address]:
                    session = await session_of(stack, number)
                    phone = BrowserPhone(f"agent{number}", session, browsers, places[2 * number])
                    stack.push_async_callback(phone.close)
                    async with turns, asyncio.timeout(LIMIT_S):
                        await phone.sign_in(url, f"http://127.0.0.1:{sip_port}/")
                        to = f"sip:{NAMES[number]}@127.0.0.1:{customers.port}"
                        await client.callback(to=to, agent=phone.name)
                        return await phone.called, await customers.called[number]

                pairs = await asyncio.gather(*map(call, range(count)))
                peer.ask("feed", pairs=pairs)
                await asyncio.sleep(SETTLE_S)
                await _measure(report, peer, engine, count, options.browsers_s)
        finally:
            transport.close()
            await browsers.close()


async def _measure(
    report: Report, peer: LoadPeerProcess, engine: EngineProcess, count: int, duration_s: float
) -> None:
    """The delay, and the processors of the engine's worker and WebRTC process."""
    (web_rtc,) = (
        pid for pid in descendants(engine.pid) if b"media.webrtc.process" in command_line(pid)
    )
    pids = {"media worker": engine.worker_pid, "WebRTC process": web_rtc}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    window = await asyncio.to_thread(peer.ask, "window", s=duration_s)
    used = {name: 100 * (cpu_s(pid) - before[name]) / duration_s for name, pid in pids.items()}
    part = f"{PART} {count}"
    for name, share in used.items():
        report.figures.append(figure(part, f"{name} of a core", "%", [share], target=100.0))
    add_heard(report, part, ", worker and both WebRTC processes", window)
