"""A callback's story and each of its endings, with scripted phones in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from engine.callbacks.attempts.attempt import Attempt
from engine.callbacks.retry import Outcome
from engine.calls.announcing.whisper import Announcer
from engine.job import Failure, Job
from engine.store.store import StoreError
from media.sources import Hold, Peer, Ringing, Tone
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, ScriptedSpeech, run_scene, scene
from tests.support.virtual_loop import run

Script = Callable[[Scene, "asyncio.Task[Outcome]"], Awaitable[None]]


def attempt(stage: Scene, under_test: Job) -> Attempt:
    """One attempt of a job, not begun yet."""
    plan, request = stage.services.dialplan, under_test.request
    agent = plan.destination(request.agent or "", field="agent")
    customer = plan.destination(request.to, field="to")
    return stage.attempt(under_test, agent=agent, customer=customer)


def run_attempt(
    tmp_path: Path, under_test: Job, script: Script, **options: Any
) -> tuple[Scene, Outcome]:
    """Run one attempt of a job against a script; nothing may be left behind."""

    async def to_its_end(stage: Scene) -> tuple[Scene, Outcome]:
        task = asyncio.create_task(attempt(stage, under_test).run())
        await script(stage, task)
        return stage, await asyncio.wait_for(task, 100_000)

    return run_scene(tmp_path, to_its_end, **options)


async def both_answer(stage: Scene) -> tuple[ScriptedPhone, ScriptedPhone]:
    """The first leg answers, then the second; each rings before."""
    phones = []
    for _ in range(2):
        phone = await stage.phone()
        phone.rings()
        await asyncio.sleep(1)
        phone.answers()
        phones.append(phone)
    await asyncio.sleep(3)
    return phones[0], phones[1]


def test_agent_first_from_end_to_end(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent, customer = await both_answer(stage)
        assert "alice" in agent.invitation.target
        assert "bob" in customer.invitation.target
        assert "sip:bob@" in agent.invitation.from_uri
        assert agent.invitation.from_display == "Bob Bloggs"
        assert customer.invitation.from_display is None
        customer.hangs_up()
        await agent.hung_up.wait()

    under_test = callback_job(whisper={"tone": "440"}, context={"caller_name": "Bob Bloggs"})
    stage, outcome = run_attempt(tmp_path, under_test, script)
    assert (outcome.state, outcome.cause) == ("completed", "customer hung up")
    assert stage.seen("callback.") == [
        "callback.dialing_agent",
        "callback.whispering",
        "callback.dialing_customer",
        "callback.bridged",
    ]
    assert stage.seen("leg.") == [
        *("leg.dialing", "leg.ringing", "leg.answered") * 2,
        *("leg.ended",) * 2,
    ]
    assert stage.seen("bridge.") == ["bridge.joined"] * 2 + ["bridge.left"] * 2
    agent_leg, customer_leg = stage.media.heard
    assert stage.media.heard[agent_leg] == [Tone("440"), Ringing("GB"), Peer(customer_leg)]
    assert stage.media.heard[customer_leg] == [Peer(agent_leg)]
    assert [leg.role for leg in under_test.attempts[0].legs] == ["agent", "customer"]
    assert under_test.bridged_at is not None


def test_customer_first_from_end_to_end(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        customer, agent = await both_answer(stage)
        assert "bob" in customer.invitation.target
        agent.hangs_up()
        await customer.hung_up.wait()

    stage, outcome = run_attempt(
        tmp_path, callback_job(order="customer_first", whisper={"tone": "440"}), script
    )
    assert (outcome.state, outcome.cause) == ("completed", "agent hung up")
    assert stage.seen("callback.") == [
        "callback.dialing_customer",
        "callback.holding",
        "callback.dialing_agent",
        "callback.whispering",
        "callback.bridged",
    ]
    customer_leg, agent_leg = stage.media.heard
    assert stage.media.heard[customer_leg] == [Hold(), Peer(agent_leg)]
    assert stage.media.heard[agent_leg] == [Tone("440"), Peer(customer_leg)]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "declined"),
        (480, "unavailable"),
        (404, "not_found"),
        (403, "rejected"),
        (488, "incompatible"),
        (500, "unreachable"),
    ],
)
@pytest.mark.parametrize("side", ["agent", "customer"])
def test_each_refusal_has_side_moment_and_status(
    tmp_path: Path, side: str, status: int, result: str
) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        phone = await stage.phone()
        if side == "customer":
            phone.answers()
            phone = await stage.phone()
        phone.rings()
        phone.refuses(status, "Not Now")

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert (outcome.state, outcome.result) == ("failed", result)
    assert outcome.may_retry
    assert outcome.failure is not None
    assert (outcome.failure.side, outcome.failure.moment) == (side, f"dialing_{side}")
    assert (outcome.failure.sip_status, outcome.failure.sip_reason) == (status, "Not Now")
    assert f"{status} Not Now" in outcome.cause


def test_no_answer_is_cancelled_after_ring_s(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.rings()
        started = asyncio.get_running_loop().time()
        await agent.hung_up.wait()
        assert asyncio.get_running_loop().time() - started == pytest.approx(12.0)

    _stage, outcome = run_attempt(tmp_path, callback_job(ring_s=12.0), script)
    assert (outcome.state, outcome.result) == ("failed", "no_answer")


def test_agent_hangs_up_during_the_whisper(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        await asyncio.sleep(1)
        agent.hangs_up("Q.850;cause=16")

    stage, outcome = run_attempt(tmp_path, callback_job(whisper={"tone": "440"}), script)
    assert (outcome.state, outcome.result) == ("failed", "hung_up")
    assert outcome.failure is not None
    assert outcome.failure.moment == "whispering"
    assert outcome.failure.reason_header == "Q.850;cause=16"
    assert stage.sip.phones.empty(), "the customer must not be called"


def test_a_whisper_that_cannot_be_spoken_is_published_and_the_call_goes_on(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        speech = ScriptedSpeech()
        speech.fails = True
        stage.services.announcer = cast(Announcer, speech)
        _agent, customer = await both_answer(stage)
        customer.hangs_up()

    stage, outcome = run_attempt(tmp_path, callback_job(whisper={"text": "..."}), script)
    assert outcome.state == "completed"
    seen = stage.last("leg.not_played")
    assert (seen["role"], seen["error"]) == ("agent", "no voice")


def test_agent_hangs_up_while_the_customer_rings(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        customer = await stage.phone()
        customer.rings()
        agent.hangs_up()
        await customer.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert (outcome.state, outcome.result) == ("failed", "hung_up")
    assert outcome.failure is not None
    assert (outcome.failure.side, outcome.failure.moment) == ("agent", "dialing_customer")


def test_customer_hangs_up_on_hold(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        customer = await stage.phone()
        customer.answers()
        agent = await stage.phone()
        agent.rings()
        customer.hangs_up()
        await agent.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(order="customer_first"), script)
    assert outcome.failure is not None
    assert (outcome.failure.side, outcome.failure.moment) == ("customer", "dialing_agent")


def test_agent_hangs_up_in_the_instant_the_customer_answers(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        customer = await stage.phone()
        customer.answers()
        agent.hangs_up()
        await customer.hung_up.wait()

    stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert outcome.state == "failed"
    assert stage.seen("leg.ended") == ["leg.ended"] * 2


def test_both_hang_up_in_the_same_instant(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent, customer = await both_answer(stage)
        agent.hangs_up()
        customer.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert (outcome.state, outcome.cause) == ("completed", "agent hung up")


def test_maximum_duration_ends_the_call_as_completed(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent, customer = await both_answer(stage)
        await agent.hung_up.wait()
        await customer.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(max_duration_s=60.0), script)
    assert (outcome.state, outcome.cause) == ("completed", "maximum duration reached")


def test_early_media_of_the_customer_reaches_the_agent(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        customer = await stage.phone()
        customer.plays_early_media()
        await asyncio.sleep(1)
        agent_leg, customer_leg = stage.media.heard
        assert stage.media.heard[agent_leg] == [Ringing("GB"), Peer(customer_leg)]
        assert stage.media.heard[customer_leg] == []
        customer.refuses(486, "Busy Here")

    stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert outcome.result == "busy"
    assert "leg.early_media" in stage.seen("leg.")


def test_the_agent_hears_ringing_again_when_another_trunk_calls(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        (await stage.phone()).answers()
        over_one = await stage.phone()
        over_one.plays_early_media()  # all lines of this trunk are busy
        await asyncio.sleep(1)
        over_one.refuses(503)
        over_two = await stage.phone()
        await asyncio.sleep(1)
        agent_leg, customer_leg = stage.media.heard
        assert stage.media.heard[agent_leg][1:] == [Peer(customer_leg), Ringing("GB")]
        over_two.rings()
        await asyncio.sleep(1)
        assert stage.seen("leg.")[-2:] == ["leg.early_media", "leg.ringing"]
        over_two.plays_early_media()
        await asyncio.sleep(1)
        assert stage.media.heard[agent_leg][-1] == Peer(customer_leg)
        over_two.refuses(486)

    _stage, outcome = run_attempt(tmp_path, callback_job(to="+442079460000"), script)
    assert outcome.result == "busy"


def test_the_second_leg_is_offered_the_first_ones_codec_first(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers("PCMA")
        customer = await stage.phone()
        assert customer.invitation.audio.codecs == ("PCMA", "PCMU")
        customer.refuses(486)

    run_attempt(tmp_path, callback_job(), script)


@pytest.mark.parametrize("answered", [0, 1, 2])
def test_cancelling_hangs_up_every_leg(tmp_path: Path, answered: int) -> None:
    async def script(stage: Scene, task: "asyncio.Task[Outcome]") -> None:
        phones = []
        for number in range(min(answered + 1, 2)):
            phone = await stage.phone()
            phones.append(phone)
            if number < answered:
                phone.answers()
        await asyncio.sleep(1)
        task.cancel()
        for phone in phones:
            await phone.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert outcome.state == "cancelled"


def test_hanging_up_by_command_is_not_repeated(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.rings()
        await asyncio.sleep(1)
        (leg,) = stage.services.registry.legs.values()
        from engine.calls.hangup_cause import HangupCause

        leg.hang_up(HangupCause("hung_up", "by hand"))
        await agent.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert (outcome.state, outcome.result) == ("failed", "hung_up")


def test_no_port_left_is_unavailable(tmp_path: Path) -> None:
    async def main() -> Outcome:
        stage = scene(tmp_path)
        stage.media.port_left = False
        outcome = await attempt(stage, callback_job()).run()
        stage.assert_nothing_left()
        assert stage.sip.phones.empty()
        return outcome

    outcome = run(main())
    assert (outcome.state, outcome.result) == ("failed", "unavailable")
    assert (
        outcome.cause == "engine unavailable: no RTP port left in 10000-19999, while dialing_agent"
    )
    assert outcome.failure == Failure(side="engine", moment="dialing_agent")


def test_media_worker_dies_in_mid_call(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent, customer = await both_answer(stage)
        for leg in tuple(stage.services.registry.legs.values()):
            leg.on_media_lost("media worker died")
        stage.media.open_legs.clear()
        await agent.hung_up.wait()
        await customer.hung_up.wait()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert (outcome.state, outcome.result) == ("failed", "failed")
    assert outcome.cause == "engine failed: media worker died, while bridged"
    assert outcome.failure == Failure(side="engine", moment="bridged")
    assert not outcome.may_retry


def test_a_number_goes_to_the_next_trunk_when_the_first_is_out_of_order(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        first = await stage.phone()
        assert "5071" in first.invitation.target
        first.is_unreachable()
        second = await stage.phone()
        assert "5072" in second.invitation.target
        second.answers()
        await asyncio.sleep(1)
        second.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(to="+442079460000"), script)
    assert outcome.state == "completed"


def test_a_silent_trunk_is_given_up_for_the_next(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        first = await stage.phone()
        second = await stage.phone()
        assert first.is_hung_up
        second.refuses(486)

    _stage, outcome = run_attempt(tmp_path, callback_job(to="+442079460000"), script)
    assert outcome.result == "busy"


def test_a_busy_customer_is_not_tried_through_another_trunk(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        agent.answers()
        (await stage.phone()).refuses(486)

    stage, outcome = run_attempt(tmp_path, callback_job(to="+442079460000"), script)
    assert outcome.result == "busy"
    assert stage.sip.phones.empty()


def test_context_travels_to_the_agents_phone(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = await stage.phone()
        assert ("X-Site", "shop.example") in agent.invitation.headers
        agent.answers()
        customer = await stage.phone()
        assert customer.invitation.headers == ()
        customer.refuses(486)

    under_test = callback_job(context={"site": "shop.example"})
    stage, _ = run_attempt(tmp_path, under_test, script, headers={"X-Site": "{context.site}"})
    assert stage.last("leg.ended")["context"] == {"site": "shop.example"}


def test_a_recording_names_its_file_and_is_published(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        customer.hangs_up()

    under_test = callback_job(record=True)
    stage, _ = run_attempt(tmp_path, under_test, script)
    ((agent_leg, customer_leg, path),) = stage.media.recorded
    assert [agent_leg, customer_leg] == list(stage.media.heard)
    assert under_test.recording == path
    assert stage.seen("recording.") == ["recording.started", "recording.ended"]


def test_a_call_that_cannot_be_recorded_goes_on(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        stage.media.records = False
        _agent, customer = await both_answer(stage)
        customer.hangs_up()

    under_test = callback_job(record=True)
    stage, outcome = run_attempt(tmp_path, under_test, script)
    assert outcome.state == "completed"
    assert under_test.recording is None
    assert "no room" in stage.last("recording.failed")["reason"]


def test_nobody_is_dialled_before_the_disk_knows(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        phone = await stage.phone()
        stored = msgspec.json.decode(stage.store.jobs["job-1"], type=Job)
        assert stored.under_way
        phone.refuses(486)

    run_attempt(tmp_path, callback_job(), script)


def test_a_store_that_cannot_write_ends_the_attempt_before_it_dials(tmp_path: Path) -> None:
    async def main() -> Outcome:
        stage = scene(tmp_path)
        stage.store.failure = StoreError("disk_full", "ringback.db: the disk is full")
        outcome = await attempt(stage, callback_job()).run()
        assert stage.sip.phones.empty()
        stage.assert_nothing_left()
        return outcome

    outcome = run(main())
    assert (outcome.state, outcome.result, outcome.may_retry) == ("failed", "unavailable", True)
    assert "disk is full" in outcome.cause


def test_a_recording_that_does_not_end_keeps_no_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_self: object, _leg: str) -> None:
        await asyncio.sleep(1e6)

    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        monkeypatch.setattr(type(stage.media), "stop_recording", never)
        _agent, customer = await both_answer(stage)
        customer.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(record=True), script)
    assert outcome.state == "completed"
