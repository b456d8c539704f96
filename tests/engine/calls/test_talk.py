"""Two who talk, and transfers of either of them: who hears whom, and what is published."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from config.policy import Hours, Limit, Limits, Rate
from engine.calls.call import Call
from engine.calls.leg import Leg
from engine.calls.transfers.request import MOST_TRANSFERS
from engine.errors import EngineError
from engine.routing.admission import AdmissionQuery, PolicySettings
from media.sources import Mix, Peer
from sip.dialog.uas import UasSession
from tests.support.phones.scripted import incoming
from tests.support.two_who_talk import CAROL, Stage, run_talk


def test_the_third_party_takes_the_place_of_the_agent(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.agent.refers(CAROL)
        carol = await stage.scene.phone()
        assert carol.invitation.target == CAROL
        carol.answers()
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", "200 OK"]
        assert stage.agent.is_hung_up and not stage.customer.is_hung_up
        assert stage.last("transfer.completed")["by"] == "phone"
        carol.hangs_up()
        job = await stage.completed()
        assert stage.customer.is_hung_up
        assert job.cause == "agent hung up"
        legs = [leg.leg for leg in job.attempts[0].legs]
        done = stage.last("transfer.completed")
        assert [done["from_leg"], done["leg"], done["new_leg"]] == legs

    run_talk(tmp_path, script)


def test_the_customers_phone_may_transfer_the_agent(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.customer.refers("sip:ignored@host", user_here=CAROL)
        carol = await stage.scene.phone()
        assert carol.invitation.target == CAROL
        carol.answers()
        await asyncio.sleep(0.1)
        assert stage.customer.is_hung_up and not stage.agent.is_hung_up
        stage.agent.hangs_up()
        await stage.completed()
        assert carol.is_hung_up

    run_talk(tmp_path, script)


@pytest.mark.parametrize(
    ("status", "result"), [(486, "busy"), (603, "declined"), (404, "not_found")]
)
def test_the_two_talk_again(tmp_path: Path, status: int, result: str) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.agent.refers(CAROL)
        (await stage.scene.phone()).refuses(status)
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", f"{status} No"]
        failed = stage.last("transfer.failed")
        assert (failed["result"], failed["sip_status"]) == (result, status)
        assert stage.scene.seen("bridge.") == [
            "bridge.joined", "bridge.joined", "bridge.left", "bridge.left",
            "bridge.joined", "bridge.joined",
        ]  # fmt: skip
        # Another transfer may follow.
        stage.transfer()
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert stage.agent.is_hung_up
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_nobody_answers(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(ring_s=5.0)
        carol = await stage.scene.phone()
        carol.rings()
        await asyncio.sleep(6.0)
        assert carol.is_hung_up
        assert stage.last("transfer.failed")["result"] == "no_answer"
        assert not stage.agent.is_hung_up
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_who_transfers_may_hang_up_at_once(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agent.refers(CAROL)
        carol = await stage.scene.phone()
        stage.agent.hangs_up()
        await asyncio.sleep(1.0)
        assert not stage.customer.is_hung_up
        carol.answers()
        await asyncio.sleep(0.1)
        carol.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_who_is_left_alone_is_hung_up(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.agent.refers(CAROL)
        carol = await stage.scene.phone()
        stage.agent.hangs_up()
        carol.refuses(486)
        await stage.completed()
        assert stage.customer.is_hung_up

    run_talk(tmp_path, script)


def test_who_is_transferred_hangs_up_while_it_rings(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.agent.refers(CAROL)
        carol = await stage.scene.phone()
        carol.rings()
        stage.customer.hangs_up()
        await stage.completed()
        assert carol.is_hung_up and stage.agent.is_hung_up
        assert stage.last("transfer.failed")["result"] == "cancelled"
        assert referral.said == ["accepted"]

    run_talk(tmp_path, script)


@pytest.mark.parametrize(
    "target",
    [
        "sip:carol@192.0.2.66",
        "tel:+449091234567",
        "sip:bob@127.0.0.1;maddr=192.0.2.1",
        "mailto:carol@example.com",
    ],
)
def test_the_dial_policy_decides(tmp_path: Path, target: str) -> None:
    async def script(stage: Stage) -> None:
        referral = stage.agent.refers(target)
        (said,) = referral.said
        assert said.startswith("403 ")
        assert stage.last("transfer.failed")["result"] == "rejected"
        assert stage.scene.sip.phones.empty()
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


NUMBER = "+442079460123"


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ({"limits": Limits(number=Limit(per_day=1))}, "velocity"),
        ({"limits": Limits(total=Limit(cost_per_day=Decimal("0.01")))}, "cost"),
        ({"hours": Hours(enforce=True)}, "hours"),
    ],
)
def test_limits_and_hours_hold_for_a_third_party(
    tmp_path: Path, settings: dict[str, Any], policy: str
) -> None:
    async def script(stage: Stage) -> None:
        stage.scene.admission.apply(PolicySettings(**settings))
        if policy == "velocity":
            stage.transfer(NUMBER)
            (await stage.scene.phone()).refuses(486)
            await asyncio.sleep(0.1)
        with pytest.raises(EngineError) as caught:
            stage.transfer(NUMBER)
        assert (caught.value.kind, caught.value.data["policy"]) == ("refused", policy)
        (said,) = stage.agent.refers(f"tel:{NUMBER}").said
        assert said.startswith("403 ")
        assert stage.scene.sip.phones.empty()
        # An agent is no customer: colleagues may be connected all day long.
        stage.transfer("bob")
        (await stage.scene.phone()).refuses(486)
        await asyncio.sleep(0.1)
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script, "alice", "bob")


def test_nobody_is_added_to_a_call_while_the_engine_is_overloaded(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        services = stage.scene.services
        services.overload.reason = "the engine is overloaded"
        with pytest.raises(EngineError, match="overloaded") as caught:
            stage.transfer(NUMBER)
        assert caught.value.kind == "unavailable"
        (said,) = stage.agent.refers(f"tel:{NUMBER}").said
        assert said.startswith("480 ")
        services.overload.reason = None
        assert stage.scene.sip.phones.empty()
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script, "alice")


def test_a_third_party_who_talks_elsewhere_is_not_called(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        registry, other = stage.scene.services.registry, Call("call-other", None)
        registry.occupy_line(other, NUMBER)
        with pytest.raises(EngineError, match="on the line"):
            stage.transfer(NUMBER)
        registry.free_line(other)
        stage.transfer(NUMBER)
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert registry.is_on_the_line([NUMBER])
        stage.customer.hangs_up()
        await stage.completed()
        assert not registry.is_on_the_line([NUMBER])

    run_talk(tmp_path, script)


def test_a_third_party_costs_once_and_as_much_as_it_did(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        rate = Rate(prefix="+44", per_minute=Decimal(6), increment_s=1, connection=Decimal(0))
        limit = Limits(total=Limit(cost_per_day=Decimal(100)))
        admission = stage.scene.admission
        admission.apply(PolicySettings(limits=limit, rates=[rate]))
        stage.transfer(NUMBER)
        (await stage.scene.phone()).answers()
        await asyncio.sleep(10.0)
        stage.customer.hangs_up()
        job = await stage.completed()
        assert job.cost is not None
        cost = Decimal(job.cost["amount"])
        assert cost > 0
        for most, is_permitted in ((cost + cost / 2, True), (cost / 2, False)):
            estimate = admission.rates.estimate(NUMBER).amount
            limits = Limits(total=Limit(cost_per_day=most + estimate))
            admission.apply(PolicySettings(limits=limits, rates=[rate]))
            try:
                admission.check(AdmissionQuery(to=NUMBER), asyncio.get_running_loop().time())
            except EngineError as error:
                assert not is_permitted and error.data["policy"] == "cost"
            else:
                assert is_permitted

    run_talk(tmp_path, script)


def test_nobody_is_called_by_their_own_call(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for phone in (stage.agent, stage.customer):
            (said,) = stage.agent.refers(phone.invitation.target).said
            assert said == "403 the target is a party of this call"
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_one_transfer_at_a_time_and_not_for_ever(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        for _ in range(MOST_TRANSFERS):
            first = stage.agent.refers(CAROL)
            second = stage.agent.refers(CAROL)
            assert (first.said, second.said) == (["accepted"], ["491 a transfer is under way"])
            carol = await stage.scene.phone()
            (third,) = stage.agent.refers(CAROL).said
            assert third == "491 a transfer is under way"
            with pytest.raises(EngineError, match="under way"):
                stage.transfer()
            carol.refuses(486)
            await asyncio.sleep(0.1)
        (said,) = stage.agent.refers(CAROL).said
        assert said.startswith("403 the call was transferred")
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_an_agent_who_is_called_is_reserved_and_the_other_is_free(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        def bob_state() -> str:
            return stage.agents.known("bob").state

        stage.transfer("bob")
        bob = await stage.scene.phone()
        assert bob_state() == "ringing"
        bob.answers()
        await asyncio.sleep(0.1)
        assert bob_state() == "talking"
        bob.hangs_up()
        await stage.completed()
        await asyncio.sleep(0.1)
        assert bob_state() != "talking"

    run_talk(tmp_path, script, "alice", "bob")


def test_an_agent_who_talks_is_not_called(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        assert stage.agents.reserve("bob", "another")
        stage.transfer("bob")
        await asyncio.sleep(0.1)
        assert stage.scene.sip.phones.empty()
        assert stage.last("transfer.failed")["cause"] == "agent bob is reserved"
        stage.agents.release("bob", "another")
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script, "alice", "bob")


def test_the_two_consult_first_in_an_attended_transfer(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="attended")
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(0.1)
        assert not stage.agent.is_hung_up
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.completed")["mode"] == "attended"
        stage.customer.hangs_up()
        await stage.completed()
        assert carol.is_hung_up

    run_talk(tmp_path, script)


def test_the_third_party_does_not_want_the_caller(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="attended")
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(0.1)
        carol.hangs_up()
        await asyncio.sleep(0.1)
        assert stage.last("transfer.failed")["result"] == "hung_up"
        assert not stage.agent.is_hung_up and not stage.customer.is_hung_up
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_a_leg_that_does_not_talk_cannot_be_transferred(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        with pytest.raises(EngineError, match="does not talk") as refused:
            stage.transfer(leg="leg-none")
        assert (refused.value.kind, refused.value.field) == ("state", "leg")
        stage.agent.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_the_limit_of_the_talk_holds_after_a_transfer(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer()
        (await stage.scene.phone()).answers()
        await asyncio.sleep(60.0)
        job = await stage.completed()
        assert job.cause == "maximum duration reached"

    run_talk(tmp_path, script, max_duration_s=30.0)


def test_who_is_replaced_by_their_own_phone_is_free(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        leg = stage.agent.owner
        carol = incoming(caller="carol", host="192.0.2.3")
        leg.replace(cast(UasSession, carol))
        carol.acknowledges()
        done = stage.last("transfer.completed")
        assert (done["how"], done["by"], done["to"]) == (
            "replaces",
            "phone",
            "sip:carol@192.0.2.3",
        )
        assert done["from_leg"] == done["new_leg"] == leg.id
        assert not leg.is_taken_over  # carol is somebody else
        assert stage.scene.seen("transfer.") == ["transfer.started", "transfer.completed"]
        assert stage.agents.known("alice").state == "available"
        # The recording, the limit of the talk and further transfers are as before.
        carol.refers(CAROL)
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert carol.is_hung_up
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_an_agent_whose_page_is_loaded_again_stays_in_the_talk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(stage: Stage) -> None:
        monkeypatch.setattr(Leg, "is_taken_over", True)
        page = incoming(caller="alice")
        stage.agent.owner.replace(cast(UasSession, page))
        page.acknowledges()
        await asyncio.sleep(0.1)
        assert stage.scene.seen("transfer.") == []
        assert stage.agents.known("alice").state == "talking"
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_a_phone_that_cannot_be_told_any_more_changes_nothing(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        assert stage.agent.refers("sip:carol@192.0.2.66", is_over=True).said == []
        referral = stage.agent.refers(CAROL)
        referral.is_over = True
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted"]
        assert stage.scene.seen("transfer.completed")
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


# -- warm: all three talk -------------------------------------------------------------------------


def sounds(stage: Stage) -> list[Any]:
    """What agent, customer and the third hear."""
    (call,) = stage.scene.services.registry.calls.values()
    names = {leg.id: name for leg, name in zip(call.legs, "act", strict=False)}

    def shown(source: Any) -> Any:
        if isinstance(source, Peer):
            return names[source.leg]
        return "".join(names[leg] for leg in source.legs) if isinstance(source, Mix) else source

    newest = [stage.scene.media.heard[leg.id] for leg in call.legs]
    return [shown(heard[-1]) if heard else None for heard in newest]


def test_a_warm_transfer_is_a_talk_of_three(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="warm")
        carol = await stage.scene.phone()
        carol.rings()
        await asyncio.sleep(1.0)
        assert sounds(stage)[:2] == ["c", "a"]  # they talk on
        with pytest.raises(EngineError, match="under way"):
            stage.transfer()
        carol.answers()
        await asyncio.sleep(0.1)
        assert sounds(stage) == ["ct", "at", "ac"]
        assert stage.scene.seen("transfer.") == ["transfer.started"]
        await asyncio.sleep(30.0)
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        assert sounds(stage)[1:] == ["t", "c"]
        done = stage.last("transfer.completed")
        assert (done["mode"], done["how"]) == ("warm", "bridge")
        carol.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)


def test_a_third_who_leaves_a_talk_of_three(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="warm")
        carol = await stage.scene.phone()
        carol.answers()
        await asyncio.sleep(10.0)
        carol.hangs_up()
        await asyncio.sleep(0.1)
        assert sounds(stage)[:2] == ["c", "a"]
        assert stage.last("transfer.failed")["result"] == "hung_up"
        await asyncio.sleep(20.0)
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.last("callback.completed")["talk_s"] > 30.0

    run_talk(tmp_path, script)


def test_the_two_talk_on_where_the_third_of_a_warm_transfer_is_busy(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="warm")
        (await stage.scene.phone()).refuses(486)
        await asyncio.sleep(0.1)
        assert stage.last("transfer.failed")["result"] == "busy"
        assert stage.scene.seen("bridge.") == ["bridge.joined"] * 2  # nothing was parted
        stage.transfer(mode="warm")
        (await stage.scene.phone()).answers()
        await asyncio.sleep(0.1)
        stage.customer.hangs_up()
        await stage.completed()
        assert stage.scene.seen("transfer.")[-1] == "transfer.failed"

    run_talk(tmp_path, script)


def test_who_leaves_while_the_third_rings_leaves_the_ringing_tone(tmp_path: Path) -> None:
    async def script(stage: Stage) -> None:
        stage.transfer(mode="warm")
        carol = await stage.scene.phone()
        stage.agent.hangs_up()
        await asyncio.sleep(0.1)
        assert sounds(stage)[1] == stage.scene.services.ringing
        carol.answers()
        await asyncio.sleep(0.1)
        assert sounds(stage)[1:] == ["t", "c"]
        stage.customer.hangs_up()
        await stage.completed()

    run_talk(tmp_path, script)
