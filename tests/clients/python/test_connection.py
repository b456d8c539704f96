"""One connection: results, typed errors, and how long a reply may take."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.control.method import Method
from engine.control.params import DrainRequest
from ringback_client import (
    Client,
    EngineError,
    NoReply,
    RequestRejected,
)
from tests.support.control_server import LIMIT_S, Handlers, serving, without_privileges
from tests.support.tls import certificate, needs_openssl

from .events import take


async def test_result_and_typed_errors(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        assert await client.call("add", n=41) == 42
        with pytest.raises(EngineError) as refused:
            await client.call("conflict")
        assert (refused.value.kind, refused.value.field) == ("conflict", "id")
        assert refused.value.data == {"job": "j1"}
        with pytest.raises(RequestRejected) as rejected:
            await client.call("add", n="x")
        assert (rejected.value.code, rejected.value.field) == (-32602, "n")
        with pytest.raises(RequestRejected, match=r"no\.such"):
            await client.call("no.such")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "n: must be a finite number"),
        ({"deep": [1.0, float("nan")]}, "n: must be a finite number"),
        ("\udcff", "cannot be sent as JSON"),
        (object(), "cannot be sent as JSON"),
        ("x" * 2**20, "bytes long; at most 1048576"),
    ],
)
async def test_request_that_json_cannot_express_is_not_sent(
    tmp_path: Path, value: object, reason: str
) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        with pytest.raises(RequestRejected, match=reason):
            async with asyncio.timeout(LIMIT_S):
                await client.call(
                    "callback.request", to="1", agent="2", context={"none": None}, n=value
                )
        assert await client.call("add", n=1) == 2


async def test_many_requests_share_the_connection(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        results = await asyncio.gather(*(client.call("add", n=n) for n in range(200)))
        assert results == list(range(1, 201))
        assert served.server.connections == 1


async def test_refused_connection_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_privileges(monkeypatch)
    async with serving(tmp_path, max_connections=1) as served:
        first = await Client.connect(served.settings.socket)
        await first.call("events.subscribe")
        second = await Client.connect(served.settings.socket)
        with pytest.raises(EngineError) as refused:
            await second.call("ping")
        assert refused.value.kind == "unavailable"
        await first.close()
        await second.close()


@needs_openssl
async def test_tcp_with_token(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = ssl.create_default_context(cafile=cert)
    token = "0123456789abcdef"
    settings: dict[str, Any] = {"tls_cert": cert, "tls_key": key, "token": SecretStr(token)}
    async with serving(tmp_path, tcp="127.0.0.1:0", **settings) as served:
        ((host, port),) = served.server.tcp_addresses
        async with await Client.connect(host=host, port=port, token=token, tls=tls) as client:
            assert await client.call("add", n=1) == 2
            async with client.events() as events:
                served.events.publish("test.event")
                assert (await take(events, 1))[0]["seq"] == 1
        with pytest.raises(EngineError, match="wrong token"):
            await Client.connect(host=host, port=port, token="x" * 16, tls=tls)


SOON_S = 0.02


async def test_missing_reply_ends_the_wait_and_keeps_the_connection(tmp_path: Path) -> None:
    handlers = Handlers()
    async with (
        serving(tmp_path, handlers) as served,
        await Client.connect(served.settings.socket, reply_s=SOON_S) as client,
    ):
        with pytest.raises(NoReply, match=r"wait: no reply within 0\.02 s"):
            await client.call("wait", n=1)
        handlers.gate.set()
        # The connection is as good as before; the reply that comes late is nobody's.
        assert await client.call("wait", n=2) == 2
        assert served.server.connections == 1


async def test_timeout_of_the_caller_is_no_missing_reply(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, Handlers()) as served,
        await Client.connect(served.settings.socket) as client,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await client.call("wait", n=1)


REPLY_S = 0.25
"""How long a reply may take: enough to connect, also on a loaded machine."""


class Draining(Handlers):
    """engine.drain takes longer than a reply may."""

    def table(self) -> dict[str, Method]:
        return super().table() | {"engine.drain": Method(DrainRequest, self.drain)}

    async def drain(self, params: DrainRequest, _peer: object) -> dict[str, Any]:
        await asyncio.sleep(2 * REPLY_S)
        return {"drained": True, "active": 0}


@pytest.mark.parametrize("timeout_s", [None, 60.0])
async def test_drain_may_take_its_own_timeout(tmp_path: Path, timeout_s: float | None) -> None:
    async with (
        serving(tmp_path, Draining()) as served,
        await Client.connect(served.settings.socket, reply_s=REPLY_S) as client,
    ):
        assert (await client.call("engine.drain", timeout_s=timeout_s))["drained"]
        with pytest.raises(NoReply):
            await client.call("engine.drain", timeout_s=0.001)


async def test_silent_engine_does_not_reply(tmp_path: Path) -> None:
    def accept_and_say_nothing(_reader: object, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)

    silent: list[asyncio.StreamWriter] = []
    path = tmp_path / "silent.sock"
    server = await asyncio.start_unix_server(accept_and_say_nothing, path)
    async with server:
        with pytest.raises(NoReply):
            await Client.connect(path, token="x" * 16, reply_s=SOON_S)
        async with await Client.connect(path, reply_s=SOON_S) as client:
            with pytest.raises(NoReply):
                await client.events(give_up_s=0.0).start()
        for writer in silent:
            writer.close()
