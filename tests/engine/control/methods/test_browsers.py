"""browser.* through the socket of a whole engine."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from engine.inbound.page_visitor import visitor_info
from engine.webrtc.page_tokens import PageCall
from ringback_client import Client, EngineError, RequestRejected
from tests.support.engines.in_process import RunningEngine, settings_in

ADMISSION: dict[str, Any] = {
    "site": "shop.example", "queue": "sales", "origin": "https://shop.example",
}  # fmt: skip
MORE = """
[[queues]]
name = "sales"
[[queues]]
name = "small"
max_length = 1
[webrtc]
stun = "stun:192.0.2.3"
[[agents]]
name = "anna"
uri = "sip:anna@127.0.0.1:9"
[[rights]]
name = "web"
token = "the-token-of-a-gateway"
role = "gateway"
sites = ["shop.example"]
[[rights]]
name = "anna"
token = "the-token-of-an-agent"
agent = "anna"
[[rights]]
name = "boss"
token = "the-token-of-a-supervisor"
role = "supervise"
"""


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    return settings_in(tmp_path, more=MORE, web=getattr(request, "param", True))


async def as_client(daemon: Any, token: str) -> Client:
    return await Client.connect(str(daemon.settings.control.socket), token=token)


async def refused(client: Client, method: str, **params: Any) -> EngineError:
    with pytest.raises(EngineError) as error:
        await client.call(method, **params)
    return error.value


async def test_a_gateway_gets_tokens_for_the_queues_of_its_sites(engine: RunningEngine) -> None:
    daemon, _client = engine
    async with await as_client(daemon, "the-token-of-a-gateway") as gateway:
        admitted = await gateway.call("browser.admit", **ADMISSION, context={"page": "/prices"})
        assert len(admitted["token"]) > 40 and admitted["expires_s"] == 60.0
        assert admitted["ice_servers"] == [{"urls": "stun:192.0.2.3"}]
        assert (await gateway.call("browser.admit", **ADMISSION))["token"] != admitted["token"]
        other = ADMISSION | {"site": "bank.example"}
        assert (await refused(gateway, "browser.admit", **other)).kind == "refused"
        none = ADMISSION | {"queue": "none"}
        assert (await refused(gateway, "browser.admit", **none)).kind == "refused"
        with pytest.raises(RequestRejected):
            await gateway.call("browser.admit", **ADMISSION, name="a\nb")
        with pytest.raises(RequestRejected):
            await gateway.call("browser.admit", **ADMISSION, context={"page": "x" * 20_000})


async def test_nobody_but_gateways_gets_tokens(engine: RunningEngine) -> None:
    daemon, _client = engine
    for token in ("the-token-of-an-agent", "the-token-of-a-supervisor"):
        async with await as_client(daemon, token) as client:
            assert (await refused(client, "browser.admit", **ADMISSION)).kind == "refused"
            found = await client.call("browser.ice_servers")
            assert found == {"ice_servers": [{"urls": "stun:192.0.2.3"}]}


async def test_no_more_tokens_than_the_engine_keeps(
    engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon, client = engine
    monkeypatch.setattr(daemon.page_calls, "admit", lambda _call, _now: None)
    assert (await refused(client, "browser.admit", **ADMISSION)).kind == "unavailable"


@pytest.mark.parametrize("settings", [False], indirect=True)
async def test_no_tokens_where_browsers_cannot_connect(engine: RunningEngine) -> None:
    _daemon, client = engine
    assert "ws:" in (await refused(client, "browser.admit", **ADMISSION)).message


async def test_the_call_of_a_page_is_its_gateways_to_rate_to_hand_out_and_to_erase(
    engine: RunningEngine, tmp_path: Path
) -> None:
    daemon, owner = engine
    context = {"name": "Ada Lovelace", "page": "x" * 3000}
    page = PageCall(**ADMISSION, context=context, call="talk-1", requested_by="web")
    shown = visitor_info(page, "talk-1").shown() | {"context": context}
    talked: dict[str, Any] = shown | {
        "direction": "inbound", "started": 1.0, "taken_at": 1.5, "answered_at": 2.0,
        "bridged_at": 2.0, "talk_s": 9.0, "legs": [], "agent": "anna", "result": "completed",
        "cause": "caller hung up", "cost": None, "recording": None, "callback": None,
        "offers": [], "scripts": [],
    }  # fmt: skip
    async with await as_client(daemon, "the-token-of-a-gateway") as gateway:
        admission = ADMISSION | {"id": "talk-1", "context": context}
        await gateway.call("browser.admit", **admission)
        assert (await refused(gateway, "browser.admit", **admission)).kind == "conflict"
        for method in ("person.export", "person.erase"):  # it has not begun
            assert (await refused(gateway, method, call="talk-1")).kind == "refused"
        daemon.page_owners.add(page, 1.0)
        assert (await refused(gateway, "person.erase", call="talk-1")).kind == "not_found"
        daemon.events.publish("call.incoming", call="talk-1", queue="sales", **shown)
        daemon.events.publish("call.ended", call="talk-1", queue="sales", **talked)
        await daemon.store.flush()
        record = await gateway.call("record.get", id="talk-1")
        assert (record["state"], record["context"]) == ("completed", context)
        await gateway.call("callback.annotate", id="talk-1", rating=8)
        found = await gateway.call("person.export", call="talk-1")
        kinds = [one["kind"] for one in found["items"]]
        assert (found["number"], set(kinds)) == ("", {"record", "event"})
        assert found["items"][kinds.index("record")]["data"]["rating"] == 8
        erased = await gateway.call("person.erase", call="talk-1")
        assert (erased["jobs"], erased["records"], erased["audit"]) == (0, 1, 3)
        assert (await gateway.call("person.erase", call="talk-1"))["records"] == 0
        found = await gateway.call("person.export", call="talk-1")
        assert (found["number"], found["items"]) == ("erased", [])
        again = ADMISSION | {"id": "talk-1"}
        assert (await refused(gateway, "browser.admit", **again)).kind == "conflict"
        # Of what it has not asked for it learns nothing.
        daemon.events.publish("call.ended", call="call-2", queue="sales", **talked)
        await daemon.store.flush()
        for method in ("person.export", "person.erase"):
            assert (await refused(gateway, method, call="call-2")).kind == "refused"
        assert (await refused(gateway, "record.get", id="call-2")).kind == "not_found"
    await owner.call("person.erase", call="call-2")
    for file in tmp_path.glob("ringback.db*"):
        assert b"Lovelace" not in file.read_bytes(), file
