"""Web pages in a real browser: from the press of a button to two voices that hear each other.

Needs chromium (Debian package) and playwright (`pip install 'ringback[browser]'`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.web_settings import load
from tests.support.browser import new_page
from tests.support.engines.process import StartEngine, write_config
from tests.support.phones.real.softphone import StartPhone
from web.server import Gateway

AGENT_HZ, CUSTOMER_HZ = 700, 1100
DRAWN = """<!doctype html><html lang="en"><title>A shop</title><h1>Prices</h1>
<script async src="{url}/ringback.js" data-site="{key}"></script>"""
INTEGRATED = """<!doctype html><html lang="en"><title>A bank</title><div id="late"></div>
<script async src="{url}/ringback.js" data-site="{key}" data-field=".number" data-button=".call">
</script>
<script src="/late.js"></script>"""
LATE = """setTimeout(() => { document.getElementById("late").innerHTML =
'<input class="number" aria-label="Number"><button class="call">Call</button>'; }, 300);"""
STRICT = "default-src 'none'; script-src 'self' {url}; connect-src {url}"

Open = Callable[..., Awaitable[Any]]


class Shop:
    """A foreign web site: the page of each path, with a strict Content-Security-Policy."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.policy = ""

    async def serve(self, stack: AsyncExitStack) -> str:
        app = web.Application()
        app.router.add_get("/{path}", self._page)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _page(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        kind = "text/javascript" if path.endswith(".js") else "text/html"
        headers = {"Content-Security-Policy": self.policy}
        return web.Response(text=self.pages[path], content_type=kind, headers=headers)


@pytest.fixture
async def site(
    stack: AsyncExitStack,
    browser: Any,
    own_engine: StartEngine,
    softphone: StartPhone,
    tmp_path: Path,
) -> Open:
    """Opens a page of a site whose agent is a softphone and whose visitor has another."""
    agent = await softphone(
        user="agent", tone=AGENT_HZ, answer_after=0.2, record=tmp_path / "agent.wav"
    )
    visitor = await softphone(
        user="visitor", tone=CUSTOMER_HZ, answer_after=0.5, record=tmp_path / "visitor.wav"
    )
    shop = Shop()
    address = await shop.serve(stack)
    site = {
        "key": "shop-key", "name": "shop.example", "origins": [address], "queue": "sales",
        "consent": "I agree to be called.",
    }  # fmt: skip
    engine = await own_engine(
        agents=[{"name": "alice", "uri": agent.uri, "queues": ["sales"], "wrap_up_s": 0.5}],
        queues=[{"name": "sales"}],
        trunks=[{"name": "wire", "uri": visitor.uri.replace("visitor@", "")}],
        routes=[{"prefix": "+", "trunks": ["wire"]}],
    )
    file = tmp_path / "web.toml"
    own = {"listen": "127.0.0.1:0", "secret_file": str(tmp_path / "web.secret")}
    control = {"socket": str(engine.process.socket)}
    write_config(file, {"control": control, "web": own, "sites": [site]})
    gateway = Gateway(str(file), load(file, environ={}))
    url = await stack.enter_async_context(gateway.serving())
    shop.policy = STRICT.format(url=url)

    async def open_page(html: str, **context: Any) -> Any:
        shop.pages = {"page": html.format(url=url, key="shop-key"), "late.js": LATE}
        page = await new_page(browser, **context)
        await page.goto(f"{address}/page")
        page.engine, page.gateway, page.address = engine, url, address
        page.phones = agent, visitor
        return page

    return open_page


async def ask_for_a_call(page: Any, number: str = "020 7946 0123") -> None:
    await page.get_by_role("button", name="Call me now").click()
    await page.get_by_label("Telephone number").fill(number)
    await page.get_by_label("Name").fill("Ann")
    await page.get_by_label("I agree to be called.").check()
    await page.get_by_role("button", name="Call me", exact=True).click()


async def test_a_callback_from_the_press_to_the_rating(site: Open, tmp_path: Path) -> None:
    page = await site(DRAWN)
    await ask_for_a_call(page)
    await page.get_by_role("status").get_by_text("You are talking.").wait_for()
    (job,) = (await page.engine.line.call("callback.list"))["jobs"]
    assert (job["state"], job["to"]) == ("bridged", "+442079460123")
    assert job["context"]["name"] == "Ann"
    assert job["context"]["title"] == "A shop"
    assert job["context"]["page"] == f"{page.address}/page"
    assert job["context"]["consent"]["text"] == "I agree to be called."
    await asyncio.sleep(2.0)  # they talk
    await page.engine.line.call("call.hangup", call=job["attempts"][0]["call"])
    await page.get_by_role("status").get_by_text("The call is over. Thank you!").wait_for()
    await page.get_by_role("button", name="5 / 5").click()
    await page.get_by_role("status").get_by_text("Thank you!", exact=True).wait_for()
    assert (await page.engine.line.call("callback.get", id=job["id"]))["rating"] == 10
    assert page.faults == []
    agent, visitor = page.phones
    await asyncio.gather(agent.stop(), visitor.stop())
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=0.6)
    assert visitor.heard(tmp_path / "visitor.wav").hears(AGENT_HZ, for_s=0.6)


async def test_the_own_field_and_button_of_a_page_that_renders_late(site: Open) -> None:
    page = await site(INTEGRATED)
    await page.get_by_label("Number").fill("020 7946 0123")
    await page.get_by_role("button", name="Call", exact=True).click()
    await page.get_by_role("status").get_by_text("You are talking.").wait_for()
    (job,) = (await page.engine.line.call("callback.list"))["jobs"]
    await page.engine.line.call("callback.cancel", id=job["id"])
    assert page.faults == []
