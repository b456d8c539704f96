"""A visitor who speaks from a web page, in a real browser, with an agent whose phone is a browser.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.web_settings import load
from tests.support.browser import browser_with_microphone, executable, new_page
from tests.support.engines.process import StartEngine, write_config
from tests.support.ports import free_port
from tests.support.recording import write_tone_wav
from web.server import Gateway

AGENT_HZ, VISITOR_HZ = 700, 1100
TOKEN = "anna-signs-in-with-this"
CONSENT = "I agree to speak."
PAGE = """<!doctype html><html lang="en"><title>A shop</title><h1>Prices</h1>
<script async src="{url}/ringback.js" data-site="shop-key"></script>"""
# A microphone that hears a tone, in place of the one that all pages of the browser have.
MICROPHONE = """navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), tone = context.createOscillator();
  const out = context.createMediaStreamDestination();
  tone.frequency.value = %d;
  tone.connect(out);
  tone.start();
  return out.stream;
};"""
REFUSED = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('refused'))"
# What the page plays, wherever it plays it.
EARS = """window.sockets = [];
window.peers = [];
for (const [name, list] of [["WebSocket", sockets], ["RTCPeerConnection", peers]]) {
  window[name] = new Proxy(window[name], { construct: (kind, given) => {
    const made = new kind(...given);
    list.push(made);
    return made;
  } });
}
const connect = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
  get() { return connect.get.call(this); },
  set(stream) { window.heard = stream; connect.set.call(this, stream); },
});"""
# Whether a tone is heard within some seconds.
HEARS = """async (hz) => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  const until = Date.now() + 40000;
  let source, from;
  while (Date.now() < until) {
    if (window.heard !== from) {
      from = window.heard;
      if (source) source.disconnect();
      source = context.createMediaStreamSource(from);
      source.connect(analyser);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    if (bins[Math.round(hz * analyser.fftSize / context.sampleRate)] > -60) return true;
  }
  return false;
}"""


# The name of the other side in ICE, once the sound of the peer of this number has another way.
WAY = """async ([number, before]) => {
  const until = Date.now() + 40000;
  while (Date.now() < until) {
    const peer = window.peers[number - 1], told = peer && peer.remoteDescription;
    const name = told && /ice-ufrag:(.*)/.exec(told.sdp)[1];
    if (name && name !== before && peer.iceConnectionState === "connected") return name;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("there is no other way");
}"""


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def shop(stack: AsyncExitStack, own_engine: StartEngine, tmp_path: Path) -> Any:
    """A browser, the engine, and the pages of a shop and of its agent."""
    executable()
    sip_port = free_port()
    html = {"text": ""}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=html["text"], content_type="text/html", headers=policy)

    policy: dict[str, str] = {}
    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    engine = await own_engine(
        sip={"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{sip_port}"]},
        webrtc={"rejoin_s": 60.0},
        agents=[{"name": "anna", "uri": "webrtc:anna", "queues": ["sales"], "wrap_up_s": 0.5}],
        queues=[{"name": "sales"}],
        rights=[{"name": "anna", "token": TOKEN, "agent": "anna"}],
        control={"default_role": "administer"},
    )
    file = tmp_path / "web.toml"
    server = f"ws://127.0.0.1:{sip_port}"
    own = {
        "listen": "127.0.0.1:0", "secret_file": str(tmp_path / "web.secret"),
        "phone_server": server,
    }  # fmt: skip
    site = {
        "key": "shop-key", "name": "shop.example", "origins": [origin], "queue": "sales",
        "speak": True, "consent": CONSENT,
    }  # fmt: skip
    control = {"socket": str(engine.process.socket)}
    write_config(file, {"control": control, "web": own, "sites": [site]})
    gateway = Gateway(str(file), load(file, environ={}))
    url = await stack.enter_async_context(gateway.serving())
    html["text"] = PAGE.format(url=url)
    policy["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {url}; connect-src {url} {server}"
    )
    tone = write_tone_wav(tmp_path / "microphone.wav", AGENT_HZ, 5.0)
    browser = await browser_with_microphone(stack, tone)

    async def page_at(address: str, *scripts: str) -> Any:
        page = await new_page(browser)
        for script in (EARS, *scripts):
            await page.add_init_script(script)
        await page.goto(address)
        return page

    page_at.engine, page_at.url, page_at.origin = engine, url, origin  # type: ignore[attr-defined]
    return page_at


async def heard(visitor: Any, agent: Any) -> None:
    """Both hear each other now."""
    assert await visitor.evaluate(HEARS, AGENT_HZ)
    assert await agent.evaluate(HEARS, VISITOR_HZ)


async def test_a_talk_from_the_page_to_the_browser_of_an_agent(shop: Any) -> None:
    agent = await shop(f"{shop.url}/phone")
    await agent.get_by_label("Token").fill(TOKEN)
    await agent.get_by_role("button", name="Sign in").click()
    await agent.get_by_text("phone connected").wait_for()
    visitor = await shop(f"{shop.origin}/page", MICROPHONE % VISITOR_HZ)
    await visitor.get_by_role("button", name="Call me now").click()
    await visitor.get_by_label("Name").fill("Ann")
    speak = visitor.get_by_role("button", name="Speak now")
    await speak.click()
    await visitor.get_by_role("alert").get_by_text("Please agree first.").wait_for()
    await visitor.get_by_label(CONSENT).check()
    await visitor.evaluate(f"() => {{ {REFUSED} }}")
    await speak.click()
    await visitor.get_by_role("alert").get_by_text("Your microphone cannot be used.").wait_for()
    assert await visitor.get_by_label("Telephone number").is_visible()
    await visitor.evaluate(f"() => {{ {MICROPHONE % VISITOR_HZ} }}")
    await speak.click()
    await visitor.get_by_role("status").get_by_text("You are connected.").wait_for()
    await agent.get_by_role("button", name="Answer").click()
    await heard(visitor, agent)
    for page in (visitor, agent):  # the network is another one
        before = await page.evaluate(WAY, [1, ""])
        await page.evaluate("dispatchEvent(new Event('online'))")
        await page.evaluate(WAY, [1, before])
        assert await page.evaluate("peers.length") == 1
        await heard(visitor, agent)
    for page in (visitor, agent):  # the connection is lost
        await page.evaluate("sockets.at(-1).close()")
        await page.evaluate(WAY, [2, ""])
        await heard(visitor, agent)
    for page in (visitor, agent):
        await page.reload()
        await page.evaluate(WAY, [1, ""])
        await heard(visitor, agent)
    (call,) = (await shop.engine.line.call("call.list"))["calls"]
    assert (call["site"], call["queue"], call["trunk"]) == ("shop.example", "sales", None)
    assert call["context"]["name"] == "Ann"
    assert call["context"]["page"] == f"{shop.origin}/page"
    assert call["context"]["consent"]["text"] == CONSENT
    shop.engine.process.rewrite_config(webrtc={"rejoin_s": 0.5})
    await shop.engine.line.call("engine.reload")
    await visitor.close()
    await agent.get_by_role("button", name="Hang up").wait_for(state="hidden")
    assert (await shop.engine.line.call("call.list"))["calls"] == []
    assert agent.faults == [] and visitor.faults == []
