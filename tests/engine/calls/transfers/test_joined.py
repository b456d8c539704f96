"""A phone that has two calls connects its partners by REFER: nobody is called for that."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.acd.agents import AgentRegistry
from engine.callbacks.dispatcher import Dispatcher
from engine.calls.announcing.plays import Plays
from engine.calls.call import Call, Silenced
from engine.calls.keys.gather import GatherSettings
from engine.calls.keys.gathers import Gathers
from engine.errors import EngineError
from engine.recordings.entry import RecordingOrder
from media.protocol.messages import Dtmf
from media.sources import Peer
from sip.hop import Hop
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone, ScriptedReferral
from tests.support.scene import Scene
from tests.support.staffed import run_with_staff
from tests.support.two_who_talk import Stage

DESK = "sip:desk@127.0.0.1:5080"
CUSTOMERS = {"job-1": "sip:bob@127.0.0.1:5090", "job-2": "sip:carol@127.0.0.1:5090"}


class TwoCalls:
    """Two callbacks of one desk phone: `first` with bob, `second` with carol."""

    def __init__(self, scene: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        self.scene = scene
        self.first, self.second = (
            Stage(scene, dispatcher, agents, callback_job(id=job, agent=DESK, to=to))
            for job, to in CUSTOMERS.items()
        )

    def connects(self, **more: Any) -> ScriptedReferral:
        """The desk phone refers bob to carol, whom it has in its second call."""
        other = self.second.agent
        more = {"replaces": "dialog", "replaced_here": other.session} | more
        return self.first.agent.refers("sip:ringback@engine", user_here="ringback", **more)

    def completed_transfers(self) -> set[tuple[str, str]]:
        """The leg that was transferred, and the new one, in each transfer so far."""
        lines = [
            event.line
            for event in self.scene.services.events.after(0)
            if event.type == "transfer.completed"
        ]
        events = [msgspec.json.decode(line)["params"] for line in lines]
        return {(one["leg"], one["new_leg"]) for one in events}

    async def over(self) -> None:
        """Both callbacks have ended."""
        for stage in (self.first, self.second):
            await stage.completed()


def run_two_calls(tmp_path: Path, script: Callable[[TwoCalls], Awaitable[None]]) -> None:
    async def with_two(scene: Scene, dispatcher: Dispatcher, agents: AgentRegistry) -> None:
        two = TwoCalls(scene, dispatcher, agents)
        await two.first.begin()
        await two.second.begin()
        await script(two)

    run_with_staff(tmp_path, with_two)


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_the_partners_talk_until_either_hangs_up(tmp_path: Path, who: str) -> None:
    async def script(two: TwoCalls) -> None:
        bob, carol = two.first.customer, two.second.customer
        referral = two.connects()
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", "200 OK"]
        assert two.first.agent.is_hung_up and two.second.agent.is_hung_up
        assert not bob.is_hung_up and not carol.is_hung_up
        assert two.scene.sip.phones.empty(), "nobody is called"
        heard = two.scene.media.heard
        assert heard[bob.owner.id][-1] == Peer(carol.owner.id)
        assert heard[carol.owner.id][-1] == Peer(bob.owner.id)
        assert two.completed_transfers() == {
            (bob.owner.id, carol.owner.id), (carol.owner.id, bob.owner.id),
        }  # fmt: skip
        await asyncio.sleep(30)
        (bob if who == "bob" else carol).hangs_up()
        await two.over()
        assert (carol if who == "bob" else bob).is_hung_up

    run_two_calls(tmp_path, script)


def test_who_is_left_can_be_transferred_further_by_their_own_call_alone(tmp_path: Path) -> None:
    async def script(two: TwoCalls) -> None:
        bob, carol = two.first.customer, two.second.customer
        two.connects()
        await asyncio.sleep(0.1)
        refused = bob.refers("sip:dave@127.0.0.1")
        assert refused.said[0].startswith("603")
        referral = carol.refers("sip:dave@127.0.0.1")
        dave: ScriptedPhone = await two.scene.phone()
        dave.answers()
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", "200 OK"]
        assert carol.is_hung_up and not bob.is_hung_up
        await two.second.completed()
        bob.hangs_up()
        await two.first.completed()
        assert dave.is_hung_up

    run_two_calls(tmp_path, script)


def test_the_two_talk_on_where_nobody_talks_in_the_other_call(tmp_path: Path) -> None:
    async def script(two: TwoCalls) -> None:
        carol = two.second.customer
        two.second.agent.refers("sip:dave@127.0.0.1")
        await two.scene.phone()
        referral = two.connects()
        await asyncio.sleep(0.1)
        assert referral.said == ["accepted", "480 nobody talks in the other call"]
        assert not two.first.agent.is_hung_up and not two.first.customer.is_hung_up
        failed = two.scene.last("transfer.failed")
        assert failed["result"] == "unavailable"
        two.first.customer.hangs_up()
        carol.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)


def test_partners_of_different_media_workers_are_not_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(two: TwoCalls) -> None:
        monkeypatch.setattr(two.scene.media, "are_together", lambda _a, _b: False)
        assert two.connects().said == ["accepted"]
        await asyncio.sleep(0.1)
        assert two.scene.last("transfer.failed")["result"] == "unavailable"
        for phone in (two.first.customer, two.second.customer):
            assert not phone.is_hung_up
            phone.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)


def test_the_call_of_another_phone_and_the_own_one_are_refused(tmp_path: Path) -> None:
    async def script(two: TwoCalls) -> None:
        two.second.agent.peer_hop = Hop("udp", "192.0.2.9", 5060)
        assert two.connects().said[0].startswith("403 the call to be replaced is of another phone")
        own = two.connects(replaced_here=two.first.agent.session)
        assert own.said[0].startswith("403 that is a party of this call")
        for phone in (two.first.customer, two.second.customer):
            assert not phone.is_hung_up
            phone.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)


def test_a_dialog_that_is_nobodys_any_more_is_none(tmp_path: Path) -> None:
    async def script(two: TwoCalls) -> None:
        stranger = ScriptedPhone(two.second.agent.invitation)
        stranger.owner = object()
        referral = two.connects(replaced_here=stranger.session)
        assert referral.said[0].startswith("403")
        for phone in (two.first.customer, two.second.customer):
            phone.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("who", ["bob", "carol"])
def test_what_either_tells_in_secret_is_in_no_recording_of_the_other_call(
    tmp_path: Path, who: str, is_late: bool
) -> None:
    async def script(two: TwoCalls) -> None:
        services = two.scene.services
        registry = services.registry

        def recorders(call: Call) -> list[Silenced]:
            attempt = two.first.dispatcher.callback_of(call.id)
            return [] if attempt is None else [attempt.recorded]

        services.gathers = Gathers(
            Plays(registry, services.announcer, hold=services.hold, country="GB"),
            two.scene.recogniser.recognitions,
            registry,
            recorders,
        )
        two.connects()
        await asyncio.sleep(0.1)
        first = registry.call_of(None, two.first.customer.owner.id)
        attempt = two.first.dispatcher.callback_of(first.id)
        assert attempt is not None
        with pytest.raises(EngineError, match="no agent talks now"):
            attempt.recorded_legs("agent")
        leg = (two.first if who == "bob" else two.second).customer.owner
        call = registry.call_of(None, leg.id)
        if not is_late:
            await attempt.recorded.start_by_command(RecordingOrder())
        settings = GatherSettings(max_digits=1, first_digit_s=100.0)
        asking = asyncio.ensure_future(services.gathers.run(call, leg, settings))
        await asyncio.sleep(0.1)
        if is_late:
            await attempt.recorded.start_by_command(RecordingOrder())
            await asyncio.sleep(0.1)
        assert len(two.scene.seen("recording.started")) == 1
        assert two.scene.media.recorded[-1][1] == two.first.customer.owner.id
        assert [pauses for _leg, pauses in two.scene.media.paused] == [True]
        leg.on_media(Dtmf(leg.id, "4", 100))
        assert (await asking).digits == "4"
        assert [pauses for _leg, pauses in two.scene.media.paused] == [True, False]
        two.first.customer.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)


def test_a_secret_that_is_told_as_they_are_connected_is_in_neither_recording(
    tmp_path: Path,
) -> None:
    async def script(two: TwoCalls) -> None:
        told: list[Call] = []
        services = two.scene.services

        def recorders(call: Call) -> list[Silenced]:
            told.append(call)
            return []

        services.gathers = Gathers(
            Plays(services.registry, services.announcer, hold=services.hold, country="GB"),
            two.scene.recogniser.recognitions,
            services.registry,
            recorders,
        )
        bob, carol = two.first.customer.owner, two.second.customer.owner
        calls = [services.registry.call_of(None, leg.id) for leg in (bob, carol)]
        asking = asyncio.ensure_future(
            services.gathers.run(calls[0], bob, GatherSettings(max_digits=1, first_digit_s=100.0))
        )
        await asyncio.sleep(0.1)
        assert told == [calls[0]]
        two.connects()
        await asyncio.sleep(0.1)
        assert told[-2:] == calls
        bob.on_media(Dtmf(bob.id, "4", 100))
        await asking
        two.first.customer.hangs_up()
        await two.over()

    run_two_calls(tmp_path, script)
