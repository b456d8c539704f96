"""baresip transfers, and is asked to transfer: REFER both ways."""

import asyncio
from pathlib import Path

from tests.support.engines.process import EngineClient
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.softphone import StartPhone

CAROL_HZ = 2200


async def test_baresip_transfers_its_partner(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    baresip, customer, carol = await asyncio.gather(
        Baresip.start(tmp_path),
        softphone(user="customer", record=tmp_path / "customer.wav"),
        softphone(user="carol", tone=CAROL_HZ),
    )
    job = await engine.callback(customer.uri, baresip.uri)
    await engine.state("bridged", job)
    baresip.command("transfer", carol.uri)
    completed = await engine.event("transfer.completed", job)
    assert (completed["by"], completed["to"]) == ("phone", carol.uri)
    await asyncio.sleep(1.0)
    carol.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await asyncio.gather(customer.stop(), baresip.stop())
    assert customer.heard(tmp_path / "customer.wav").hears(CAROL_HZ, for_s=0.5)


async def test_baresip_is_asked_to_call_somebody_else(
    engine: EngineClient, softphone: StartPhone, tmp_path: Path
) -> None:
    baresip, agent, carol = await asyncio.gather(
        Baresip.start(tmp_path, tone_hz=700),
        softphone(user="agent"),
        softphone(user="carol", record=tmp_path / "carol.wav"),
    )
    job = await engine.callback(baresip.uri, agent.uri)
    call = (await engine.state("bridged", job))["call"]
    await engine.line.call("call.transfer", call=call, to=carol.uri, how="refer")
    completed = await engine.event("transfer.completed", job)
    assert completed["how"] == "refer"
    assert (await engine.ended(job))["cause"] == "transferred"
    await asyncio.sleep(1.0)
    carol.command("hangup")
    await asyncio.gather(carol.stop(), baresip.stop())
    assert carol.heard(tmp_path / "carol.wav").hears(700, for_s=0.5)
