"""A trunk gets no more INVITEs a second than `max_calls_per_s`, and no callback fails for it."""

from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.wire.phone import MakeWire

CUSTOMERS = [f"+44207946012{number}" for number in range(4)]


async def test_invites_come_at_the_pace_of_the_trunk(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    sipp = await Sipp.start("answer", tmp_path, calls=len(CUSTOMERS), pause_ms=200)
    agents = [wire(f"agent{number}") for number in range(len(CUSTOMERS))]
    engine = await own_engine(
        trunks=[{"name": "carrier", "uri": f"sip:127.0.0.1:{sipp.port}", "max_calls_per_s": 2.0}],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
    )
    jobs = [
        await engine.callback(customer, agent.uri, order="customer_first")
        for customer, agent in zip(CUSTOMERS, agents, strict=True)
    ]
    for job, agent in zip(jobs, agents, strict=True):
        call = await agent.answer()
        await engine.event("callback.bridged", job)
        call.bye()
        record = await engine.ended(job)
        assert (record["state"], len(record["attempts"])) == ("completed", 1)
    times = [message.time for message in sipp.received("INVITE")]
    assert len(times) == len(CUSTOMERS)
    assert times[2] - times[0] > 0.9 and times[3] - times[1] > 0.9
