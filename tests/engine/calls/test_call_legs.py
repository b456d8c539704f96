"""The legs of one call: told of, part of it once added, and given back whatever became of them."""

import asyncio
from pathlib import Path
from typing import Any, cast

from engine.calls.call import Call
from engine.calls.call_legs import CallLegs, codecs_like, within_report_limit
from engine.calls.leg import Caller, Leg
from tests.support.switchboard import Scene, audio, scene
from tests.support.virtual_loop import run


class Permanent:
    """Stands in for the lines of operators who stay on the phone."""

    def __init__(self, line: Leg) -> None:
        self.line = line

    def take(self, agent: str, _publish: object) -> Leg | None:
        return self.line if agent == "alice" else None


def legs_of(stage: Scene, told: list[tuple[str, dict[str, Any]]]) -> tuple[Call, CallLegs]:
    call = Call("call-1", None)
    stage.services.register.add(call)
    return call, CallLegs(call, stage.services, lambda kind, **fields: told.append((kind, fields)))


def test_made_added_told_of_and_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        told: list[tuple[str, dict[str, Any]]] = []
        call, legs = legs_of(stage, told)
        bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
        called, spare = legs.make("customer", bob), legs.make("agent", bob)
        for leg in (called, spare):
            await leg.open()
        legs.add(called)
        assert call.legs == [called] and stage.services.register.legs == {called.id: called}
        dialling = called.dial(caller=Caller(None, "x"), ring_s=30.0)
        phone_soon = stage.phone()
        task = asyncio.create_task(dialling)
        phone = await phone_soon
        phone.answers()
        await task
        kind, fields = told[-1]
        assert (kind, fields["leg"], fields["role"]) == ("leg.answered", called.id, "customer")
        legs.hang_up()
        assert phone.is_hung_up and spare.ending is None
        await legs.give_back()
        stage.services.register.remove(call)
        stage.assert_nothing_left()

    run(main())


def test_a_line_is_borrowed_and_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        stage = scene(tmp_path)
        _call, legs = legs_of(stage, [])
        bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
        line = CallLegs(Call("line", None), stage.services, lambda *_a, **_f: None).make(
            "agent", bob
        )
        await line.open()
        assert legs.line("alice") is None
        stage.services.permanent = cast(Any, Permanent(line))
        assert legs.line("bert") is None
        assert legs.line("alice") is line
        await legs.give_back()
        assert not stage.media.open_legs

    run(main())


def test_the_partners_codec_is_offered_first(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    bob = stage.services.dialplan.destination("sip:bob@127.0.0.1", field="to")
    leg = CallLegs(Call("call-1", None), stage.services, lambda *_a, **_f: None).make("agent", bob)
    assert codecs_like(None) == codecs_like(leg) == ("PCMU", "PCMA")
    leg.audio = audio(codec="PCMA")
    assert codecs_like(leg) == ("PCMA", "PCMU")


def test_a_report_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async def main() -> float:
        await within_report_limit(Call("call-1", None), asyncio.sleep(100))
        return asyncio.get_running_loop().time()

    assert run(main()) < 2.0
