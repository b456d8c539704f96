"""The codec of browsers: that of who they talk with, so that nothing is coded anew between them."""

from collections import deque
from functools import partial
from typing import Any

import pytest

from engine.routing.local_codecs import missing
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.aiortc_browser import AiortcBrowser
from tests.support.phones.real.baresip import Baresip
from tests.support.ports import free_port
from tests.support.waiting import until

VISITOR_HZ, AGENT_HZ = 600, 1500
ORIGIN = "https://shop.example"
TOKEN = "anna-signs-in-with-this"
MOST = 25
pytestmark = pytest.mark.skipif(bool(missing()), reason="; ".join(missing().values()))


class Payloads:
    """What a browser sends and gets in RTP packets, before it is encrypted and after."""

    def __init__(self, browser: AiortcBrowser) -> None:
        self.sent: set[bytes] = set()
        self.got: deque[bytes] = deque(maxlen=MOST)
        transport: Any = browser.peer.getSenders()[0].transport
        send, handle = transport._send_rtp, transport._handle_rtp_data

        async def sending(data: bytes) -> None:
            self.sent.add(data[-20:])  # whatever extensions its header has
            await send(data)

        async def handling(data: bytes, **more: Any) -> None:
            self.got.append(data[-20:])
            await handle(data, **more)

        transport._send_rtp, transport._handle_rtp_data = sending, handling

    def has_only(self, other: "Payloads") -> bool:
        """Whether all that came lately is what the other has sent."""
        return len(self.got) == MOST and set(self.got) <= other.sent


async def engine_with(own_engine: StartEngine, **more: Any) -> tuple[EngineClient, str]:
    """An engine whose agent Anna has a browser, and the URL of its WebSocket."""
    port = free_port()
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{port}"]},
        agents=[{"name": "anna", "uri": "webrtc:anna", "queues": ["sales"]}],
        queues=[{"name": "sales"}],
        rights=[{"name": "anna", "token": TOKEN, "agent": "anna"}],
        control={"default_role": "administer"},
        whisper={"default": ""},
        **more,
    )
    return engine, f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(
    ("codecs", "spoken"), [(["opus", "PCMU"], "opus"), ([], "PCMU"), (["PCMA"], "PCMA")]
)
async def test_a_page_and_the_browser_of_an_agent_have_one_codec_and_packets_pass_untouched(
    own_engine: StartEngine, codecs: list[str], spoken: str
) -> None:
    engine, url = await engine_with(own_engine, webrtc={"codecs": codecs})
    admission = {"site": "shop.example", "queue": "sales", "origin": ORIGIN}
    token = (await engine.line.call("browser.admit", **admission))["token"]
    async with (
        AiortcBrowser(url, "anna", tone_hz=AGENT_HZ) as agent,
        AiortcBrowser(url, "visitor", tone_hz=VISITOR_HZ, origin=ORIGIN) as page,
    ):
        assert (await agent.register(TOKEN)).startswith("SIP/2.0 200")
        proof = f"Authorization: Bearer {token}\r\n"
        await page.call("sip:ringback.invalid", "talk", more=proof)
        from_page = Payloads(page)
        invite = await agent.until("INVITE")
        await agent.answer(invite)
        from_agent = Payloads(agent)
        await until(lambda: page.power_at(AGENT_HZ) > 0.02)
        await until(lambda: agent.power_at(VISITOR_HZ) > 0.02)
        (call,) = (await engine.line.call("call.list"))["calls"]
        assert {leg["codec"] for leg in call["legs"]} == {spoken}
        # Whoever had decoded and encoded them would send others.
        for one, other in ((from_page, from_agent), (from_agent, from_page)):
            await until(partial(other.has_only, one))
        for browser in (page, agent):
            browser.received.clear()


async def test_the_browser_of_an_agent_has_the_codec_of_the_trunk_that_is_called_next(
    own_engine: StartEngine, tmp_path: Any
) -> None:
    customer = await Baresip.start(
        tmp_path, user="+442079460123", tone_hz=VISITOR_HZ, codecs="opus/48000/2"
    )
    carrier = {
        "name": "carrier", "uri": f"sip:127.0.0.1:{customer.port}", "codecs": ["opus", "PCMU"],
    }  # fmt: skip
    engine, url = await engine_with(
        own_engine, trunks=[carrier], routes=[{"prefix": "+", "trunks": ["carrier"]}]
    )
    async with AiortcBrowser(url, "anna", tone_hz=AGENT_HZ) as agent:
        assert (await agent.register(TOKEN)).startswith("SIP/2.0 200")
        job = await engine.callback("+442079460123", "anna")
        await agent.answer(await agent.until("INVITE"))
        await engine.state("bridged", job)
        await until(lambda: agent.power_at(VISITOR_HZ) > 0.02)
        (call,) = (await engine.line.call("call.list"))["calls"]
        assert [leg["codec"] for leg in call["legs"]] == ["opus", "opus"]
        await engine.line.call("callback.cancel", id=job)
        await agent.reply(await agent.until("BYE"), "200 OK")
        await engine.ended(job)
    await customer.stop()
    assert customer.heard().hears(AGENT_HZ, for_s=0.3)
