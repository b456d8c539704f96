"""Numbers on the wire as each trunk wants them, and in full everywhere else."""

from pathlib import Path
from typing import Any

from tests.support.engines.process import StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire

CUSTOMER = "+442079460123"


def carrier(port: int, **more: Any) -> dict[str, Any]:
    return {"name": "carrier", "uri": f"sip:127.0.0.1:{port}", **more}


async def test_a_trunk_is_sent_numbers_as_it_writes_them(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    """SIPp is the carrier: Request-URI, To and caller id; events and cost have the full number."""
    sipp, agent_phone = await Sipp.start("answer", tmp_path, pause_ms=300), wire("agent")
    engine = await own_engine(
        trunks=[
            carrier(
                sipp.port,
                identity="pai",
                caller_id="+442079460999",
                numbers_out={"format": "e164", "prepend": "00", "caller_format": "national"},
            )
        ],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
        agents=[{"name": "alice", "uri": agent_phone.uri}],
        rates=[{"prefix": "+44", "per_minute": 1.0, "minimum_s": 60}],
    )
    job = await engine.callback("020 7946 0123", "alice")
    agent = await agent_phone.answer()
    await engine.state("bridged", job)
    agent.bye()
    record = await engine.ended(job)
    (invite,) = sipp.received("INVITE")
    assert invite.text.startswith(f"INVITE sip:00442079460123@127.0.0.1:{sipp.port} SIP/2.0")
    assert "\nTo: <sip:00442079460123@127.0.0.1" in invite.text
    assert "P-Asserted-Identity: <sip:02079460999@127.0.0.1>" in invite.text
    customer = next(one for one in record["attempts"][-1]["legs"] if one["role"] == "customer")
    assert customer["uri"] == f"sip:{CUSTOMER}@127.0.0.1:{sipp.port}"
    assert (record["called"], float(record["cost"]["amount"])) == (CUSTOMER, 1.0)
    answered = await engine.event("leg.answered", job, role="customer")
    assert answered["uri"] == customer["uri"]


async def test_what_a_trunk_sends_is_read_as_it_writes_numbers(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    trunk = wire("02079461111")
    engine = await own_engine(
        trunks=[
            carrier(
                trunk.port,
                numbers_in={"format": "e164", "strip": "55#", "caller_format": "national"},
            )
        ],
        inbound=[{"name": "shop", "number": "+442079460000", "exact": True, "queue": "sales"}],
        queues=[{"name": "sales"}],
        agents=[{"name": "alice", "uri": wire("agent").uri, "queues": ["sales"]}],
    )
    call = WireOutgoing.place(trunk, engine.process.sip_port, "55%23442079460000")
    await call.receive("180")
    told = await engine.line.events.wait_for(lambda event: event["type"].startswith("call."))
    assert (told["number"], told["dialled"]) == ("+442079461111", "+442079460000")
    other = WireOutgoing.place(trunk, engine.process.sip_port, "442079460001")
    assert (await other.refused()).what == "404"
