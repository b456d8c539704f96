"""The legs of one call: published, part of it once shown, and given back whatever happens."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from config.agents import Agent
from engine.calls.call import Call
from engine.calls.call_legs import CallLegs, codecs_before, codecs_like, within_report_limit
from engine.calls.dialling import CODECS, Caller
from engine.calls.leg import Leg
from engine.calls.legs.agent_lines import AgentLines
from engine.routing.admission import Admission
from engine.routing.media_policy import MediaPolicy
from tests.support.phones.scripted import audio
from tests.support.scene import Scene, scene
from tests.support.virtual_loop import run


class Lines:
    """Stands in for the lines of agents who stay on the phone."""

    def __init__(self, line: Leg) -> None:
        self.line = line

    def borrow(self, agent: str, _publish: object, _role: str) -> Leg | None:
        return self.line if agent == "alice" else None


def legs_of(stage: Scene, seen: list[tuple[str, dict[str, Any]]]) -> tuple[Call, CallLegs]:
    call = Call("call-1", None)
    stage.services.registry.add_call(call)
    return call, CallLegs(
        call, stage.services, lambda kind, **fields: seen.append((kind, fields)), Admission()
    )


def test_a_leg_is_made_shown_published_and_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        seen: list[tuple[str, dict[str, Any]]] = []
        call, legs = legs_of(stage, seen)
        bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
        called, spare = legs.make("customer", bob), legs.make("agent", bob)
        for leg in (called, spare):
            await leg.open()
        legs.show(called)
        assert call.legs == [called] and stage.services.registry.legs == {called.id: called}
        dialling = called.dial(caller=Caller(None, "x"), ring_s=30.0)
        phone_soon = stage.phone()
        task = asyncio.create_task(dialling)
        phone = await phone_soon
        phone.answers()
        await task
        kind, fields = seen[-1]
        assert (kind, fields["leg"], fields["role"]) == ("leg.answered", called.id, "customer")
        legs.hang_up()
        assert phone.is_hung_up and spare.hangup_cause is None
        await legs.give_back()
        stage.services.registry.remove_call(call)
        stage.assert_nothing_left()
        published = len(seen)
        legs.publish("leg.dtmf", called, digit="1")  # too late: nothing of the call is published
        assert len(seen) == published

    run(main())


def test_a_line_is_borrowed_and_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        _call, legs = legs_of(stage, [])
        bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
        line = CallLegs(
            Call("line", None), stage.services, lambda *_a, **_f: None, Admission()
        ).make("agent", bob)
        await line.open()
        assert legs.borrow_line("alice") is None
        stage.services.lines = cast(AgentLines, Lines(line))
        assert legs.borrow_line("bert") is None
        assert legs.borrow_line("alice") is line
        await legs.give_back()
        assert not stage.media.open_legs

    run(main())


def test_the_partners_codec_is_offered_first(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
    leg = CallLegs(Call("call-1", None), stage.services, lambda *_a, **_f: None, Admission()).make(
        "agent", bob
    )
    assert codecs_like(None) == codecs_like(leg) == ("PCMU", "PCMA")
    leg.audio = audio(codec="PCMA")
    assert codecs_like(leg) == ("PCMA", "PCMU")


def test_a_browser_that_is_called_first_is_offered_what_the_other_party_prefers(
    tmp_path: Path,
) -> None:
    stage = scene(tmp_path)
    dialplan = stage.services.dialplan
    dialplan.set_agent("eve", Agent(name="eve", uri="webrtc:eve").reached_at)
    phone = dialplan.destination("sip:bob@127.0.0.1", field="to")
    (browser,) = dialplan.agent_destinations("eve")
    legs = CallLegs(Call("call-1", None), stage.services, lambda *_a, **_f: None, Admission())
    of_browser, of_phone = (legs.make("agent", one) for one in (browser, phone))
    wide = replace(phone.targets[0], media=MediaPolicy(codecs=("opus", "PCMU")))
    later = replace(phone, targets=(wide,))
    assert codecs_before(of_browser, later) == ("opus", "PCMU", "PCMA")
    for leg, other in ((of_phone, later), (of_browser, phone), (of_browser, None)):
        assert codecs_before(leg, other) is CODECS


def test_a_report_that_does_not_come_is_waited_for_only_briefly(tmp_path: Path) -> None:
    async def main() -> float:
        await within_report_limit(Call("call-1", None), asyncio.sleep(100))
        return asyncio.get_running_loop().time()

    assert run(main()) < 2.0
