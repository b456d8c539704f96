"""Trunks of several hosts, behind proxies, and registered with a Service-Route."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.kamailio import Kamailio
from tests.support.phones.real.softphone import SoftphoneProcess
from tests.support.phones.wire.message import WireMessage, response_lines
from tests.support.phones.wire.phone import MakeWire, WirePhone
from tests.support.waiting import DEADLINE_S

NUMBER = "+442079460123"
NOBODY = 9  # discard: no SIP is there
ROUTES = [{"prefix": "+44", "trunks": ["carrier"]}]


async def event(engine: EngineClient, kind: str, **members: Any) -> dict[str, Any]:
    """The first event of this type with these members since the test began."""
    return await engine.line.events.wait_for(
        lambda one: one["type"] == kind and members.items() <= one.items(), timeout_s=DEADLINE_S
    )


async def registered(phone: WirePhone, *headers: tuple[str, str]) -> WireMessage:
    """Answer the next REGISTER with 200 and these headers."""
    request = await phone.receive("REGISTER", DEADLINE_S)
    lines = response_lines(request, 200, contact=phone.uri, tag="reg")[:-1]
    lines += [f"Contact: {request['contact']};expires=600"]
    lines += [f"{name}: {value}" for name, value in headers]
    phone.send(lines, "", request.source, answers=request)
    return request


async def registered_at(engine: EngineClient, host: str) -> dict[str, Any]:
    """The trunk, once it is registered at this host."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            trunk = await engine.line.call("trunk.get", trunk="carrier")
            if trunk["registration"]["host"] == host:
                return dict(trunk)
            await asyncio.sleep(0.1)


@pytest.fixture
async def peers() -> AsyncIterator[AsyncExitStack]:
    """Ends the phones and edges of a test, however it goes."""
    async with AsyncExitStack() as stack:
        yield stack


async def test_two_edges_are_one_trunk_and_one_of_them_ends(
    own_engine: StartEngine, peers: AsyncExitStack, tmp_path: Path
) -> None:
    """Kamailio twice: the trunk registers at the first, is asked by OPTIONS, and moves."""
    carrier = await SoftphoneProcess.start(user="carrier", answer_after=0.1, tone=900)
    peers.push_async_callback(carrier.stop)
    alice = await SoftphoneProcess.start(user="alice", answer_after=0.1, tone=600)
    peers.push_async_callback(alice.stop)
    edges = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        port = int(carrier.uri.rpartition(":")[2])
        edges.append(await Kamailio.start(tmp_path / name, carrier_port=port))
    one, two = edges
    peers.push_async_callback(two.stop)
    first = await peers.enter_async_context(AsyncExitStack())
    first.push_async_callback(one.stop)
    engine = await own_engine(
        trunks=[{
            "name": "carrier",
            "hosts": [{"host": one.uri, "priority": 1}, {"host": two.uri, "priority": 2}],
            "username": "ringback", "password": "ringback-secret", "register": True,
            "qualify_s": 1.0,
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": alice.uri}],
    )  # fmt: skip

    async def called() -> str:
        """Call by the trunk; the address of the edge that took it."""
        job = await engine.callback(NUMBER, "alice")
        bridged = await engine.state("bridged", job, timeout_s=DEADLINE_S)
        (customer,) = [
            leg for leg in (await engine.line.call("call.get", call=bridged["call"]))["legs"]
            if leg["role"] == "customer"
        ]  # fmt: skip
        alice.command("hangup")
        assert (await engine.ended(job, timeout_s=DEADLINE_S))["state"] == "completed"
        return str(customer["hop"])

    await registered_at(engine, one.uri)
    assert await called() == f"udp:127.0.0.1:{one.port}"
    await first.aclose()
    down = await event(engine, "trunk.host_down", host=one.uri)
    assert down["cause"]
    trunk = await registered_at(engine, two.uri)
    assert trunk["hosts"][0]["state"] == "down"
    assert await called() == f"udp:127.0.0.1:{two.port}"
    (tmp_path / "again").mkdir()
    again = await Kamailio.start(
        tmp_path / "again", carrier_port=int(carrier.uri.rpartition(":")[2]), port=one.port
    )
    peers.push_async_callback(again.stop)
    await event(engine, "trunk.host_up", host=one.uri)
    assert await called() == f"udp:127.0.0.1:{one.port}"


async def test_calls_go_by_the_service_route_of_the_registrar(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    registrar, home, agent_phone = wire("registrar"), wire("home"), wire("agent")
    engine = await own_engine(
        trunks=[{
            "name": "carrier", "uri": f"sip:127.0.0.1:{registrar.port}", "register": True,
            "username": "ringback", "password": "secret",
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )  # fmt: skip
    route = f"<sip:127.0.0.1:{home.port};lr>"
    request = await registered(registrar, ("Service-Route", route), ("Path", "<sip:edge;lr>"))
    assert request["supported"] == "path"
    await event(engine, "trunk.registered")
    registration = (await engine.line.call("trunk.get", trunk="carrier"))["registration"]
    assert registration["service_route"] == [route]
    assert registration["path"] == ["<sip:edge;lr>"]
    await engine.callback(NUMBER, "alice")
    await agent_phone.answer(timeout_s=DEADLINE_S)
    invite = (await home.called(DEADLINE_S)).invite
    assert invite.start == f"INVITE sip:{NUMBER}@127.0.0.1:{registrar.port} SIP/2.0"
    assert invite["route"] == route


async def test_a_service_route_to_somewhere_else_is_asked_of_the_registrar(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """A registrar cannot have our calls sent to a host that is no peer: it gets them itself."""
    registrar, agent_phone = wire("registrar"), wire("agent")
    engine = await own_engine(
        trunks=[{
            "name": "carrier", "uri": f"sip:127.0.0.1:{registrar.port}", "register": True,
            "username": "ringback", "password": "secret",
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )  # fmt: skip
    route = "<sip:127.0.0.99:5060;lr>"
    await registered(registrar, ("Service-Route", route))
    await event(engine, "trunk.registered")
    await engine.callback(NUMBER, "alice")
    await agent_phone.answer(timeout_s=DEADLINE_S)
    invite = (await registrar.called(DEADLINE_S)).invite
    assert invite["route"] == route


async def test_everything_goes_by_the_outbound_proxy(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """The domain of the trunk has no address: REGISTER, OPTIONS and INVITE find the proxy."""
    proxy, agent_phone = wire("proxy"), wire("agent")
    engine = await own_engine(
        trunks=[{
            "name": "carrier", "uri": "sip:carrier.invalid", "register": True,
            "username": "ringback", "password": "secret", "qualify_s": 3600,
            "outbound_proxy": f"127.0.0.1:{proxy.port}", "route": "<sip:core.invalid;lr>",
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )  # fmt: skip
    routes = [f"<sip:127.0.0.1:{proxy.port};lr>", "<sip:core.invalid;lr>"]
    options = await proxy.receive("OPTIONS", DEADLINE_S)
    request = await registered(proxy)
    await event(engine, "trunk.registered")
    await engine.callback(NUMBER, "alice")
    await agent_phone.answer(timeout_s=DEADLINE_S)
    invite = (await proxy.called(DEADLINE_S)).invite
    for message, uri in (
        (options, "sip:carrier.invalid"),
        (request, "sip:carrier.invalid"),
        (invite, f"sip:{NUMBER}@carrier.invalid"),
    ):
        assert message.start.split(" ")[1] == uri
        assert message.all("route") == routes
    assert "sip:ringback@carrier.invalid" in request["to"]


@pytest.mark.parametrize(("status", "phrase"), [(500, "Broken"), (408, "Timeout"), (403, "No")])
async def test_a_call_goes_from_host_to_host_until_one_can_serve(
    own_engine: StartEngine, wire: MakeWire, status: int, phrase: str
) -> None:
    """Nobody is at the first host; the second refuses; the third takes the call."""
    broken, works, agent_phone = wire("b"), wire("c"), wire("agent")
    engine = await own_engine(
        trunks=[{
            "name": "carrier", "username": "ringback", "password": "secret",
            "hosts": [
                {"host": f"127.0.0.1:{port}", "priority": priority}
                for priority, port in enumerate((NOBODY, broken.port, works.port))
            ],
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )  # fmt: skip
    job = await engine.callback(NUMBER, "alice")
    await agent_phone.answer(timeout_s=DEADLINE_S)
    await broken.refuse(status, phrase, DEADLINE_S)
    call = await works.answer(timeout_s=DEADLINE_S)
    assert call.invite.start == f"INVITE sip:{NUMBER}@127.0.0.1:{works.port} SIP/2.0"
    await engine.state("bridged", job, timeout_s=DEADLINE_S)
    down = await event(engine, "trunk.host_down", trunk="carrier")
    assert down["host"] == f"sip:127.0.0.1:{NOBODY}"
    trunk = await engine.line.call("trunk.get", trunk="carrier")
    assert [host["state"] for host in trunk["hosts"]] == ["down", "up", "up"]
    assert (trunk["attempts"], trunk["answered"]) == (1, 1), "one try, whatever its hosts"


@pytest.mark.parametrize("status", [486, 600, 603])
async def test_a_party_who_is_reached_is_not_called_at_another_host(
    own_engine: StartEngine, wire: MakeWire, status: int
) -> None:
    first, second, agent_phone = wire("a"), wire("b"), wire("agent")
    engine = await own_engine(
        trunks=[{
            "name": "carrier",
            "hosts": [
                {"host": f"127.0.0.1:{phone.port}", "priority": priority}
                for priority, phone in enumerate((first, second))
            ],
        }],
        routes=ROUTES,
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )  # fmt: skip
    job = await engine.callback(NUMBER, "alice")
    await agent_phone.answer(timeout_s=DEADLINE_S)
    await first.refuse(status, "No", DEADLINE_S)
    failed = await engine.ended(job, timeout_s=DEADLINE_S)
    assert failed["failure"]["sip_status"] == status
    assert not second.messages.items
