"""Supervisors of callbacks and of calls by command: rung, joined, changed, and let go."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.call_control.controlled_calls import ControlledCalls
from engine.calls.leg import Leg
from engine.calls.supervision.supervisor_desk import MOST_SUPERVISORS, SupervisorDesk
from engine.calls.supervision.supervisors import SuperviseOrder
from engine.errors import EngineError
from media.errors import NoPortLeft
from media.sources import Mix, Peer, Silence
from tests.support.calls_by_command import NUMBER, leg_of, run_calls, up
from tests.support.leg_owner import LegOwner
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, run_scene
from tests.support.two_who_talk import Stage, run_talk

BOSS = "sip:boss@127.0.0.1"
OUTSIDE = "+442079461234"


def order(stage: Scene, to: str = BOSS, mode: Any = "listen", **more: Any) -> SuperviseOrder:
    """As call.supervise asks for it."""
    plan = stage.services.dialplan
    is_agent = plan.is_agent(to)
    found = plan.agent_destinations(to)[0] if is_agent else plan.destination(to, field="to")
    return SuperviseOrder(to, found, mode, **more)


def supervise(stage: Stage, to: str = BOSS, mode: Any = "listen", **more: Any) -> None:
    (call,) = stage.scene.services.registry.calls.values()
    attempt = stage.dispatcher.callback_of(call.id)
    assert attempt is not None
    attempt.supervise(order(stage.scene, to, mode, **more))


async def joined(stage: Stage, **asked: Any) -> ScriptedPhone:
    """A supervisor who has answered."""
    supervise(stage, **asked)
    phone = await stage.scene.phone()
    phone.answers()
    await asyncio.sleep(0.01)
    return phone


def heard(stage: Stage) -> dict[str, Any]:
    """What each leg of the call hears, by its role."""
    (call,) = stage.scene.services.registry.calls.values()
    names = {leg.id: leg.role for leg in call.legs}

    def shown(source: Any) -> Any:
        if isinstance(source, Peer):
            return names[source.leg]
        return [names[leg] for leg in source.legs] if isinstance(source, Mix) else source

    newest = stage.scene.media.heard
    return {role: shown(newest[leg][-1]) for leg, role in names.items() if newest.get(leg)}


def test_a_supervisor_goes_from_listening_to_barging_and_leaves(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        phone = await joined(stage)
        started = stage.last("supervision.started")
        assert (started["supervisor"], started["mode"]) == (BOSS, "listen")
        both = ["agent", "customer"]
        assert heard(stage) == {"agent": "customer", "customer": "agent", "supervisor": both}
        supervise(stage, mode="whisper")
        assert stage.last("supervision.changed")["mode"] == "whisper"
        assert heard(stage)["agent"] == ["customer", "supervisor"]
        assert heard(stage)["customer"] == "agent"
        supervise(stage, mode="barge")
        supervise(stage, mode="barge")
        assert len(stage.scene.seen("supervision.changed")) == 2
        assert heard(stage)["customer"] == ["agent", "supervisor"]
        assert phone.offered == []  # no re-INVITE
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.last("supervision.ended")["result"] == "hung_up"
        assert heard(stage)["agent"] == "customer" and heard(stage)["customer"] == "agent"
        assert stage.job.state == "bridged"
        await asyncio.sleep(30.0)
        stage.customer.hangs_up()
        job = await stage.completed()
        roles = [leg.role for leg in job.attempts[0].legs]
        assert roles == ["agent", "customer", "supervisor"]

    run_talk(tmp_path, script)


def test_the_supervisor_goes_with_the_call(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        phone = await joined(stage, mode="barge")
        stage.customer.hangs_up()
        await stage.completed()
        assert phone.hung_up.is_set()
        ended = stage.last("supervision.ended")
        assert (ended["result"], ended["mode"]) == ("completed", "barge")
        assert stage.scene.seen()[-1] == "callback.completed"

    run_talk(tmp_path, script)


def test_a_supervisor_who_rings_goes_with_the_call_too(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        supervise(stage)
        phone = await stage.scene.phone()
        stage.agent.hangs_up()
        await stage.completed()
        assert phone.hung_up.is_set()
        assert stage.scene.seen("supervision.") == ["supervision.failed"]

    run_talk(tmp_path, script)


@pytest.mark.parametrize("status", [486, 480, 603])
def test_a_supervisor_who_does_not_answer(tmp_path: Path, status: int) -> None:
    async def script(stage: Stage) -> None:
        supervise(stage)
        (await stage.scene.phone()).refuses(status)
        await asyncio.sleep(0.1)
        assert stage.last("supervision.failed")["sip_status"] == status
        (call,) = stage.scene.services.registry.calls.values()
        assert "supervisors" not in call.view()
        await joined(stage)  # asked again
        assert call.view()["supervisors"][0]["state"] == "joined"
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_no_port_for_a_supervisor(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.scene.media.port_left = False
        supervise(stage)
        await asyncio.sleep(0.1)
        assert stage.last("supervision.failed")["cause"] == str(
            NoPortLeft("no RTP port left in 10000-19999")
        )
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_the_dial_policy_rings_supervisors_and_talk_counts_without_them(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for to in ("112", "+449061234567", "sip:x@198.51.100.9"):
            with pytest.raises(EngineError):
                supervise(stage, to)
        with pytest.raises(EngineError, match="party of this call"):
            supervise(stage, stage.customer.invitation.target)
        phone = await joined(stage, to=OUTSIDE)
        with pytest.raises(EngineError, match="on the line"):
            stage.scene.services.registry.check_not_on_the_line(OUTSIDE)
        await asyncio.sleep(5.0)
        phone.hangs_up()
        await asyncio.sleep(20.0)
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.last("callback.completed")["talk_s"] > 20.0

    run_talk(tmp_path, script)


def test_an_agent_who_supervises_is_offered_no_calls(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        bob = stage.agents.known("bob")
        phone = await joined(stage, to="bob")
        assert str(bob.state) == "reserved"
        phone.hangs_up()
        await asyncio.sleep(0.1)
        assert (bob.state, bob.calls) == ("available", 0)
        stage.agents.reserve("bob", "other")
        with pytest.raises(EngineError, match="bob is reserved"):
            supervise(stage, "bob")
        stage.agents.release("bob", "other")
        stage.agents.pause("bob")
        await joined(stage, to="bob")
        assert bob.state == "paused"
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script, "alice", "bob")


def test_a_permanent_line_supervises_while_it_has_its_media(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        services = stage.scene.services
        line = Leg(
            leg_id="line-1", role="agent", owner=LegOwner(),
            destination=services.dialplan.agent_destinations("bob")[0],
            sip=services.sip, media=services.media,
        )  # fmt: skip
        await line.open()
        services.lines.add_line("bob", line)
        stage.scene.media.open_legs.remove(line.id)  # its media worker has ended
        with pytest.raises(EngineError, match="the permanent line of bob has no media") as refused:
            supervise(stage, "bob")
        assert (refused.value.kind, refused.value.field) == ("unavailable", "agent")
        await asyncio.sleep(0.1)
        assert services.lines.can_be_borrowed("bob") and stage.scene.seen("supervision.") == []
        stage.scene.media.open_legs.add(line.id)
        supervise(stage, "bob")
        assert services.lines.is_borrowed("bob")
        stage.customer.hangs_up()
        await stage.completed()
        assert not services.lines.is_borrowed("bob")
        services.lines.remove_line("bob")
        services.registry.legs.pop(line.id)
        await line.release()

    run_talk(tmp_path, script, "alice", "bob")


def test_a_call_has_so_many_supervisors(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for number in range(MOST_SUPERVISORS):
            await joined(stage, to=f"sip:boss{number}@127.0.0.1")
        with pytest.raises(EngineError, match="at most"):
            supervise(stage)
        with pytest.raises(EngineError, match="does not talk"):
            supervise(stage, mode="whisper", coached="leg-x")
        stage.customer.hangs_up()
        await stage.completed()
        assert len(stage.scene.seen("supervision.ended")) == MOST_SUPERVISORS

    run_talk(tmp_path, script)


def test_a_supervisor_stays_while_the_call_is_transferred(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        await joined(stage, mode="whisper")
        stage.transfer(mode="attended")
        carol = await stage.scene.phone()
        assert heard(stage)["supervisor"] == ["agent", "customer"]
        carol.answers()
        await asyncio.sleep(0.1)
        assert heard(stage)["supervisor"] == ["agent", "agent"]  # the two who consult
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        assert heard(stage)["supervisor"] == ["agent", "customer"]
        assert heard(stage)["customer"] == "agent"
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_nobody_is_supervised_before_the_talk(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.customer.hangs_up()
        (call,) = stage.scene.services.registry.calls.values()
        attempt = stage.dispatcher.callback_of(call.id)
        await stage.completed()
        assert attempt is not None
        with pytest.raises(EngineError, match="do not talk now"):
            attempt.supervise(order(stage.scene))

    run_talk(tmp_path, script)


# -- calls by command -----------------------------------------------------------------------------


def test_a_call_by_command_is_supervised_alone_and_in_a_pair(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, first_phone = await up(stage, calls, NUMBER)
        media = stage.media.heard
        with pytest.raises(EngineError, match="party of this call"):
            calls.find(first.id, None).supervise(order(stage, first.legs[0].record.uri))
        calls.find(first.id, None).supervise(order(stage))
        boss_phone = await stage.phone()
        boss_phone.answers()
        await asyncio.sleep(0.01)
        mine, boss = leg_of(first), first.legs[1].id
        assert media[mine][-1] == Silence() and media[boss][-1] == Peer(mine)
        calls.find(first.id, None).supervise(order(stage, mode="whisper"))
        assert media[mine][-1] == Peer(boss)
        second, second_phone = await up(stage, calls, "alice")
        other = leg_of(second)
        calls.bridge(mine, other, end_together=True)
        # The whisper goes on to whom it was for.
        assert media[mine][-1] == Mix((other, boss)) and media[other][-1] == Peer(mine)
        assert media[boss][-1] == Mix((mine, other))
        calls.find(first.id, None).supervise(order(stage, mode="whisper"))
        assert media[other][-1] == Mix((mine, boss)) and media[mine][-1] == Peer(other)
        calls.hold(second.id, None)
        assert media[mine][-1] == Silence() and media[boss][-1] == Peer(mine)
        calls.resume(second.id, None)
        calls.unbridge(first.id, None)
        assert media[boss][-1] == Peer(mine)
        calls.hold(first.id, None)
        assert media[boss][-1] == Silence()
        boss_phone.hangs_up()
        await asyncio.sleep(0.1)
        second_phone.hangs_up()
        await asyncio.sleep(0.1)
        first_phone.hangs_up()
        await asyncio.sleep(0.1)
        ended = stage.last("call.ended")
        assert [leg["role"] for leg in ended["legs"]] == ["customer", "supervisor"]

    run_calls(tmp_path, script)


def test_a_whisper_needs_somebody_to_hear_it(tmp_path: Path) -> None:
    async def script(stage: Scene, calls: ControlledCalls) -> None:
        first, phone = await up(stage, calls, NUMBER)
        call = calls.find(first.id, None)
        with pytest.raises(EngineError, match="does not talk"):
            call.supervise(order(stage, mode="whisper", coached="leg-x"))
        phone.hangs_up()
        await asyncio.sleep(0.1)
        with pytest.raises(EngineError, match="over"):
            call.supervise(order(stage))

    run_calls(tmp_path, script)


def test_a_whisper_between_two_who_are_no_agents_names_who_hears_it(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        nothing = cast(Any, None)
        desk = SupervisorDesk(
            stage.services, nothing, nothing, nothing, publish=nothing, show=nothing
        )
        parties = [cast(Leg, SimpleNamespace(id=f"leg-{n}", role="customer")) for n in (1, 2)]
        with pytest.raises(EngineError, match="neither party is an agent: name the leg") as refused:
            desk.supervise(order(stage, mode="whisper"), parties)
        assert (refused.value.kind, refused.value.field) == ("state", "leg")

    run_scene(tmp_path, script)
