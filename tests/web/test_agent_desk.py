"""The line between an agent's page and the engine: who may, what may be asked, and what is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from config.web_settings import WebSettings
from ringback_client import Client, EngineError, NoEngine
from ringback_client.errors import Kind
from tests.support.engines.in_process import running, settings_in
from web import agent_desk
from web.agent_desk import AgentDesk
from web.client_address import ClientAddresses
from web.texts import texts

NO_ROOM = EngineError("unavailable", "all places for connections are taken")
FULL = "Too many agents are signed in."
NO_ENGINE = texts("en")["phone"]["engine"]
ANNA = {"agent": "anna", "state": "available"}
SERVER = "wss://calls.example:5062"

_GONE = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
ICE = [{"urls": "stun:192.0.2.3"}]


class Engine:
    """A client of an engine, as the test says what it answers."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.agents: list[dict[str, Any]] = [ANNA]
        self.happened: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.refuses: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_closed = False
        self.has_no_room = False

    async def connect(self, token: str) -> Client:
        self.tokens.append(token)
        if self.refuses is not None:
            raise self.refuses
        return cast(Client, self)

    async def __aenter__(self) -> "Engine":
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.is_closed = True

    async def call(self, method: str, **params: Any) -> Any:
        if method == "agent.list":
            return {"agents": self.agents, "pause_reasons": ["lunch"]}
        if method == "browser.ice_servers":
            return {"ice_servers": ICE}
        await self.gate.wait()
        self.calls.append((method, params))
        if method == "agent.pause":
            raise EngineError("refused", "that is no reason", "reason")
        if method == "call.list":
            raise NoEngine("the engine is gone")
        return ANNA

    def events(self) -> "Stream":
        return Stream(self)


class Stream:
    """The events of an engine, and requests by the connection that they come by."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start(self) -> "Stream":
        if self._engine.has_no_room:
            raise NO_ROOM
        return self

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(self, *_error: object) -> None:
        return None

    async def call(self, method: str, **params: Any) -> Any:
        assert self._engine.is_closed  # a page has one connection, and no two
        return await self._engine.call(method, **params)

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> dict[str, Any]:
        event = await self._engine.happened.get()
        if event["type"] == "refused":
            raise EngineError("refused", "the token is no more")
        return event


@pytest.fixture
def engine() -> Engine:
    return Engine()


@asynccontextmanager
async def page(engine: Engine, **section: object) -> AsyncIterator[TestClient[Any, Any]]:
    settings = WebSettings.model_validate({"web": {"phone_server": SERVER} | section})
    app = web.Application()
    app.add_routes(AgentDesk(lambda: settings, engine.connect, ClientAddresses([])).routes())
    async with TestClient(TestServer(app)) as client:
        yield client


def origin(client: TestClient[Any, Any]) -> str:
    return f"http://{client.host}:{client.port}"


@asynccontextmanager
async def line(
    client: TestClient[Any, Any], token: object = "anna-signs-in"
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with client.ws_connect("/phone/line", origin=origin(client)) as socket:
        await socket.send_json({"token": token})
        yield socket


async def ask(socket: aiohttp.ClientWebSocketResponse, method: object, params: object) -> Any:
    await socket.send_json({"id": 7, "method": method, "params": params})
    return await socket.receive_json(timeout=40)


async def test_a_page_is_told_who_it_is_and_where_sip_is(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        assert await socket.receive_json(timeout=40) == {
            "agent": ANNA,
            "server": SERVER,
            "ice_servers": ICE,
            "pause_reasons": ["lunch"],
            "outcomes": [],
        }
        assert engine.tokens == ["anna-signs-in"]


async def test_requests_go_to_the_engine_and_its_words_come_back(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        assert await ask(socket, "agent.ready", {"agent": "anna"}) == {"id": 7, "result": ANNA}
        assert await ask(socket, "agent.pause", {"agent": "anna"}) == {
            "id": 7,
            "error": "that is no reason",
            "kind": "refused",
            "code": "refused",
        }
        gone = {"id": 7, "error": "the engine is gone", "code": "lost"}
        assert await ask(socket, "call.list", {}) == gone
    assert engine.calls[0] == ("agent.ready", {"agent": "anna"})


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("engine.reload", {}),
        ("callback.request", {"to": "+442079460123"}),
        (None, {}),
        (["agent.get"], {}),
        ("agent.get", ["anna"]),
    ],
)
async def test_nothing_else_is_passed_on(engine: Engine, method: object, params: object) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        answer = await ask(socket, method, params)
        assert answer == {"id": 7, "error": "there is no such request", "code": "bad_request"}
    assert engine.calls == []


async def test_events_come_as_they_happen(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        event = {"type": "agent.ringing", "agent": "anna"}
        engine.happened.put_nowait(event)
        assert await socket.receive_json(timeout=40) == {"event": event}


async def test_a_page_whose_events_end_is_cut_off(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        engine.happened.put_nowait({"type": "refused"})
        assert (await socket.receive(timeout=40)).type is aiohttp.WSMsgType.CLOSE


async def test_a_page_that_sends_anything_but_text_is_cut_off(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        await socket.send_bytes(b"{}")
        assert (await socket.receive(timeout=40)).type is aiohttp.WSMsgType.CLOSE
        assert engine.is_closed and engine.calls == []


async def test_too_many_requests_at_once_are_refused(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_desk, "MOST_WAITING", 2)
    engine.gate.clear()
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        for _ in range(3):
            await socket.send_json({"id": 1, "method": "agent.get", "params": {}})
        answer = await socket.receive_json(timeout=40)
        assert answer == {"id": 1, "error": "too many requests at once", "code": "too_many"}
        engine.gate.set()


@pytest.mark.parametrize(
    ("refuses", "told"),
    [
        (EngineError("refused", "wrong"), {"refused": "The token was not accepted."}),
        # The page keeps its token, and comes again: the engine is being started again.
        (NoEngine("it is not there"), {"waits": NO_ENGINE}),
        (NO_ROOM, {"waits": FULL}),
    ],
)
async def test_a_token_that_the_engine_does_not_take(
    engine: Engine, refuses: Exception, told: dict[str, str]
) -> None:
    engine.refuses = refuses
    async with page(engine) as client, line(client) as socket:
        assert await socket.receive_json(timeout=40) == told
        assert (await socket.receive(timeout=40)).type is aiohttp.WSMsgType.CLOSE


async def test_an_engine_that_goes_while_a_page_signs_in(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_method: str, **_params: Any) -> Any:
        raise NoEngine("it is gone")

    monkeypatch.setattr(engine, "call", gone)
    async with page(engine) as client, line(client) as socket:
        assert await socket.receive_json(timeout=40) == {"waits": NO_ENGINE}


async def test_an_engine_without_room_is_no_wrong_token(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_desk, "WRONG_AN_HOUR", 1)
    engine.refuses = NO_ROOM
    async with page(engine) as client:
        for _ in range(3):
            async with line(client) as socket:
                assert await socket.receive_json(timeout=40) == {"waits": FULL}
        engine.refuses, engine.has_no_room = None, True
        async with line(client) as socket:
            assert await socket.receive_json(timeout=40) == {"waits": FULL}
        engine.has_no_room = False
        async with line(client) as socket:
            assert (await socket.receive_json(timeout=40))["agent"] == ANNA


async def test_pages_without_a_token_keep_no_agent_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_desk, "MOST_UNKNOWN", 2)
    async with page(engine) as client, AsyncExitStack() as stack:
        silent = [
            await stack.enter_async_context(client.ws_connect("/phone/line", origin=origin(client)))
            for _ in range(4)
        ]
        async with line(client) as socket:
            assert (await socket.receive_json(timeout=40))["agent"] == ANNA
        for one in silent[:2]:
            assert (await one.receive(timeout=40)).type in _GONE


async def test_too_many_agents_are_told_so_and_come_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_desk, "MOST_LINES", 0)
    async with page(engine) as client, line(client) as socket:
        assert await socket.receive_json(timeout=40) == {"waits": "Too many agents are signed in."}


async def test_who_guesses_tokens_is_not_heard_for_a_while(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_desk, "WRONG_AN_HOUR", 2)
    engine.refuses = EngineError("refused", "wrong")
    async with page(engine) as client:
        for _ in range(3):
            async with line(client) as socket:
                await socket.receive_json(timeout=40)
        answer = await client.get("/phone/line", headers={"Origin": origin(client)})
        assert answer.status == 429
    assert len(engine.tokens) == 3


@pytest.mark.parametrize("token", [None, "", 7, {"a": 1}])
async def test_what_is_no_token(engine: Engine, token: object) -> None:
    async with page(engine) as client, line(client, token) as socket:
        assert await socket.receive_json(timeout=40) == {"refused": "The token was not accepted."}
    assert engine.tokens == []


async def test_a_page_is_refused_in_its_own_language(engine: Engine) -> None:
    engine.refuses = EngineError("refused", "wrong")
    for language, known in (("de-AT", "de"), ("tlh", "en"), (7, "en"), (None, "en")):
        async with page(engine) as client:
            socket = await client.ws_connect("/phone/line", origin=origin(client))
            await socket.send_json({"token": "x", "language": language})
            told = await socket.receive_json(timeout=40)
            assert told == {"refused": texts(known)["phone"]["refused"]}


@pytest.mark.parametrize("agents", [[], [ANNA, {"agent": "bert"}]])
async def test_a_token_that_is_not_one_agents(engine: Engine, agents: list[Any]) -> None:
    engine.agents = agents
    async with page(engine) as client, line(client) as socket:
        assert await socket.receive_json(timeout=40) == {
            "refused": texts("en")["phone"]["no_agent"]
        }


async def test_who_sends_no_request_at_all_is_cut_off(engine: Engine) -> None:
    async with page(engine) as client, line(client) as socket:
        await socket.receive_json(timeout=40)
        await socket.send_str("[1, 2")
        assert (await socket.receive(timeout=40)).type is aiohttp.WSMsgType.CLOSE
    assert engine.is_closed


@pytest.mark.parametrize("foreign", ["https://evil.example", "null", ""])
async def test_a_foreign_page_is_refused(engine: Engine, foreign: str) -> None:
    async with page(engine) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/phone/line", origin=foreign or None)
        assert refused.value.status == 403
    assert engine.tokens == []


async def test_the_public_address_is_our_own(engine: Engine) -> None:
    async with (
        page(engine, public_url="https://desk.example") as client,
        client.ws_connect("/phone/line", origin="https://desk.example") as socket,
    ):
        await socket.send_json({"token": "anna-signs-in"})
        assert "agent" in await socket.receive_json(timeout=40)


async def test_there_is_none_without_a_server(engine: Engine) -> None:
    async with page(engine, phone_server="") as client:
        assert (await client.get("/phone/line")).status == 404


async def answered(
    socket: aiohttp.ClientWebSocketResponse, method: str, params: dict[str, str]
) -> Any:
    """The answer to a request, however many events come before it: each is of anna."""
    message = await ask(socket, method, params)
    while "event" in message:
        assert message["event"].get("agent") in (None, "anna")
        message = await socket.receive_json(timeout=40)
    return message


TWO_AGENTS = """
[[agents]]
name = "anna"
uri = "sip:anna@127.0.0.1:9"
[[agents]]
name = "bert"
uri = "sip:bert@127.0.0.1:9"
[[rights]]
name = "anna"
agent = "anna"
token = "anna-signs-in-with-this"
"""


async def test_a_page_gets_nothing_of_another_agent(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, more=TWO_AGENTS)
    async with running(settings) as (_daemon, client):
        job = await client.callback(to="+442079460123", agent="bert", not_before=4e9)

        async def connect(token: str) -> Client:
            return await Client.connect(str(settings.control.socket), token=token)

        web_settings = WebSettings.model_validate({"web": {"phone_server": SERVER}})
        app = web.Application()
        app.add_routes(AgentDesk(lambda: web_settings, connect, ClientAddresses([])).routes())
        async with TestClient(TestServer(app)) as page:
            socket = await page.ws_connect("/phone/line", origin=origin(page))
            await socket.send_json({"token": "anna-signs-in-with-this"})
            told = await socket.receive_json(timeout=40)
            assert told["agent"]["agent"] == "anna"
            for method, params in (
                ("agent.get", {"agent": "bert"}), ("agent.pause", {"agent": "bert"}),
                ("callback.get", {"id": job["id"]}), ("call.hangup", {"call": "of-bert"}),
                ("callback.annotate", {"id": job["id"], "notes": "mine"}),
                ("call.transfer", {"call": "of-bert", "to": "anna"}),
            ):  # fmt: skip
                assert (await answered(socket, method, params)).get("error"), method
            await client.call("callback.annotate", id=job["id"], notes="of bert's")
            assert (await answered(socket, "call.list", {}))["result"]["calls"] == []


@pytest.mark.parametrize(
    ("kind", "field", "data", "code"),
    [
        ("state", "agent", {"outcome_due": "job-1"}, "outcome_due"),
        ("refused", "outcome", {"outcomes": ["sold"]}, "outcome"),
        ("refused", "reason", {"reasons": ["lunch"]}, "pause_reason"),
        ("refused", "call", {"role": "supervise", "had": "none"}, "no_right"),
        ("unavailable", "agent", {"seats": 3}, "seats"),
        ("refused", "to", {"policy": "do_not_call"}, "not_called"),
        ("refused", "to", {"policy": "cost"}, "too_often"),
        ("refused", "to", {"policy": "hours"}, "hours"),
        ("refused", "to", {"reason": "no_number"}, "number"),
        ("refused", "to", {"line_type": "short_code"}, "number"),
        ("not_found", "to", {}, "number"),
        ("refused", "to", {}, ""),  # such as: the target is a party of this call
        ("not_found", "queue", {}, "unknown_queue"),
        ("unavailable", "queue", {"reason": "full"}, "full"),
        ("unavailable", None, {"reason": "overload"}, "busy"),
        ("unavailable", None, {"reason": "something new"}, "unavailable"),
        ("state", "agent", {}, "state"),
        ("conflict", None, {}, "conflict"),
    ],
)
def test_each_error_has_the_name_of_its_sentence(
    kind: Kind, field: str | None, data: dict[str, Any], code: str
) -> None:
    assert agent_desk.code_of(EngineError(kind, "no", field, data)) == code
