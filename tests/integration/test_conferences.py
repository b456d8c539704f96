"""Conferences on real phones: everybody hears those, and only those, whom they should."""

from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.who_is_heard import Hearing, event

NAMES = ("agent", "customer", "carol")


async def test_three_meet_and_each_hears_whom_they_should(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    """All, one muted, one deaf, one on hold, two alone, and one alone."""
    hearing = await Hearing.of(softphone, tmp_path, *NAMES)
    engine = await own_engine(agents=[{"name": "carol", "uri": hearing.uri("carol")}])
    line = engine.line
    await line.call("conference.create", conference="friday")
    first = await line.call("call.originate", to=hearing.uri("agent"))
    await event(engine, "call.answered", call=first["call"])
    agent = first["legs"][0]["leg"]
    await line.call("conference.join", conference="friday", leg=agent)
    await line.call("conference.join", conference="friday", to=hearing.uri("customer"))
    second = await event(engine, "conference.joined", not_leg=(agent,))
    customer = second["leg"]
    await hearing.go_on(second["time"])
    await line.call("conference.join", conference="friday", agent="carol")
    third = await event(engine, "conference.joined", not_leg=(agent, customer))
    carol = third["leg"]
    await hearing.go_on(third["time"])
    for method, kind, leg in (
        ("conference.mute", "conference.muted", agent),
        ("conference.deafen", "conference.deafened", customer),
    ):
        await line.call(method, conference="friday", leg=leg)
        await hearing.go_on((await event(engine, kind, leg=leg))["time"])
    await line.call("conference.deafen", conference="friday", leg=customer, on=False)
    await line.call("conference.mute", conference="friday", leg=agent, on=False)
    await line.call("conference.kick", conference="friday", leg=carol)
    left = await event(engine, "conference.left", leg=carol)
    await hearing.go_on(left["time"])
    assert all(len(phone.seen("incoming")) == 1 for phone in hearing.phones.values())
    await line.call("conference.end", conference="friday")
    await event(engine, "conference.ended", conference="friday")
    for call in (first["call"], second["call"], third["call"]):
        await event(engine, "call.ended", call=call)
    await engine.assert_idle()
    await hearing.stop()
    assert hearing.heard("agent") == [
        "customer", "carol customer", "carol customer", "carol customer", "customer",
    ]  # fmt: skip
    assert hearing.heard("customer") == ["agent", "agent carol", "carol", "", "agent"]
    assert hearing.heard("carol") == ["", "agent customer", "customer", "customer", ""]
