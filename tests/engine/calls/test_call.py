"""A call as it is shown, and the register of what is up."""

import asyncio
from pathlib import Path

from engine.calls.call import Call, CallRegistry
from engine.calls.leg import Leg
from tests.support.leg_owner import LegOwner
from tests.support.scene import scene


async def test_view_and_register(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    register, call = CallRegistry(), Call("call-1", "job-1")
    leg = Leg(
        leg_id="leg-1",
        role="agent",
        destination=stage.services.dialplan.destination("alice", field="agent"),
        sip=stage.services.sip,
        media=stage.services.media,
        owner=LegOwner(),
    )
    register.add_call(call)
    register.add_leg(call, leg)
    view = call.view()
    assert (view["call"], view["job"], view["state"]) == ("call-1", "job-1", "dialing")
    (shown,) = view["legs"]
    assert (shown.leg, shown.role, shown.media) == ("leg-1", "agent", None)
    await stage.services.media.open("leg-1")
    await asyncio.sleep(0)
    register.remove_call(call)
    assert not register.calls
    assert not register.legs
    register.remove_call(call)


def test_a_line_is_busy_until_every_call_on_it_is_over() -> None:
    register = CallRegistry()
    first, second = Call("call-1", None), Call("call-2", None)
    register.occupy_line(first, "+442079460000")
    register.occupy_line(second, "+442079460000")
    register.occupy_line(second, "sip:2001@pbx")
    register.occupy_line(second, None)
    assert register.is_on_the_line(["+442079460000"])
    assert register.is_on_the_line([None, "sip:2001@pbx"])
    assert not register.is_on_the_line(["sip:2001@pbx"], but_for=second)
    assert not register.is_on_the_line([None, "+442079460001"])
    register.free_line(second)
    assert register.is_on_the_line(["+442079460000"])
    assert not register.is_on_the_line(["+442079460000"], but_for=first)
    register.free_line(first)
    register.free_line(first)
    assert not register.is_on_the_line(["+442079460000", "sip:2001@pbx"])
