"""trunk.*, through the control socket of a whole engine."""

from pathlib import Path

import pytest

from ringback_client import EngineError
from sip.events import Binding
from sip.hop import Hop
from tests.support.engines.in_process import request, running, settings_in
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import WirePhone
from tests.support.ports import free_port
from tests.support.waiting import until

WIRE = """
[[trunks]]
name = "wire"
uri = "sip:127.0.0.1:{port}"
[[inbound]]
name = "bot"
number = "+442079462"
handler = "client"
"""


async def test_a_trunk_without_calls(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (_, client):
        listed = await client.call("trunk.list")
        assert listed["cursor"] is None
        (pbx,) = listed["trunks"]
        assert pbx == await client.call("trunk.get", trunk="pbx")
        assert (pbx["state"], pbx["cause"], pbx["registration"]) == ("up", None, None)
        assert (pbx["calls"], pbx["attempts"]) == ({"in": 0, "out": 0}, 0)
        with pytest.raises(EngineError, match="there is no trunk named 'other'") as caught:
            await client.call("trunk.get", trunk="other")
        assert caught.value.kind == "not_found"


async def test_pages(tmp_path: Path) -> None:
    more = WIRE.format(port=free_port())
    async with running(settings_in(tmp_path, more=more)) as (_, client):
        first = await client.call("trunk.list", limit=1)
        second = await client.call("trunk.list", limit=1, cursor=first["cursor"])
        assert [one["trunk"] for one in first["trunks"] + second["trunks"]] == ["pbx", "wire"]
        assert second["cursor"] is None


async def test_why_a_trunk_is_down(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        daemon.trunks.rest("pbx", 30.0, "503 Full", is_silent=False)
        pbx = await client.call("trunk.get", trunk="pbx")
        assert (pbx["state"], pbx["cause"]) == ("down", "503 Full")


async def test_a_registration_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        daemon.trunks._report("pbx", "failed", "403 Forbidden")
        pbx = await client.call("trunk.get", trunk="pbx")
        assert pbx["registration"] == {
            "state": "failed", "reason": "403 Forbidden", "host": None, "address": None,
            "service_route": [], "path": [],
        }  # fmt: skip
        assert (pbx["state"], pbx["cause"]) == ("down", "the registration failed: 403 Forbidden")


SEVERAL = """
[[trunks]]
name = "carrier"
uri = "sip:example.com"
hosts = [{ host = "127.0.0.1:%d", weight = 60 }, { host = "127.0.0.1:%d", priority = 2 }]
qualify_s = 300
"""


async def test_how_each_host_stands(tmp_path: Path) -> None:
    one, two = free_port(), free_port()
    async with running(settings_in(tmp_path, more=SEVERAL % (one, two))) as (daemon, client):
        uris = [f"sip:127.0.0.1:{port}" for port in (one, two)]
        daemon.trunks.rest("carrier", 30.0, "503 Full", is_silent=False, host=uris[1])
        carrier = await client.call("trunk.get", trunk="carrier")
        assert (carrier["state"], carrier["qualify_s"]) == ("up", 300.0)
        first, second = carrier["hosts"]
        assert (first["host"], first["sent_to"]) == (uris[0], uris[0])
        assert (first["priority"], first["weight"], first["state"]) == (1, 60, "up")
        assert (second["priority"], second["weight"]) == (2, 1)
        assert (second["state"], second["cause"]) == ("down", "503 Full")
        daemon.trunks.rest("carrier", 30.0, "503 Full", is_silent=False)
        carrier = await client.call("trunk.get", trunk="carrier")
        assert (carrier["state"], carrier["cause"]) == ("down", "503 Full")


async def test_a_registration_with_a_service_route(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        daemon.trunks._states["pbx"] = "registered"
        daemon.trunks._bindings["pbx"] = Binding(
            "sip:pbx.example", Hop("udp", "192.0.2.1", 5060), ("<sip:a;lr>",), ("<sip:b;lr>",)
        )
        registration = (await client.call("trunk.get", trunk="pbx"))["registration"]
        assert (registration["host"], registration["address"]) == (
            "sip:pbx.example", "udp:192.0.2.1:5060"
        )  # fmt: skip
        assert registration["service_route"] == ["<sip:a;lr>"]
        assert registration["path"] == ["<sip:b;lr>"]


async def test_calls_in_and_out_are_counted(tmp_path: Path) -> None:
    phone, sip_port = WirePhone("wire"), free_port()
    more = WIRE.format(port=phone.port)
    async with running(settings_in(tmp_path, sip_port=sip_port, more=more)) as (daemon, client):
        WireOutgoing.place(phone, sip_port, "+442079462000")

        async def calls() -> dict[str, int]:
            return dict((await client.call("trunk.get", trunk="wire"))["calls"])

        await until(lambda: bool(daemon.registry.calls))
        (call,) = daemon.registry.calls
        assert await calls() == {"in": 1, "out": 0}
        await client.call("call.reject", call=call, status=486)
        await until(lambda: not daemon.registry.calls)
        assert await calls() == {"in": 0, "out": 0}
        counts = await client.call("trunk.get", trunk="wire")
        assert counts["attempts"] == 0, "what came in is no seizure of ours"
        wanted = request(to="+442079460123", order="customer_first", not_before=None)
        await client.callback(**wanted, trunk="wire")
        await phone.answer()
        assert await calls() == {"in": 0, "out": 1}
        counts = await client.call("trunk.get", trunk="wire")
        assert (counts["attempts"], counts["answered"]) == (1, 1)
        phone.close()
