"""Calls that a phone or trunk redirects, over real sockets: who is called, and who is not."""

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.phone import MakeWire


async def test_a_customer_who_has_moved_is_called_there(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, old, new = wire("agent"), wire("old"), wire("new")
    job = await engine.callback(old.uri, agent_phone.uri)
    agent = await agent_phone.answer()
    moved = await old.called()
    moved.respond(
        302,
        "Moved Temporarily",
        contact="sip:carol@192.0.2.99",
        headers=(("Contact", f"<{new.uri}>;q=0.3"),),
    )
    await moved.acknowledged()
    customer = await new.answer()
    redirected = await engine.event("leg.redirected", job)
    assert redirected["targets"] == [new.uri]
    assert "not in dial.allow_hosts" in redirected["refused"][0]
    await engine.state("bridged", job)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_an_agent_who_has_moved_nowhere_may_not_be_reached(
    engine: EngineClient, wire: MakeWire
) -> None:
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    moved = await agent_phone.called()
    moved.respond(301, "Moved Permanently", contact=f"{agent_phone.uri};maddr=192.0.2.1")
    await moved.acknowledged()
    record = await engine.ended(job)
    assert record["state"] == "failed"
    assert "redirected to nobody who may be called" in record["cause"]
    assert not customer_phone.calls


async def test_a_trunk_that_says_to_use_its_proxy(own_engine: StartEngine, wire: MakeWire) -> None:
    pbx, proxy, agent_phone = wire("pbx"), wire("proxy"), wire("agent")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{pbx.port}"}],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
    )
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    first = await pbx.called()
    first.respond(305, "Use Proxy", contact=f"sip:127.0.0.1:{proxy.port}")
    await first.acknowledged()
    customer = await proxy.called()
    assert customer.invite.start == first.invite.start
    assert customer.invite["route"] == f"<sip:127.0.0.1:{proxy.port};lr>"
    customer.accept()
    await engine.state("bridged", job)
    agent.bye()
    await customer.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_early_media_of_a_trunk_that_is_to_be_ignored(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    pbx, agent_phone = wire("pbx"), wire("agent")
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.1:{pbx.port}", "early_media": "ignore"}],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
    )
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    customer = await pbx.called()
    customer.respond(183, "Session Progress", with_sdp=True)
    await engine.event("leg.ringing", job, role="customer")
    customer.accept()
    await engine.state("bridged", job)
    assert not [one for one in engine.line.events.items if one["type"] == "leg.early_media"]
    agent.bye()
    await customer.receive("BYE")
    await engine.ended(job)
