"""Supervisors on real phones: who hears whom in every mode, and what the call keeps of it."""

import asyncio
from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.who_is_heard import Hearing, event


async def test_listen_whisper_barge_and_who_hears_whom(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    """A callback; its supervisor goes through the modes, hangs up, and the two talk on."""
    hearing = await Hearing.of(softphone, tmp_path, "agent", "customer", "boss")
    engine = await own_engine(agents=[{"name": "boss", "uri": hearing.uri("boss")}])
    line = engine.line
    job = await engine.callback(hearing.uri("customer"), hearing.uri("agent"))
    bridged = await event(engine, "callback.bridged", job=job)
    call = bridged["call"]
    await hearing.go_on(bridged["time"])
    view = await line.call("call.supervise", call=call, agent="boss")
    leg = view["supervisors"][0]["leg"]
    started = await event(engine, "supervision.started", call=call)
    await hearing.go_on(started["time"])
    for mode in ("whisper", "barge", "listen"):
        await line.call("call.supervise", call=call, agent="boss", mode=mode)
        changed = await event(engine, "supervision.changed", mode=mode)
        await hearing.go_on(changed["time"])
    await line.call("call.hangup", leg=leg)
    ended = await event(engine, "supervision.ended", leg=leg)
    await hearing.go_on(ended["time"])
    assert len(hearing.phones["agent"].seen("incoming")) == 1
    await line.call("call.hangup", call=call)
    record = await engine.ended(job)
    await engine.assert_idle()
    await hearing.stop()
    two, three = ["customer"], ["boss customer"]
    assert hearing.heard("agent") == [*two, *two, *three, *three, *two, *two]
    assert hearing.heard("customer") == ["agent"] * 3 + ["agent boss", "agent", "agent"]
    assert hearing.heard("boss") == ["", *["agent customer"] * 4, ""]
    legs = record["attempts"][0]["legs"]
    assert [leg["role"] for leg in legs] == ["agent", "customer", "supervisor"]
    assert all(leg["state"] == "ended" for leg in legs)


async def test_a_warm_transfer_is_a_talk_of_three_and_then_of_two(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    """The third party has a permanent line, in another media worker."""
    hearing = await Hearing.of(softphone, tmp_path, "agent", "customer", "carol")
    carol = {"name": "carol", "uri": hearing.uri("carol"), "permanent": True, "queues": ["sales"]}
    engine = await own_engine(agents=[carol], queues=[{"name": "sales"}], media={"workers": 2})
    async with asyncio.timeout(60):
        while (  # noqa: ASYNC110 - another process
            await engine.line.call("agent.get", agent="carol")
        )["state"] != "available":
            await asyncio.sleep(0.05)
    job = await engine.callback(hearing.uri("customer"), hearing.uri("agent"))
    bridged = await event(engine, "callback.bridged", job=job)
    call = bridged["call"]
    await engine.line.call("call.transfer", call=call, agent="carol", mode="warm")
    third = await event(engine, "leg.answered", uri=hearing.uri("carol"))
    await hearing.go_on(third["time"])
    hearing.phones["agent"].command("hangup")
    done = await event(engine, "transfer.completed", call=call)
    await hearing.go_on(done["time"])
    await engine.line.call("call.hangup", call=call)
    assert (await engine.ended(job))["state"] == "completed"
    await engine.line.call("agent.logout", agent="carol")
    await engine.assert_idle()
    await hearing.stop()
    assert hearing.heard("agent") == ["carol customer", ""]
    assert hearing.heard("customer") == ["agent carol", "carol"]
    assert hearing.heard("carol") == ["agent customer", "customer"]
