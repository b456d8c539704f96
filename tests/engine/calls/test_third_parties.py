"""Who joins a call that is up: admitted as whoever is called, counted, and settled at its end."""

from pathlib import Path

import pytest

from config.policy import Limit, Limits
from engine.calls.call import Call
from engine.calls.call_legs import CallLegs
from engine.calls.third_parties import ThirdParties, check_not_busy
from engine.errors import EngineError
from engine.routing.admission import PolicySettings
from tests.support.scene import Scene, run_scene

NUMBER = "+442079461234"


def thirds_of(stage: Scene) -> tuple[Call, ThirdParties]:
    call = Call("call-1", None)
    legs = CallLegs(call, stage.services, lambda *_args, **_fields: None, stage.admission)
    return call, ThirdParties(stage.services, call, legs, stage.admission)


def test_a_number_is_admitted_counted_and_on_the_line(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        stage.admission.apply(PolicySettings(limits=Limits(number=Limit(per_day=1))))
        call, thirds = thirds_of(stage)
        registry = stage.services.registry
        leg = thirds.admit(NUMBER, stage.services.dialplan.destination(NUMBER, field="to"), "agent")
        thirds.answered(leg)
        assert registry.is_on_the_line([NUMBER]) and leg.role == "agent"
        with pytest.raises(EngineError) as refused:
            thirds.admit(NUMBER, leg.destination, "supervisor")
        assert refused.value.data["policy"] == "velocity"
        thirds.settle()
        registry.free_line(call)
        assert not registry.is_on_the_line([NUMBER])

    run_scene(tmp_path, script)


def test_an_agent_is_not_counted(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        stage.admission.apply(PolicySettings(limits=Limits(number=Limit(per_day=1))))
        _call, thirds = thirds_of(stage)
        destination = stage.services.dialplan.agent_destinations("alice")[0]
        for _ in range(3):
            thirds.answered(thirds.admit("alice", destination, "supervisor"))
        thirds.settle()

    run_scene(tmp_path, script)


@pytest.mark.parametrize("state", ["reserved", "ringing", "talking"])
def test_an_agent_who_has_a_call_is_busy(state: str) -> None:
    with pytest.raises(EngineError, match=f"alice is {state}"):
        check_not_busy(state, "alice")
    check_not_busy("available", "alice")
