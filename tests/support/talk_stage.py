"""A shop whose visitors speak from its page, with agents whose phones are browsers: all of it real.

The browser's microphone hears AGENT_HZ; pages may have another tone in its place.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from config.web_settings import load
from tests.support.browser import browser_with_microphone, executable, new_page, sign_in
from tests.support.dead_network import DeadNetwork
from tests.support.engines.process import EngineClient, StartEngine, write_config
from tests.support.ports import free_port
from tests.support.recording import write_tone_wav
from web.server import Gateway

AGENT_HZ, VISITOR_HZ = 700, 1100
QUIET_DB = -45.0
CONSENT = "I agree to speak."
PAGE = """<!doctype html><html lang="en"><title>A shop</title><h1>Prices</h1>
<script nonce="r4nd0m" async src="{url}/ringback.js" data-site="shop-key"></script>"""
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
# Whether a tone is heard, or no longer, within some seconds.
HEARS = """async ([hz, is]) => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  const until = Date.now() + 40000;
  let source, from, times = 0;
  while (Date.now() < until && times < (is ? 1 : 8)) {
    if (window.heard !== from) {
      from = window.heard;
      if (source) source.disconnect();
      source = context.createMediaStreamSource(from);
      source.connect(analyser);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const level = bins[Math.round(hz * analyser.fftSize / context.sampleRate)];
    times = (level > -60) === is ? times + 1 : 0;
  }
  await context.close();
  return times > 0;
}"""
# From now on `loudest` is the level of a tone at its loudest, in decibels.
LISTEN = """(hz) => {
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(window.heard).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  window.loudest = -Infinity;
  clearInterval(window.listens);
  window.listens = setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    const level = bins[Math.round(hz * analyser.fftSize / context.sampleRate)];
    window.loudest = Math.max(window.loudest, level);
  }, 20);
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
# As where nothing but the TURN server can be reached.
RELAY_ALONE = """window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
  construct: (kind, given) => new kind({ ...given[0], iceTransportPolicy: "relay" }) });"""
# The kinds of the two ends of each way that sound takes.
WAYS = """async () => {
  const found = [];
  for (const peer of peers) {
    const told = [...(await peer.getStats()).values()];
    const kind = (id) => told.find((one) => one.id === id).candidateType;
    for (const one of told) {
      if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded")
        found.push(`${kind(one.localCandidateId)} ${kind(one.remoteCandidateId)}`);
    }
  }
  return found;
}"""


class TalkStage:
    """The engine, the gateway at `url`, and a page of the shop at `shop`.

    Pages reach the engine's SIP at `server`.
    """

    def __init__(
        self,
        engine: EngineClient,
        url: str,
        shop: str,
        server: str,
        browser: Any,
        network: DeadNetwork | None = None,
    ) -> None:
        self.engine, self.url, self.shop, self.server = engine, url, shop, server
        self._browser, self._network = browser, network

    async def page(self, address: str, *scripts: str) -> Any:
        """A page of its own, in which these scripts run before its own."""
        page = await new_page(self._browser)
        for script in (EARS, *scripts):
            await page.add_init_script(script)
        if self._network is not None:
            await self._network.lead(page, address.removesuffix(urlsplit(address).path))
        await page.goto(address)
        return page

    async def agent(self, name: str, *scripts: str) -> Any:
        """The phone of an agent, signed in."""
        page = await self.page(f"{self.url}/phone", *scripts)
        await sign_in(page, token_of(name))
        await page.get_by_text("phone connected").wait_for()
        return page

    async def visitor(self, *scripts: str) -> Any:
        """A page of the shop whose visitor has pressed "Speak now", and is connected."""
        page = await self.page(f"{self.shop}/page", MICROPHONE % VISITOR_HZ, *scripts)
        await page.get_by_role("button", name="Call me now").click()
        await page.get_by_label("Name").fill("Ann")
        await page.get_by_label(CONSENT).check()
        await page.get_by_role("button", name="Speak now").click()
        await page.get_by_role("status").get_by_text("You are connected.").wait_for()
        return page


def token_of(agent: str) -> str:
    """What an agent signs in with."""
    return f"{agent}-signs-in-with-this"


async def talk_stage(
    stack: AsyncExitStack,
    start_engine: StartEngine,
    directory: Path,
    agents: tuple[str, ...] = ("anna",),
    network: DeadNetwork | None = None,
    serves: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> TalkStage:
    """All of it, until the stack is closed. The first agent serves the queue of the shop,
    others those of `serves`.

    `more` are sections of the engine's configuration. Pages reach it by `network`, where there is
    one. Skips where there is no browser.
    """
    executable()
    queues = {agents[0]: "sales", **serves}
    sip_port = free_port()
    reached_at = sip_port if network is None else await network.listen(sip_port)
    server = f"ws://127.0.0.1:{reached_at}"
    policy: dict[str, str] = {}
    html = {"text": ""}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=html["text"], content_type="text/html", headers=policy)

    shop = await _served(stack, answer)
    engine = await start_engine(
        **{
            "sip": {"listen": [f"udp:127.0.0.1:{free_port()}", f"ws:127.0.0.1:{sip_port}"]},
            "webrtc": {"rejoin_s": 60.0},
            "agents": [
                {"name": name, "uri": f"webrtc:{name}", "wrap_up_s": 0.5}
                | ({"queues": [queues[name]]} if name in queues else {})
                for name in agents
            ],
            "queues": [{"name": "sales"}],
            "rights": [
                {"name": name, "token": token_of(name), "agent": name} for name in agents
            ],
            "control": {"default_role": "administer"},
        } | more
    )  # fmt: skip
    site = {
        "key": "shop-key", "name": "shop.example", "origins": [shop], "queue": "sales",
        "speak": True, "consent": CONSENT,
    }  # fmt: skip
    own = {
        "listen": "127.0.0.1:0", "secret_file": str(directory / "web.secret"),
        "phone_server": server,
    }  # fmt: skip
    file = directory / "web.toml"
    control = {"socket": str(engine.process.socket)}
    write_config(file, {"control": control, "web": own, "sites": [site]})
    gateway = Gateway(str(file), load(file, environ={}))
    url = await stack.enter_async_context(gateway.serving())
    html["text"] = PAGE.format(url=url)
    policy["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-r4nd0m'; connect-src {url} {server}; "
        "require-trusted-types-for 'script'; trusted-types ringback"
    )
    tone = write_tone_wav(directory / "microphone.wav", AGENT_HZ, 5.0)
    return TalkStage(engine, url, shop, server, await browser_with_microphone(stack, tone), network)


async def _served(
    stack: AsyncExitStack, answer: Callable[[web.Request], Awaitable[web.Response]]
) -> str:
    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def heard(page: Any, hz: int) -> None:
    """The page plays this tone, now or within some seconds."""
    assert await page.evaluate(HEARS, [hz, True]), f"{hz} Hz is not heard"


async def both_heard(visitor: Any, agent: Any) -> None:
    """They hear each other now."""
    await heard(visitor, AGENT_HZ)
    await heard(agent, VISITOR_HZ)


async def not_heard(page: Any, hz: int) -> None:
    """The page no longer plays this tone."""
    assert await page.evaluate(HEARS, [hz, False]), f"{hz} Hz is heard"


async def not_heard_since(page: Any, hz: int, begun: Callable[[], Awaitable[None]]) -> None:
    """The page plays nothing of this tone from now on, while something is done."""
    await page.evaluate(LISTEN, hz)
    await begun()
    loudest = await page.evaluate("loudest")
    assert loudest < QUIET_DB, f"{hz} Hz was heard at {loudest} dB"
