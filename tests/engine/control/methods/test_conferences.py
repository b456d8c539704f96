"""The methods about conferences: what each takes, and what it changes."""

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from engine.call_control.conferences import Conferences
from engine.call_control.controlled_calls import ControlledCalls
from engine.control.connections.peer import Peer
from engine.control.methods.conferences import ConferenceMethods
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.scene import Scene


class Asked:
    """The methods of one engine, asked with parameters as a client gives them."""

    def __init__(self, stage: Scene, calls: ControlledCalls) -> None:
        self._table = ConferenceMethods(Conferences(stage.services, calls)).table()

    async def __call__(self, method: str, **params: Any) -> Any:
        found = self._table[f"conference.{method}"]
        reply = found.run(msgspec.convert(params, found.params), cast(Peer, None))
        return await reply if asyncio.iscoroutine(reply) else reply


def test_a_conference_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        ask = Asked(stage, calls)
        created = await ask("create", conference="friday", context={"about": "x"})
        assert (created["max_members"], created["context"]) == (50, {"about": "x"})
        assert stage.last("conference.created")["max_members"] == 50
        call, _phone = await up(stage, calls, NUMBER)
        leg = leg_of(call)
        joined = await ask("join", conference="friday", leg=leg, muted=True)
        assert joined["call"] is None and joined["conference"]["members"][0]["muted"]
        invited = await ask("join", conference="friday", agent="alice", deaf=True)
        assert invited["conference"]["invited"] == [invited["call"]["call"]]
        phone = await stage.phone()
        phone.answers()
        await asyncio.sleep(0.1)
        shown = await ask("get", conference="friday")
        assert [one["deaf"] for one in shown["members"]] == [False, True]
        for method, what, on, kind in (
            ("mute", "muted", False, "unmuted"),
            ("deafen", "deaf", True, "deafened"),
            ("deafen", "deaf", False, "undeafened"),
        ):
            changed = await ask(method, conference="friday", call=call.id, on=on)
            assert changed["members"][0][what] is on
            assert stage.seen("conference.")[-1] == f"conference.{kind}"
        assert stage.last("conference.undeafened")["leg"] == leg
        assert (await ask("lock", conference="friday"))["locked"]
        assert not (await ask("lock", conference="friday", on=False))["locked"]
        assert stage.last("conference.unlocked")["conference"] == "friday"
        kicked = await ask("kick", conference="friday", leg=leg, hang_up=False)
        assert len(kicked["members"]) == 1
        assert (await ask("list"))["conferences"] == [kicked]
        ended = await ask("end", conference="friday")
        assert ended["members"] == [] and (await ask("list"))["conferences"] == []
        await asyncio.sleep(0.1)
        assert phone.is_hung_up

    run_calls(tmp_path, script)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("create", {"max_members": 1}),
        ("create", {"max_members": 101}),
        ("create", {"context": {"long": "x" * 20_000}}),
        ("join", {"conference": "friday"}),
        ("join", {"conference": "friday", "leg": "l", "to": "1"}),
        ("kick", {"conference": "friday"}),
        ("mute", {"conference": "friday", "leg": "l", "call": "c"}),
        ("get", {}),
        ("end", {"conference": "friday", "hangup": True}),
    ],
)
def test_what_is_no_request(tmp_path: Path, method: str, params: dict[str, Any]) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        with pytest.raises((msgspec.ValidationError, ValueError)):
            await Asked(stage, calls)(method, **params)

    run_calls(tmp_path, script)
