"""The agents of an offer: who wins, what each hears, and that no agent stays reserved."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from engine.acd.agents import AgentRegistry
from engine.acd.queues import Queues
from engine.acd.waiting import Offer, Waiting
from engine.calls.agent_ringer import (
    AgentRinger,
    AgentsMissed,
    Candidate,
    candidates_of,
    open_all,
)
from engine.calls.announcing.whisper import Announcer, Unspoken
from engine.calls.hangup_cause import BY_COMMAND, ELSEWHERE
from engine.calls.leg import Leg
from engine.errors import EngineError
from engine.routing.targets.destination import Destination
from media.protocol.messages import Dtmf
from media.sources import Prompt
from tests.support.leg_owner import LegOwner
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedSpeech, run_scene
from tests.support.scripted_flow import ScriptedFlow

NAMES = ("alice", "bert", "cleo")


class AgentStates:
    """Stands in for the agent registry: keeps each change, in order."""

    confirm_text = "Press {digit} to take the call."
    outcome_required = False

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.reasons: list[str] = []
        self.on_release: Callable[[str], None] = lambda _name: None
        self.counted: list[bool] = []
        self.wrap_ups: list[float | None] = []

    def ringing(self, name: str, _work: str) -> None:
        self.seen.append((name, "ringing"))

    def talking(self, name: str, _work: str) -> None:
        self.seen.append((name, "talking"))

    def release(self, name: str, _work: str) -> None:
        self.seen.append((name, "release"))
        self.on_release(name)

    def finished(
        self, name: str, _work: str, wrap_up_s: float | None, *, needs_outcome: bool
    ) -> None:
        assert not needs_outcome
        self.wrap_ups.append(wrap_up_s)
        self.seen.append((name, "finished"))

    def missed(self, name: str, _work: str, reason: str, *, counts: bool) -> None:
        self.counted.append(counts)
        self.seen.append((name, "missed"))
        self.reasons.append(reason)

    def of(self, name: str) -> list[str]:
        """The changes of one agent."""
        return [what for who, what in self.seen if who == name]


class Queue:
    """Stands in for the queues."""

    def __init__(self) -> None:
        self.answered_by: list[str] = []

    def answered(self, _offer: Offer, agent: str) -> None:
        self.answered_by.append(agent)


def an_offer(*names: str, queue: str | None = "sales", wrap_up_s: float | None = None) -> Offer:
    waiting = Waiting(
        id="job-1", kind="callback", queue=queue, joined_at=0.0,
        on_offer=lambda _offer: None, on_leave=lambda _leave: None,
    )  # fmt: skip
    return Offer(
        waiting=waiting, queue=queue, agents=names, ring_s=20.0,
        wrap_up_s=wrap_up_s,
    )  # fmt: skip


class Desk:
    """The agents of one offer, with everything that is published of them."""

    def __init__(
        self,
        stage: Scene,
        *names: str,
        ring_s: tuple[float, ...] = (),
        queue: str | None = "sales",
        wrap_up_s: float | None = None,
        lines: tuple[str, ...] = (),
        confirm: dict[str, str] | None = None,
    ) -> None:
        self.stage = stage
        self.agents, self.queue = AgentStates(), Queue()
        stage.services.agents = cast(AgentRegistry, self.agents)
        stage.services.queues = cast(Queues, self.queue)
        self.confirm = confirm or {}
        stage.services.announcer = cast(Announcer, ScriptedSpeech())
        self.flow = ScriptedFlow(stage, lines=lines)
        self.made, self.seen, self.records = self.flow.made, self.flow.published, self.flow.offers
        self.ringer = AgentRinger(
            stage.services,
            self.flow,
            [Candidate(name, self._addresses(name, ring_s)) for name in names],
            an_offer(*names, queue=queue, wrap_up_s=wrap_up_s),
        )

    def _addresses(self, name: str, ring_s: tuple[float, ...]) -> tuple[Destination, ...]:
        plan = self.stage.services.dialplan
        address = replace(plan.destination(name, field="agent"), confirm=self.confirm.get(name, ""))
        return tuple(replace(address, ring_s=each) for each in ring_s) or (address,)

    async def ring(self) -> Leg:
        await open_all(self.ringer.ports())
        return await self.ringer.ring()

    async def close(self) -> None:
        await self.flow.close()
        assert not self.stage.media.open_legs


async def phones_of(stage: Scene, count: int) -> dict[str, ScriptedPhone]:
    """The next phones that are called, by the user they are called as."""
    phones = [await stage.phone() for _ in range(count)]
    return {phone.invitation.target.split(":")[1].split("@")[0]: phone for phone in phones}


def test_all_are_rung_and_the_first_answer_wins(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, *NAMES)
        ringing = asyncio.create_task(desk.ring())
        phones = await phones_of(stage, 3)
        await asyncio.sleep(2)
        phones["bert"].answers()
        leg = await ringing
        assert "bert" in leg.record.uri
        assert phones["alice"].hang_up_reason == phones["cleo"].hang_up_reason == ELSEWHERE
        assert not phones["bert"].is_hung_up
        assert desk.agents.of("bert") == ["ringing", "talking"]
        assert desk.agents.of("alice") == desk.agents.of("cleo") == ["ringing", "release"]
        assert desk.queue.answered_by == ["bert"]
        assert [record.result for record in desk.records] == ["lost", "answered", "lost"]
        assert ("agent.offer_ended", {"agent": "cleo", "result": "lost", "by": "bert"}) in desk.seen
        desk.ringer.release_agents()
        desk.ringer.release_agents()
        assert desk.agents.of("bert") == ["ringing", "talking", "finished"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_two_answers_in_one_moment_have_one_winner(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", "bert")
        ringing = asyncio.create_task(desk.ring())
        phones = await phones_of(stage, 2)
        phones["bert"].answers()
        phones["alice"].answers()
        leg = await ringing
        winner, loser = ("alice", "bert") if "alice" in leg.record.uri else ("bert", "alice")
        assert desk.queue.answered_by == [winner]
        assert not phones[winner].is_hung_up
        assert phones[loser].hang_up_reason == ELSEWHERE
        assert desk.agents.of(loser) == ["ringing", "release"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_agent_who_declines_does_not_end_the_ringing_of_the_others(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", "bert")
        ringing = asyncio.create_task(desk.ring())
        phones = await phones_of(stage, 2)
        phones["alice"].refuses(603, "Decline")
        await asyncio.sleep(1)
        assert desk.agents.of("alice") == ["ringing", "missed"]
        assert not phones["bert"].is_hung_up
        phones["bert"].answers()
        await ringing
        assert desk.agents.of("alice") == ["ringing", "missed"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_nobody_answers(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", "bert")
        ringing = asyncio.create_task(desk.ring())
        phones = await phones_of(stage, 2)
        phones["bert"].rings()
        phones["alice"].refuses(486, "Busy Here")
        with pytest.raises(AgentsMissed) as missed:
            await ringing
        assert missed.value.hangup_cause.result == "no_answer"
        assert phones["bert"].is_hung_up
        assert desk.agents.reasons == ["486 Busy Here", "no answer within 20 s"]
        assert [record.result for record in desk.records] == ["busy", "no_answer"]
        assert desk.queue.answered_by == []
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_addresses_are_rung_in_turn_each_for_its_time(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", ring_s=(5.0, 7.0))
        loop = asyncio.get_running_loop()
        ringing = asyncio.create_task(desk.ring())
        desk_phone = await stage.phone()
        started = loop.time()
        mobile = await stage.phone()
        assert loop.time() - started == pytest.approx(5.0)
        assert desk_phone.is_hung_up
        mobile.answers()
        assert await ringing is desk.made[1]
        assert desk.agents.of("alice") == ["ringing", "talking"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_a_withdrawn_offer_frees_every_agent(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", "bert")
        ringing = asyncio.create_task(desk.ring())
        await phones_of(stage, 2)
        ringing.cancel()
        await asyncio.wait([ringing])
        assert desk.agents.of("alice") == desk.agents.of("bert") == ["ringing", "release"]
        assert [record.result for record in desk.records] == ["withdrawn", "withdrawn"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_answer_that_crosses_the_withdrawal_wins_nothing(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice")
        ringing = asyncio.create_task(desk.ring())
        phone = await stage.phone()
        phone.answers()
        ringing.cancel()
        await asyncio.wait([ringing])
        assert ringing.cancelled()
        assert desk.agents.of("alice") == ["ringing", "release"]
        assert desk.queue.answered_by == []
        await desk.close()
        assert phone.is_hung_up

    run_scene(tmp_path, script, agents=NAMES)


def test_only_missed_offers_of_a_queue_count_against_an_agent(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        for queue, counts in (("sales", True), (None, False)):
            desk = Desk(stage, "alice", queue=queue)
            ringing = asyncio.create_task(desk.ring())
            (await stage.phone()).refuses(486, "Busy Here")
            with pytest.raises(AgentsMissed):
                await ringing
            assert desk.agents.counted == [counts]
            await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_a_hang_up_by_command_does_not_count_against_the_agent(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice")
        ringing = asyncio.create_task(desk.ring())
        await stage.phone()
        desk.made[0].hang_up(BY_COMMAND)
        with pytest.raises(AgentsMissed):
            await ringing
        assert desk.agents.counted == [False]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_a_fault_of_the_engine_does_not_count_against_the_agent(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice")
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).rings()
        await asyncio.sleep(1)
        stage.media.open_legs.clear()
        desk.made[0].on_media_lost("media worker died")
        with pytest.raises(AgentsMissed):
            await ringing
        assert desk.agents.counted == [False]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_the_phone_is_cancelled_before_its_agent_is_free_again(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice")
        ringing = asyncio.create_task(desk.ring())
        phone = await stage.phone()
        desk.agents.on_release = lambda _name: freed.append(phone.is_hung_up)
        freed: list[bool] = []
        ringing.cancel()
        await asyncio.wait([ringing])
        assert freed == [True]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_the_wrap_up_is_that_of_the_queue(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", wrap_up_s=7.0)
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).answers()
        await ringing
        desk.ringer.release_agents()
        assert desk.agents.wrap_ups == [7.0]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_agent_with_a_permanent_line_is_not_dialled(tmp_path: Path) -> None:
    """The line is one more leg; here it stands in for that of AgentLines.borrow."""

    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", lines=("alice",))
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).answers()
        assert await ringing is desk.flow.borrowed["alice"]
        assert desk.made == [desk.flow.borrowed["alice"]]
        assert desk.agents.of("alice") == ["talking"], "a line that is up does not ring"
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_agent_whose_line_goes_down_is_rung_at_the_next_address(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", lines=("alice",), ring_s=(5.0, 5.0), confirm={"alice": "1"})
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).refuses(480)
        (await stage.phone()).answers()
        await asyncio.sleep(1)
        assert not ringing.done(), "the key has to be pressed"
        assert desk.agents.of("alice") == ["ringing"]
        desk.made[-1].on_media(Dtmf(desk.made[-1].id, "1", 100))
        assert await ringing is desk.made[-1]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_agent_without_an_address_has_missed_the_offer(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        agents = AgentStates()
        stage.services.agents = cast(AgentRegistry, agents)
        offer = an_offer("alice", "bert")
        stage.services.dialplan.set_agent("bert", ())
        assert [one.agent for one in candidates_of(offer, stage.services)] == ["alice"]
        assert agents.seen == [("bert", "missed")]
        stage.services.dialplan.set_agent("alice", ())
        with pytest.raises(EngineError, match="no address"):
            candidates_of(offer, stage.services)
        assert agents.seen[1:] == [("alice", "missed"), ("bert", "missed")]

    run_scene(tmp_path, script, agents=NAMES)


def press(desk: Desk, number: int, digit: str) -> None:
    """The phone of a leg sends a digit."""
    leg = desk.made[number]
    leg.on_media(Dtmf(leg.id, digit, 100))


def test_a_call_is_confirmed_by_the_key_where_the_address_says_so(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", confirm={"alice": "1"})
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).answers()
        await asyncio.sleep(4)
        press(desk, 0, "5")
        await asyncio.sleep(1)
        assert not ringing.done()
        heard = stage.media.heard[desk.made[0].id]
        assert Prompt("Press 1 to take the call.") in heard
        press(desk, 0, "1")
        assert await ringing is desk.made[0]
        assert desk.agents.of("alice") == ["ringing", "talking"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_a_question_that_cannot_be_spoken_is_published_and_the_key_still_counts(
    tmp_path: Path,
) -> None:
    async def script(stage: Scene) -> None:
        class Mute(ScriptedSpeech):
            async def speak(
                self, text: str, *, voice: str = "", speed: float = 1.0, is_personal: bool = False
            ) -> Unspoken:
                return Unspoken("no voice")

        desk = Desk(stage, "alice", confirm={"alice": "1"})
        stage.services.announcer = cast(Announcer, Mute())
        ringing = asyncio.create_task(desk.ring())
        (await stage.phone()).answers()
        await asyncio.sleep(4)
        published = cast(LegOwner, desk.made[0]._owner).published
        assert ("leg.not_played", {"error": "no voice"}) in published
        press(desk, 0, "1")
        assert await ringing is desk.made[0]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_a_mailbox_does_not_win(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", confirm={"alice": "1"})
        ringing = asyncio.create_task(desk.ring())
        phone = await stage.phone()
        answered = asyncio.get_running_loop().time()
        phone.answers()
        with pytest.raises(AgentsMissed) as missed:
            await ringing
        assert asyncio.get_running_loop().time() - answered == pytest.approx(15.0)
        assert missed.value.hangup_cause.result == "no_answer" and phone.is_hung_up
        assert desk.agents.of("alice") == ["ringing", "missed"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_of_several_the_first_confirmed_answer_wins(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", "bert", confirm={"alice": "1", "bert": "1"})
        ringing = asyncio.create_task(desk.ring())
        phones = await phones_of(stage, 2)
        phones["alice"].answers()
        await asyncio.sleep(1)
        phones["bert"].answers()
        await asyncio.sleep(1)
        press(desk, 1, "1")
        leg = await ringing
        assert "bert" in leg.record.uri
        assert phones["alice"].hang_up_reason == ELSEWHERE
        assert desk.agents.of("alice") == ["ringing", "release"]
        assert desk.queue.answered_by == ["bert"]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)


def test_an_agent_who_hangs_up_instead_of_pressing_has_missed_the_offer(tmp_path: Path) -> None:
    async def script(stage: Scene) -> None:
        desk = Desk(stage, "alice", confirm={"alice": "1"})
        ringing = asyncio.create_task(desk.ring())
        phone = await stage.phone()
        phone.answers()
        await asyncio.sleep(1)
        phone.hangs_up()
        with pytest.raises(AgentsMissed):
            await ringing
        assert desk.agents.of("alice") == ["ringing", "missed"]
        assert desk.agents.counted == [True]
        await desk.close()

    run_scene(tmp_path, script, agents=NAMES)
