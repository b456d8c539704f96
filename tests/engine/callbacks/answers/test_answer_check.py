"""What follows who or what has answered for the customer, with scripted phones and verdicts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.detection import Detection
from engine.callbacks.answers.answer_check import check_message
from engine.callbacks.retry import Outcome
from engine.calls.announcing.sound_files import SoundFiles
from engine.calls.announcing.whisper import Announcer
from engine.calls.answering.answer_policy import AnswerPolicy
from engine.errors import EngineError
from engine.job import Job
from media.detection_limits import Label
from media.protocol.messages import BeepHeard, Detected, MachineSuspected
from media.sources import Peer, Prompt, Ringing, Silence
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene

from ..attempts.test_attempt import both_answer, run_attempt

Report = Detected | MachineSuspected | BeepHeard


def report(stage: Scene, event: Report) -> None:
    """The worker reports of the leg."""
    assert stage.media.register is not None
    stage.media.register.legs[event.leg].on_media(event)


def verdict(leg: str, label: Label) -> Detected:
    return Detected(leg, label, 1400, "beep" if label == "voicemail" else "short_greeting")


class Talk:
    """A script: both answer, then the worker reports what `label` says. It keeps the phones."""

    def __init__(self, label: Label, *, order: str = "agent_first", talks: bool = False) -> None:
        self.label = label
        self.order = order
        self.talks = talks
        self.agent: ScriptedPhone | None = None
        self.customer: ScriptedPhone | None = None
        self.states: list[str] = []

    async def __call__(self, stage: Scene, task: "asyncio.Task[Outcome]") -> None:
        if self.order == "agent_first":
            self.agent, self.customer = await both_answer(stage)
        else:
            self.customer = await stage.phone()
            self.customer.answers()
            await asyncio.sleep(1)
        (leg,) = stage.media.detecting
        self.states = stage.seen("callback.")
        report(stage, verdict(leg, self.label))
        if self.order != "agent_first" and self.talks:
            self.agent = await stage.phone()
            self.agent.answers()
        if self.talks:
            await asyncio.sleep(3)
            self.customer.hangs_up()


def run_talk(
    tmp_path: Path, label: Label, detect: dict[str, Any], *, talks: bool = False, **job: Any
) -> tuple[Scene, Outcome, Talk, Job]:
    under_test = callback_job(detect=detect, **job)
    script = Talk(label, order=under_test.request.order, talks=talks)
    stage, outcome = run_attempt(tmp_path, under_test, script)
    return stage, outcome, script, under_test


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
def test_a_person_is_joined_once_they_are_known(tmp_path: Path, order: str) -> None:
    stage, outcome, script, job = run_talk(
        tmp_path, "human", {"enabled": True}, talks=True, order=order
    )
    assert outcome.result == "completed"
    assert "callback.bridged" not in script.states and "callback.holding" not in script.states
    assert "callback.bridged" in stage.seen("callback.")
    (customer,) = [leg for leg in job.attempts[0].legs if leg.role == "customer"]
    assert customer.answered_by == "human"
    told = stage.last("call.detected")
    assert (told["label"], told["after_ms"], told["reason"]) == ("human", 1400, "short_greeting")
    assert (told["role"], told["leg"]) == ("customer", customer.leg)
    assert stage.media.detecting == []


def test_the_agent_hears_ringing_and_the_customer_nothing_until_it_is_known(tmp_path: Path) -> None:
    stage, _outcome, _script, _job = run_talk(tmp_path, "human", {"enabled": True}, talks=True)
    agent, customer = stage.media.heard
    assert stage.media.heard[agent] == [Ringing("GB"), Ringing("GB"), Peer(customer)]
    assert stage.media.heard[customer] == [Silence(), Peer(agent)]


def test_a_mailbox_is_tried_again_by_its_cause(tmp_path: Path) -> None:
    stage, outcome, _script, job = run_talk(tmp_path, "voicemail", {"enabled": True})
    assert (outcome.state, outcome.result, outcome.retry_cause) == ("failed", "machine", "machine")
    assert outcome.may_retry and outcome.cause == "a mailbox answered for the customer"
    assert outcome.failure is not None and outcome.failure.side == "customer"
    assert job.attempts[0].retry_cause == "machine"
    assert "callback.bridged" not in stage.seen("callback.")


def test_a_fax_ends_the_callback(tmp_path: Path) -> None:
    _stage, outcome, script, _job = run_talk(tmp_path, "fax", {"enabled": True})
    assert (outcome.result, outcome.may_retry) == ("machine", False)
    assert script.agent is not None and script.agent.hung_up.is_set()


@pytest.mark.parametrize(
    ("order", "message"),
    [("agent_first", "Please call {to}"), ("customer_first", "{context.name}, please call us")],
)
def test_a_message_is_left_after_the_beep_without_the_agent(
    tmp_path: Path, order: str, message: str
) -> None:
    detect = {"enabled": True, "voicemail": "message", "message": message}
    agent_is_gone: list[bool] = []

    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        agent = None
        if order == "agent_first":
            agent, _customer = await both_answer(stage)
        else:
            (await stage.phone()).answers()
            await asyncio.sleep(1)
        (leg,) = stage.media.detecting
        report(stage, Detected(leg, "voicemail", 3000, "words"))
        await asyncio.sleep(4)
        assert stage.media.heard[leg] == [Silence()]  # the beep is still to come
        agent_is_gone.append(agent is None or agent.hung_up.is_set())
        report(stage, BeepHeard(leg, 9000, 400, 1000))

    stage, outcome = run_attempt(tmp_path, callback_job(detect=detect, order=order), script)
    assert agent_is_gone == [True]
    assert (outcome.result, outcome.may_retry) == ("machine", False)
    assert outcome.cause == "a mailbox answered for the customer; a message was left"
    (heard,) = [heard for heard in stage.media.heard.values() if Silence() in heard]
    assert heard[0] == Silence() and isinstance(heard[1], Prompt)
    left = stage.last("callback.message_left")
    assert left["label"] == "voicemail"
    assert stage.last("call.beep")["hz"] == 1000


def test_a_mailbox_that_hangs_up_meanwhile_has_no_whole_message(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        (leg,) = stage.media.detecting
        report(stage, BeepHeard(leg, 3000, 400, 1000))
        report(stage, verdict(leg, "voicemail"))
        await asyncio.sleep(1)
        customer.hangs_up()

    detect = {"enabled": True, "voicemail": "message", "message": "Hello"}
    stage, outcome = run_attempt(tmp_path, callback_job(detect=detect), script)
    assert outcome.cause.endswith("it hung up before the message was over")
    assert stage.seen("callback.message_left") == []


def test_a_message_that_cannot_be_played_is_not_left(tmp_path: Path) -> None:
    detect = {"enabled": True, "screening": "message", "message": "file:gone.wav"}
    stage, outcome, _script, _job = run_talk(tmp_path, "screening", detect)
    assert "no message was left" in outcome.cause
    assert "leg.not_played" in stage.seen("leg.")


def test_a_file_of_the_configuration_is_left(tmp_path: Path) -> None:
    sound = tmp_path / "call-us.wav"
    sound.write_bytes(b"RIFF")

    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        message = Detection(enabled=True, screening="message", message=f"file:{sound}")
        stage.services.answers.configure(message, (), ())
        await both_answer(stage)
        (leg,) = stage.media.detecting
        report(stage, verdict(leg, "screening"))

    stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert outcome.cause.endswith("a message was left")
    assert [Silence(), Prompt(str(sound))] in stage.media.heard.values()


def test_a_customer_who_hangs_up_before_it_is_known_ends_the_attempt(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        customer.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(detect={"enabled": True}), script)
    assert (outcome.result, outcome.retry_cause) == ("hung_up", "abandoned")


def test_without_a_verdict_the_two_are_joined_in_the_end(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        await asyncio.sleep(40)
        assert "callback.bridged" in stage.seen("callback.")
        customer.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(detect={"enabled": True}), script)
    assert outcome.result == "completed"


def test_where_every_machine_is_joined_it_is_enough_that_it_is_one(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        (leg,) = stage.media.detecting
        report(stage, MachineSuspected(leg, 4100, "long_greeting"))
        await asyncio.sleep(1)
        assert "callback.bridged" in stage.seen("callback.")
        customer.hangs_up()

    detect = {"enabled": True, "voicemail": "join"}
    _stage, outcome = run_attempt(tmp_path, callback_job(detect=detect), script)
    assert outcome.result == "completed"


def test_told_later_a_machine_makes_the_attempt_fail_when_the_talk_is_over(tmp_path: Path) -> None:
    stage, outcome, script, job = run_talk(
        tmp_path, "voicemail", {"enabled": True, "wait": False}, talks=True
    )
    assert "callback.bridged" in script.states
    assert (outcome.result, job.outcome) == ("machine", "machine")
    assert outcome.may_retry
    assert stage.last("call.detected")["label"] == "voicemail"


def test_told_later_a_person_changes_nothing(tmp_path: Path) -> None:
    _stage, outcome, _script, job = run_talk(
        tmp_path, "human", {"enabled": True, "wait": False}, talks=True
    )
    assert (outcome.result, job.outcome) == ("completed", None)


def test_nobody_listens_where_nobody_asks(tmp_path: Path) -> None:
    async def script(stage: Scene, _task: "asyncio.Task[Outcome]") -> None:
        _agent, customer = await both_answer(stage)
        assert stage.media.detecting == []
        customer.hangs_up()

    _stage, outcome = run_attempt(tmp_path, callback_job(), script)
    assert outcome.result == "completed"


def test_a_message_needs_words_and_its_file_has_to_be_there(tmp_path: Path) -> None:
    class Services:
        answers = AnswerPolicy(Detection())
        announcer = Announcer.__new__(Announcer)

    Services.announcer.sounds = SoundFiles()
    services: Any = Services()
    check_message(None, services)
    check_message({"enabled": True, "voicemail": "message", "message": "Hello"}, services)
    for asked in (
        {"enabled": True, "voicemail": "message"},
        {"enabled": True, "message": "file:../secret.wav"},
    ):
        with pytest.raises(EngineError) as refused:
            check_message(asked, services)
        assert (refused.value.kind, refused.value.field) == ("refused", "detect.message")
