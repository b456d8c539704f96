"""Phones of different codecs, each with a tone of its own: each hears the tone of the other."""

import asyncio
from pathlib import Path

import pytest

from engine.routing.local_codecs import missing
from tests.support.engines.process import StartEngine
from tests.support.phones.real.baresip import Baresip
from tests.support.phones.real.softphone import StartPhone

AGENT_HZ, CUSTOMER_HZ = 500, 900


@pytest.mark.parametrize(
    ("agent_codec", "customer_codec"),
    [
        ("PCMU", "opus/48000/2"),
        ("PCMA", "G722/16000/1"),
        ("G722", "G722/16000/1"),
        ("G722", "opus/48000/2"),
        ("PCMU", "L16/16000/1"),
    ],
    ids=("opus", "G722", "same", "wide", "L16"),  # baresip cuts long paths of its recordings
)
async def test_sound(
    own_engine: StartEngine,
    softphone: StartPhone,
    tmp_path: Path,
    agent_codec: str,
    customer_codec: str,
) -> None:
    name = customer_codec.partition("/")[0]
    if name in missing():
        pytest.skip(missing()[name])
    agent, baresip = await asyncio.gather(
        softphone(user="agent", tone=AGENT_HZ, record=tmp_path / "agent.wav", codecs=agent_codec),
        Baresip.start(tmp_path, user="+442079460123", tone_hz=CUSTOMER_HZ, codecs=customer_codec),
    )
    engine = await own_engine(
        agents=[{"name": "alice", "uri": agent.uri, "codecs": [agent_codec]}],
        trunks=[{"name": "carrier", "uri": f"sip:127.0.0.1:{baresip.port}", "codecs": [name]}],
        routes=[{"prefix": "+", "trunks": ["carrier"]}],
    )
    job = await engine.callback("+442079460123", "alice")
    answered = {
        role: await engine.event("leg.answered", job, role=role, timeout_s=40)
        for role in ("agent", "customer")
    }
    await engine.event("callback.bridged", job, timeout_s=40)
    await asyncio.sleep(2.0)
    agent.command("hangup")
    assert (await engine.ended(job))["state"] == "completed"
    await asyncio.gather(agent.stop(), baresip.stop())
    assert answered["agent"]["codec"] == agent_codec
    assert answered["customer"]["codec"] == {"L16": "L16/16000"}.get(name, name)
    assert agent.heard(tmp_path / "agent.wav").hears(CUSTOMER_HZ, for_s=1.0)
    assert baresip.heard().hears(AGENT_HZ, for_s=1.0)
    assert not agent.heard(tmp_path / "agent.wav").hears(AGENT_HZ)
    assert not baresip.heard().hears(CUSTOMER_HZ)
