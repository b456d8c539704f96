"""A visitor's page that shows its token: aiortc as the page, PJSIP as the agent's desk phone."""

import asyncio
from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.aiortc_browser import AiortcBrowser, field
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port
from tests.support.waiting import until

VISITOR_HZ, AGENT_HZ = 600, 1500
ORIGIN = "https://shop.example"
DOMAIN = "sip:ringback.invalid"


async def test_a_token_calls_its_queue_once_and_nothing_else(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    agent = await softphone(
        user="agent", tone=AGENT_HZ, answer_after=0.1, record=tmp_path / "agent.wav"
    )
    port = free_port()
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{port}"]},
        webrtc={"rejoin_s": 0.5},
        agents=[{"name": "alice", "uri": agent.uri, "queues": ["sales"]}],
        queues=[{"name": "sales"}],
    )
    url = f"http://127.0.0.1:{port}/"
    admission = {"site": "shop.example", "queue": "sales", "origin": ORIGIN}
    token = (await engine.line.call("browser.admit", **admission, context={"page": "/"}))["token"]
    shown = f"Authorization: Bearer {token}\r\n"

    async def refused(page: AiortcBrowser, call_id: str, more: str) -> bool:
        await page.send("INVITE", DOMAIN, call_id, more=more)
        return field(await page.until("SIP/2.0 403"), "Call-ID") == call_id

    async with AiortcBrowser(url, "visitor", tone_hz=1, origin="https://evil.example") as stranger:
        assert await refused(stranger, "other-site", shown)
        assert await refused(stranger, "forged", f"{shown[:-4]}xx\r\n")
        assert await refused(stranger, "none", "")
    async with AiortcBrowser(url, "visitor", tone_hz=VISITOR_HZ, origin=ORIGIN) as page:
        # Whatever number it asks for, it gets the queue of its site.
        asked = "sip:+442079460999@ringback.invalid"
        tag = await page.call(asked, "talk", more=shown)
        await until(lambda: page.power_at(AGENT_HZ) > 0.02)
        (call,) = (await engine.line.call("call.list"))["calls"]
        assert (call["queue"], call["site"], call["trunk"]) == ("sales", "shop.example", None)
        assert [leg["role"] for leg in call["legs"]] == ["customer", "agent"]
        refer = "Refer-To: <sip:+442079460999@ringback.invalid>\r\n"
        await page.send("REFER", asked, "talk", to_tag=f";tag={tag}", more=refer)
        assert field(await page.until("SIP/2.0 403"), "CSeq").endswith("REFER")
        assert await refused(page, "replayed", shown)
        own = f"Replaces: none;to-tag=1;from-tag=2\r\n{shown}"
        await page.send("INVITE", DOMAIN, "not-mine", more=own)
        assert field(await page.until("SIP/2.0 481"), "Call-ID") == "not-mine"
        await asyncio.sleep(0.6)  # they talk
    # The tab is closed: nobody says goodbye.
    ended = await engine.line.events.wait_for(
        lambda event: event["type"] == "call.ended" and event["call"] == call["call"],
        timeout_s=40.0,
    )
    assert ended["cause"] == "caller hung up"
    await agent.stop()
    assert agent.heard(tmp_path / "agent.wav").hears(VISITOR_HZ, for_s=0.4)
