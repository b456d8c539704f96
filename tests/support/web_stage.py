"""The web gateway in front of an engine that says what a test wants: every state of its pages."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, cast

import aiohttp
from aiohttp import web

from config.sites import Site
from config.web_settings import WebSettings
from ringback_client import Client, ClientError, EngineError
from web.admission import Admission
from web.agent_desk import AgentDesk
from web.api import Api
from web.callback_service import CallbackService
from web.client_address import ClientAddresses
from web.pages import Pages
from web.progress import Followers
from web.proof_of_work import ProofOfWork
from web.signing import Signing

KEY, TOKEN = "shop-key", "anna-signs-in-with-this"
HOUR_S = 3600.0
LINE = '<script async src="{url}/ringback.js" data-site="{key}"></script>'
SHOP = f'<!doctype html><html lang="en"><title>A shop</title><main><h1>Prices</h1></main>{LINE}'
"""A page with the form."""
STRICT = "default-src 'none'; script-src {url}; connect-src {url}; base-uri 'none'"
"""The policy of a page that trusts the gateway, and nothing else."""


class ScriptedEngine:
    """Takes the place of the engine's client; `availability`, `job`, `agent` are what it says."""

    def __init__(self) -> None:
        begins = time.time() // HOUR_S * HOUR_S + 20 * HOUR_S
        slots = [
            {"start": begins + n * HOUR_S, "end": begins + (n + 1) * HOUR_S, "left": 1}
            for n in range(8)
        ]
        self.availability: dict[str, Any] = {
            "open": True, "agents_free": 2, "expected_wait_s": 20.0, "opens_at": None,
            "slots": slots,
        }  # fmt: skip
        self.job: dict[str, Any] = {}
        self.requested: list[str] = []
        self.kept: list[dict[str, Any]] = []
        self.refusal: EngineError | None = None
        self.refusal_of_agents: EngineError | None = None
        self.lists: dict[str, list[str]] = {}
        self.is_away = False
        self.agent: dict[str, Any] = {
            "agent": "anna", "state": "available", "reason": None, "work": None,
            "outcome_due": None,
        }  # fmt: skip
        self.events_of_agents: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def call(self, method: str, /, **params: Any) -> Any:
        """Answer a request. Raises ClientError while it is away."""
        if self.is_away:
            raise ClientError("away")
        if method == "queue.availability":
            return self.availability
        if method == "callback.request":
            self.requested.append(params["to"])
            if self.refusal is not None:
                raise self.refusal
            self.job = {
                "id": params["id"], "state": "queued", "to": params["to"], "created": 1.0,
                "not_before": params.get("not_before"), "context": params["context"],
                "rating": None, "ended_at": None, "bridged_at": 1.0, "attempts": [],
            }  # fmt: skip
            return self.job
        if method == "callback.cancel":
            self.job |= {"state": "cancelled"}
        if method == "person.export":
            return {"items": self.kept, "cursor": None}
        if method == "person.erase":
            self.job |= {"to": "erased", "context": {}}
        if method == "browser.ice_servers":
            return {"ice_servers": []}
        if method == "agent.list":
            return {"agents": [self.agent], **self.lists}
        if method == "agent.ready" and self.refusal_of_agents is not None:
            raise self.refusal_of_agents
        if method.startswith("agent."):
            return self.agent
        return self.job

    def events(self, **_given: Any) -> "ScriptedStream":
        """Those that a test puts into `events_of_agents`."""
        return ScriptedStream(self)

    async def __aenter__(self) -> "ScriptedEngine":
        return self

    async def __aexit__(self, *_error: object) -> None:
        return None


class ScriptedStream:
    """The events of a scripted engine, which is asked by it, too."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self.call = engine.call
        self._events = engine.events_of_agents

    async def start(self) -> "ScriptedStream":
        """It is there."""
        return self

    async def __aenter__(self) -> "ScriptedStream":
        return self

    async def __aexit__(self, *_error: object) -> None:
        return None

    def __aiter__(self) -> "ScriptedStream":
        return self

    async def __anext__(self) -> dict[str, Any]:
        return await self._events.get()


class Stage:
    """The gateway at `url`, and a page of a shop at `shop`, whose markup is `html`."""

    def __init__(self, url: str, shop: str, engine: ScriptedEngine, follows: Followers) -> None:
        self.url, self.shop, self.engine = url, shop, engine
        self._followers = follows
        self.html, self.headers = "", {"Content-Security-Policy": ""}
        self.settings = WebSettings()

    def change(self, **more: Any) -> None:
        """The configuration is read anew, and the site has other keys."""
        site = self.settings.sites[0].model_copy(update=more)
        self.settings = self.settings.model_copy(update={"sites": [site]})

    def reach(self, state: str) -> None:
        """The callback is in this state now."""
        self.engine.job["state"] = state
        self._followers.tell(self.engine.job["id"])

    async def page(self, request: web.Request) -> web.Response:
        """The page of the shop."""
        html = self.html.replace("{url}", self.url).replace("{key}", KEY)
        return web.Response(text=html, content_type="text/html", headers=self.headers)


async def web_stage(stack: AsyncExitStack, **more: Any) -> Stage:
    """The gateway of a site, until the stack is closed. `more` are keys of the site."""
    session = await stack.enter_async_context(aiohttp.ClientSession())
    engine, followers, signing = ScriptedEngine(), Followers(100), Signing(b"s" * 32)
    stage = Stage("", "", engine, followers)
    shop = web.Application()
    shop.router.add_get("/{path:.*}", stage.page)
    stage.shop = await _served(stack, shop)
    site = Site(
        **{
            "key": KEY, "name": "shop.example", "origins": [stage.shop], "queue": "sales",
            "limits": {"per_address": 0, "per_number": 0, "per_network": 0},
        } | more
    )  # fmt: skip
    stage.settings = WebSettings(web={"phone_server": "ws://127.0.0.1:9"}, sites=[site])  # type: ignore[arg-type]
    service = CallbackService(cast(Client, engine), signing, followers)
    addresses = ClientAddresses([])
    admission = Admission(ProofOfWork(signing), session)
    api = Api(lambda: stage.settings, service, admission, signing, addresses)

    async def connect(token: str) -> Client:
        if token != TOKEN:
            raise EngineError("refused", "no such token", None, {})
        return cast(Client, engine)

    pages = Pages(lambda: stage.settings).routes()
    pages += AgentDesk(lambda: stage.settings, connect, addresses).routes()
    stage.url = await _served(stack, api.application(pages))
    return stage


async def _served(stack: AsyncExitStack, app: web.Application) -> str:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"
