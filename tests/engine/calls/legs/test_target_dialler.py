"""A party is called by its targets in turn, and by those that a 3xx names."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.calls.leg import Leg, LegEnded
from engine.routing.trunk_figures import TrunkTry
from sip.auth.digest import Credentials
from sip.hop import Hop
from sip.transport.resolver import ResolutionFailed
from tests.support.leg_owner import LegOwner
from tests.support.legs import CALLER, leg_to
from tests.support.scene import Scene, run_scene

CAROL, DAVE = "sip:carol@127.0.0.1", "sip:dave@127.0.0.1"
Script = Callable[[Scene, "asyncio.Task[None]", LegOwner], Awaitable[None]]


def run_dialling(tmp_path: Path, script: Script, *permitted: str) -> Leg:
    """Run a script while bob is dialled; redirections are permitted to these."""
    legs: list[Leg] = []

    async def with_leg(stage: Scene) -> None:
        owner = LegOwner()
        owner.permitted = set(permitted)
        leg = leg_to(stage, owner=owner)
        legs.append(leg)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
        await script(stage, dialling, owner)
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)
    return legs[0]


async def failed(dialling: "asyncio.Task[None]") -> LegEnded:
    with pytest.raises(LegEnded) as caught:
        await dialling
    return caught.value


def test_a_redirected_call_reaches_who_may_be_called(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        (await stage.phone()).refuses(302, "Moved", contacts=("sip:evil@192.0.2.66", CAROL))
        carol = await stage.phone()
        assert carol.invitation.target == CAROL
        carol.answers()
        await dialling
        ((_kind, said),) = [one for one in owner.published if one[0] == "leg.redirected"]
        assert said["targets"] == [CAROL]
        assert said["refused"] == ["sip:evil@192.0.2.66: sip:evil@192.0.2.66 is not permitted"]

    leg = run_dialling(tmp_path, script, CAROL)
    assert leg.record.uri == CAROL


def test_a_call_that_is_redirected_to_nobody_fails_with_the_reason(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        (await stage.phone()).refuses(302, "Moved", contacts=("sip:evil@192.0.2.66",))
        ended = await failed(dialling)
        assert (ended.hangup_cause.result, ended.hangup_cause.sip_status) == ("rejected", 302)
        assert "is not permitted" in ended.hangup_cause.phrase
        assert stage.sip.phones.empty()

    run_dialling(tmp_path, script)


def test_the_next_contact_is_called_where_one_is_busy(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        (await stage.phone()).refuses(300, contacts=(CAROL, DAVE))
        (await stage.phone()).refuses(486)
        dave = await stage.phone()
        assert dave.invitation.target == DAVE
        dave.answers()
        await dialling

    run_dialling(tmp_path, script, CAROL, DAVE)


def test_a_603_speaks_for_all_contacts(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        (await stage.phone()).refuses(300, contacts=(CAROL, DAVE))
        (await stage.phone()).refuses(603)
        assert (await failed(dialling)).hangup_cause.result == "declined"

    run_dialling(tmp_path, script, CAROL, DAVE)


def test_two_that_redirect_to_each_other(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        bob = await stage.phone()
        bob.refuses(302, contacts=(CAROL,))
        (await stage.phone()).refuses(302, contacts=(bob.invitation.target,))
        assert "was called before" in (await failed(dialling)).hangup_cause.phrase

    run_dialling(tmp_path, script, CAROL, "sip:bob@127.0.0.1")


def test_use_proxy(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        bob = await stage.phone()
        bob.refuses(305, contacts=("sip:127.0.0.9",))
        again = await stage.phone()
        assert again.invitation.target == bob.invitation.target
        assert again.invitation.route == ("<sip:127.0.0.9;lr>",)
        again.answers()
        await dialling

    run_dialling(tmp_path, script, "sip:127.0.0.9")


@pytest.mark.parametrize("status", [380, 399])
def test_other_3xx_end_the_call(tmp_path: Path, status: int) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]", owner: LegOwner) -> None:
        (await stage.phone()).refuses(status, contacts=(CAROL,))
        assert (await failed(dialling)).hangup_cause.result == "rejected"

    run_dialling(tmp_path, script, CAROL)


NUMBER = "+442079460123"


def about(seconds: float) -> Any:
    """What equals the figure of a clock."""
    return pytest.approx(seconds)


def run_by_trunk(
    tmp_path: Path, script: Callable[[Scene, "asyncio.Task[None]"], Awaitable[None]]
) -> list[TrunkTry]:
    """Run a script while a number is dialled by the trunks one and two: what was told of them."""
    owner = LegOwner()

    async def with_leg(stage: Scene) -> None:
        leg = leg_to(stage, NUMBER, owner=owner)
        await leg.open()
        await script(stage, asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0)))
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)
    return owner.tried


def test_an_answered_call_tells_the_delay_to_the_first_ringing(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        phone = await stage.phone()
        await asyncio.sleep(2.0)
        phone.rings()
        await asyncio.sleep(5.0)
        phone.answers()
        await dialling

    (tried,) = run_by_trunk(tmp_path, script)
    assert tried == TrunkTry("one", answered=True, post_dial_delay_s=about(2.0))


def test_each_trunk_is_told_of_by_itself(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        (await stage.phone()).refuses(503, "Full")
        phone = await stage.phone()
        await asyncio.sleep(1.0)
        phone.answers()
        await dialling

    first, second = run_by_trunk(tmp_path, script)
    assert first == TrunkTry("one", failure="Full", status=503)
    assert second == TrunkTry("two", answered=True, post_dial_delay_s=about(1.0))


@pytest.mark.parametrize("status", [486, 603])
def test_what_the_party_says_is_no_failure_of_the_trunk(tmp_path: Path, status: int) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        (await stage.phone()).refuses(status)
        await failed(dialling)

    assert run_by_trunk(tmp_path, script) == [TrunkTry("one")]


def test_a_redirection_counts_at_no_trunk(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        (await stage.phone()).refuses(302, contacts=("sip:evil@192.0.2.66",))
        await failed(dialling)

    assert run_by_trunk(tmp_path, script) == []


def test_nobody_answers_in_time(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        phone = await stage.phone()
        phone.rings()
        await failed(dialling)

    (tried,) = run_by_trunk(tmp_path, script)
    assert (tried.answered, tried.failure) == (False, None)
    assert tried.post_dial_delay_s == pytest.approx(0.0)


def test_trunks_that_stay_silent(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        await stage.phone()  # gives way after 5 s
        await stage.phone()  # the last one has the whole time
        await failed(dialling)

    first, second = run_by_trunk(tmp_path, script)
    for tried in (first, second):
        assert (tried.answered, tried.post_dial_delay_s, tried.status) == (False, None, None)
        assert tried.failure is not None and "no response" in tried.failure


def test_a_call_that_is_called_off_is_no_failure(tmp_path: Path) -> None:
    async def script(stage: Scene, dialling: "asyncio.Task[None]") -> None:
        await stage.phone()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling

    assert run_by_trunk(tmp_path, script) == [TrunkTry("one")]


def test_a_full_trunk_is_passed_over(tmp_path: Path) -> None:
    owner = LegOwner()
    owner.full = {"one"}

    async def with_leg(stage: Scene) -> None:
        leg = leg_to(stage, NUMBER, owner=owner)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
        (await stage.phone()).answers()
        await dialling
        assert leg.record.trunk == "two"
        owner.full = {"one", "two"}
        other = leg_to(stage, NUMBER, leg_id="leg-2", owner=owner)
        await other.open()
        ended = await failed(asyncio.create_task(other.dial(caller=CALLER, ring_s=30.0)))
        assert ended.hangup_cause.phrase == "trunk two is full"
        assert stage.sip.phones.empty()
        await leg.release()
        await other.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)
    assert [tried.trunk for tried in owner.tried] == ["two"]


def answered_with(
    tmp_path: Path, status: int, *, rings: bool = False, has_credentials: bool = False
) -> list[str]:
    """Which trunks are called, one after the other, where the first answers with the status."""
    owner = LegOwner()

    async def with_leg(stage: Scene) -> None:
        leg = leg_to(stage, NUMBER, owner=owner)
        if has_credentials:
            first, second = leg.destination.targets
            first = replace(first, credentials=Credentials("ringback", "secret"))
            leg.destination = replace(leg.destination, targets=(first, second))
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
        phone = await stage.phone()
        if rings:
            phone.rings()
        phone.refuses(status)
        done, _ = await asyncio.wait([dialling], timeout=1.0)
        if done:
            await failed(dialling)
        else:
            (await stage.phone()).answers()
            await dialling
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)
    return [tried.trunk for tried in owner.tried]


@pytest.mark.parametrize("status", [401, 407, 408, 500, 501, 502, 503, 504, 505, 513, 580, 599])
def test_another_trunk_is_tried_where_the_first_is_at_fault(tmp_path: Path, status: int) -> None:
    assert answered_with(tmp_path, status) == ["one", "two"]


@pytest.mark.parametrize("status", [403, 404, 410, 480, 484, 486, 487, 488, 600, 603, 604, 606])
def test_no_other_trunk_is_tried_where_the_party_has_answered(tmp_path: Path, status: int) -> None:
    assert answered_with(tmp_path, status) == ["one"]


def test_403_of_our_credentials_is_the_fault_of_the_trunk(tmp_path: Path) -> None:
    assert answered_with(tmp_path, 403, has_credentials=True) == ["one", "two"]
    assert answered_with(tmp_path, 486, has_credentials=True) == ["one"]


def test_408_after_it_rang_is_said_of_the_party(tmp_path: Path) -> None:
    assert answered_with(tmp_path, 408, rings=True) == ["one"]


def by_two_hosts(
    tmp_path: Path, *statuses: int | None
) -> tuple[list[str], list[str], list[TrunkTry]]:
    """Call by the trunk one, which has two hosts, and then by two.

    Each in turn answers with a status, 200 or nothing: the places that are called, the hosts that
    are passed over, and what is told of the trunks.
    """
    owner = LegOwner()
    called: list[str] = []

    async def with_leg(stage: Scene) -> None:
        leg = leg_to(stage, NUMBER, owner=owner)
        first, second = leg.destination.targets
        one = replace(first, host="a", target=f"sip:{NUMBER}@a.example")
        other = replace(first, host="b", target=f"sip:{NUMBER}@b.example")
        targets = (replace(one, others=(other,)), second)
        leg.destination = replace(leg.destination, targets=targets)
        await leg.open()
        dialling = asyncio.create_task(leg.dial(caller=CALLER, ring_s=30.0))
        for status in statuses:
            phone = await stage.phone()
            called.append(phone.invitation.target.partition("@")[2])
            if status == 200:
                phone.answers()
            elif status is not None:
                phone.refuses(status)
        if 200 in statuses:
            await dialling
        else:
            await failed(dialling)
        assert stage.sip.phones.empty()
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, with_leg)
    return called, owner.failed_hosts, owner.tried


def test_the_next_host_of_a_trunk_is_tried_before_the_next_trunk(tmp_path: Path) -> None:
    called, rested, tried = by_two_hosts(tmp_path, 500, None, 200)
    assert called == ["a.example", "b.example", "127.0.0.1:5072"]
    assert rested == ["b"], "only the one that is silent"
    # Both hosts are one try of the trunk.
    assert [(one.trunk, one.answered) for one in tried] == [("one", False), ("two", True)]


def test_a_call_that_a_second_host_answers(tmp_path: Path) -> None:
    called, _rested, tried = by_two_hosts(tmp_path, 503, 200)
    assert called == ["a.example", "b.example"]
    assert [(one.trunk, one.answered) for one in tried] == [("one", True)]


@pytest.mark.parametrize("status", [404, 486, 600, 603])
def test_what_the_party_says_is_not_asked_at_another_host(tmp_path: Path, status: int) -> None:
    called, _rested, tried = by_two_hosts(tmp_path, status)
    assert called == ["a.example"]
    assert len(tried) == 1


def test_a_party_whose_name_has_no_address_is_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_address(_uri: str, _trunk: str = "") -> tuple[Hop, ...]:
        raise ResolutionFailed("nowhere.example has no address")

    async def script(stage: Scene) -> None:
        monkeypatch.setattr(stage.sip, "hops", no_address)
        leg = leg_to(stage, "sip:alice@nowhere.example")
        await leg.open()
        with pytest.raises(LegEnded) as caught:
            await leg.dial(caller=CALLER, ring_s=30.0)
        assert "nowhere.example has no address" in caught.value.hangup_cause.phrase
        assert stage.sip.phones.empty()
        await leg.release()
        stage.services.registry.legs.clear()

    run_scene(tmp_path, script, allow_hosts=["nowhere.example"])
