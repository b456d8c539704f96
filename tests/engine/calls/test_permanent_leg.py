"""Lines that stay up between calls: kept, dialled again, lent to calls and given back."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.agents import AgentDefaults
from engine.acd.agents import AgentRegistry
from engine.calls.agent_lines import AgentLines
from engine.calls.dialling import Caller
from engine.calls.hangup_cause import HangupCause
from engine.calls.leg import Leg
from engine.calls.permanent_leg import PermanentLegs
from engine.routing.dialplan import Dialplan
from tests.support.floor import agent
from tests.support.leg_owner import LegOwner
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, scene
from tests.support.virtual_loop import run

CALL_OVER = HangupCause("completed", "call over")
CALLER = Caller(None, default="ringback")


class Line:
    """Anna, who stays on the line, and her phone."""

    def __init__(self, stage: Scene, **settings: Any) -> None:
        self.stage = stage
        services = stage.services
        configured = agent("anna", **({"permanent": True} | settings))
        self.agents = services.agents = AgentRegistry(
            [configured], defaults=AgentDefaults(), events=services.events
        )
        set_agent(services.dialplan, configured.reached_at)
        self.owner = LegOwner()
        self.lines = services.lines = AgentLines(
            self.agents,
            sip=services.sip,
            media=services.media,
            registry=services.registry,
            hold=services.hold,
        )
        self.legs = PermanentLegs(services)
        self.agents.start()
        self.legs.start()

    @property
    def state(self) -> str:
        return self.agents.known("anna").state

    async def is_up(self) -> ScriptedPhone:
        """Her phone has answered."""
        phone = await self.stage.phone()
        phone.answers()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return phone

    def borrow(self) -> Leg:
        leg = self.lines.borrow("anna", self.owner)
        assert leg is not None
        return leg

    async def close(self) -> None:
        await self.legs.stop()
        self.stage.assert_nothing_left()


def set_agent(dialplan: Dialplan, addresses: Any) -> None:
    dialplan.set_agent("anna", addresses)


def play(tmp_path: Path, script: Callable[[Line], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        line = Line(scene(tmp_path), **settings)
        await script(line)
        await line.close()

    run(main())


def test_he_is_called_when_he_logs_in_and_free_once_he_has_answered(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        assert line.state == "paused"
        phone = await line.is_up()
        assert line.state == "available"
        assert line.lines.line_of("anna") is not None
        line.agents.logout("anna")
        await asyncio.sleep(1)
        assert phone.is_hung_up
        assert line.stage.sip.phones.empty()

    play(tmp_path, script)


def test_a_line_that_nobody_answers_is_dialled_again_at_growing_intervals(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        loop = asyncio.get_running_loop()
        called: list[float] = []
        for _ in range(9):
            phone = await line.stage.phone()
            called.append(loop.time())
            phone.refuses(486, "Busy Here")
        spans = [round(b - a) for a, b in pairwise(called)]
        assert spans == [1, 2, 4, 8, 16, 32, 60, 60]
        assert line.state == "paused"
        assert line.stage.last("line.failed")["retry_s"] == 60.0

    play(tmp_path, script)


def test_a_trunk_that_fails_for_a_line_is_passed_over_by_other_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[str] = []
    monkeypatch.setattr(
        Dialplan, "trunk_failed", lambda _self, name, *_cause, is_silent: rested.append(name)
    )

    async def script(line: Line) -> None:
        (await line.stage.phone()).is_unreachable()
        await line.is_up()
        assert rested == ["one"]

    play(tmp_path, script, uri="+442079460000")


def test_a_line_that_was_stable_is_dialled_again_at_once(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        loop = asyncio.get_running_loop()
        phone = await line.is_up()
        for up_s, pause_s in ((5, 1), (5, 2), (40, 1)):
            await asyncio.sleep(up_s)
            phone.hangs_up()
            down = loop.time()
            assert line.state == "paused"
            phone = await line.is_up()
            assert loop.time() - down == pytest.approx(pause_s)
            assert line.state == "available"

    play(tmp_path, script)


def test_his_addresses_are_tried_in_turn(tmp_path: Path) -> None:
    addresses = [
        {"uri": "sip:desk@127.0.0.1:5080", "ring_s": 5.0}, {"uri": "sip:mobile@127.0.0.1:5080"}
    ]  # fmt: skip

    async def script(line: Line) -> None:
        desk = await line.stage.phone()
        assert "desk" in desk.invitation.target
        mobile = await line.is_up()
        assert "mobile" in mobile.invitation.target
        assert desk.is_hung_up and line.state == "available"

    play(tmp_path, script, addresses=addresses)


def test_music_between_calls_where_he_likes_it(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        await line.is_up()
        up = line.lines.line_of("anna")
        assert up is not None
        assert line.stage.media.heard[up.id][-1] == line.stage.services.hold

    play(tmp_path, script, comfort="music")


def test_a_reload_calls_and_hangs_up_but_not_in_a_call(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        line.agents.pause("anna", "lunch")
        line.agents.enrol(agent("anna", permanent=True))
        line.legs.review()
        phone = await line.is_up()
        assert line.state == "paused", "she has lunch all the same"
        line.agents.ready("anna")
        leg = line.borrow()
        line.agents.reserve("anna", "job")
        line.agents.talking("anna", "job")
        line.agents.enrol(agent("anna"))
        line.legs.review()
        await asyncio.sleep(1)
        assert not phone.is_hung_up
        leg.hang_up(CALL_OVER)
        line.agents.finished("anna", "job")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert phone.is_hung_up
        assert line.state == "available"
        await asyncio.sleep(100)
        assert line.stage.sip.phones.empty()

    play(tmp_path, script, permanent=False)


def test_nobody_is_dialled_while_he_talks_on_his_phone(tmp_path: Path) -> None:
    """His line went down, and a call was dialled to him meanwhile."""

    async def script(line: Line) -> None:
        phone = await line.is_up()
        line.agents.reserve("anna", "job")
        phone.hangs_up()
        await asyncio.sleep(60)
        assert line.stage.sip.phones.empty()
        line.agents.release("anna", "job")
        await line.is_up()
        assert line.state == "available"

    play(tmp_path, script)
