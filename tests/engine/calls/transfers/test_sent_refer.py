"""REFER of ours: its 202 is no success, and where it fails the two talk again."""

import asyncio
from pathlib import Path

import pytest

from config.agents import Agent
from engine.errors import EngineError
from sip.message.name_addr import parse_name_addr
from tests.support.two_who_talk import CAROL, Stage, run_talk


def test_the_customers_phone_calls_the_third_party(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer")
        await asyncio.sleep(1.0)
        assert [uri for uri, _ in stage.customer.referred_to] == [CAROL]
        assert stage.scene.seen("transfer.") == ["transfer.started"]
        assert stage.scene.sip.phones.empty(), "we call nobody"
        stage.customer.tells(200, "OK")
        job = await stage.completed()
        done = stage.last("transfer.completed")
        assert (done["how"], done["to"]) == ("refer", CAROL)
        assert "new_leg" not in done
        assert stage.agent.is_hung_up and stage.customer.is_hung_up
        assert job.cause == "transferred"
        assert stage.agents.known("alice").state == "available"

    run_talk(tmp_path, script)


@pytest.mark.parametrize(
    ("status", "result"), [(486, "busy"), (603, "declined"), (408, "no_answer"), (405, "rejected")]
)
def test_the_two_talk_again(tmp_path: Path, status: int, result: str) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer")
        await asyncio.sleep(1.0)
        stage.customer.tells(status, "No")
        await asyncio.sleep(0.1)
        failed = stage.last("transfer.failed")
        assert (failed["result"], failed["sip_status"], failed["how"]) == (result, status, "refer")
        assert stage.scene.seen("bridge.")[-2:] == ["bridge.joined", "bridge.joined"]
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_a_phone_that_is_asked_already(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.customer.refuses_refer = True
        stage.transfer(how="refer")
        await asyncio.sleep(0.1)
        assert stage.last("transfer.failed")["result"] == "unavailable"
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_the_dial_policy_is_asked_first(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for target in ("sip:carol@192.0.2.66", "+449091234567", stage.agent.invitation.target):
            with pytest.raises(EngineError):
                stage.transfer(target, how="refer")
        assert stage.customer.referred_to == []
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_no_phone_is_asked_to_call_a_browser(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        browser = Agent(name="eve", uri="webrtc:eve").reached_at
        stage.scene.services.dialplan.set_agent("eve", browser)
        for mode in ("blind", "attended"):
            with pytest.raises(EngineError, match="browser"):
                stage.transfer("eve", how="refer", mode=mode)
        assert stage.customer.referred_to == [] and stage.scene.sip.phones.empty()
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_a_party_that_hangs_up_before_it_tells_has_not_told(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer")
        await asyncio.sleep(1.0)
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.last("transfer.failed")["result"] == "cancelled"
        assert "transfer.completed" not in stage.scene.seen("transfer.")
        assert stage.agent.is_hung_up

    run_talk(tmp_path, script)


def test_who_leaves_may_hang_up_meanwhile(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer")
        await asyncio.sleep(1.0)
        stage.agent.hangs_up()
        await asyncio.sleep(1.0)
        assert not stage.customer.is_hung_up
        stage.customer.tells(486, "Busy")
        await stage.completed()
        assert stage.customer.is_hung_up, "nobody is left to talk with"

    run_talk(tmp_path, script)


def test_the_agent_may_be_referred_as_well(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        (call,) = stage.scene.services.registry.calls.values()
        agent_leg = next(leg.id for leg in call.legs if leg.role == "agent")
        stage.transfer(how="refer", leg=agent_leg)
        await asyncio.sleep(0.1)
        assert len(stage.agent.referred_to) == 1
        stage.agent.tells(200)
        await stage.completed()
        assert stage.customer.is_hung_up

    run_talk(tmp_path, script)


@pytest.mark.parametrize("mode", ["attended", "warm"])
def test_attended_the_third_partys_dialog_is_replaced(tmp_path: Path, mode: str) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer", mode=mode)
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(1.0)
        assert stage.customer.referred_to == []
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        ((refer_to, _),) = stage.customer.referred_to
        uri = parse_name_addr(f"<{refer_to}>").uri
        assert uri.headers == {"Replaces": carol.replaced_as}  # type: ignore[union-attr]
        stage.customer.tells(200)
        await stage.completed()
        assert carol.is_hung_up and stage.customer.is_hung_up
        assert stage.last("transfer.completed")["how"] == "refer"

    run_talk(tmp_path, script)


def test_attended_they_are_joined_by_us_where_the_phone_does_not(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer", mode="attended")
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(1.0)
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        stage.customer.tells(501, "Not Implemented")
        await asyncio.sleep(0.1)
        done = stage.last("transfer.completed")
        assert done["how"] == "bridge" and done["new_leg"] == carol.owner.id
        stage.customer.hangs_up()
        await stage.completed()
        assert carol.is_hung_up

    run_talk(tmp_path, script)


def test_attended_a_third_party_that_goes_leaves_nobody(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(how="refer", mode="attended")
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(1.0)
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        carol.hangs_up()
        stage.customer.tells(481, "Gone")
        await stage.completed()
        assert stage.last("transfer.failed")["sip_status"] == 481
        assert stage.customer.is_hung_up

    run_talk(tmp_path, script)
