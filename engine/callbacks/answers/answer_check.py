"""Whether the customer is joined with the agent: by who or what has answered."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from config.sounds import FILE
from media.detection_limits import Label
from media.protocol.messages import BeepHeard, Detected, MachineSuspected
from media.sources import Prompt, Silence

from ...calls.announcing.sound_files import NoSound
from ...calls.announcing.whisper import Announcement, Unspoken
from ...calls.answering.answer_policy import MACHINES, AnswerPlan
from ...calls.answering.answer_watch import AnswerWatch
from ...calls.call import Call
from ...calls.cancel_scope import while_up
from ...calls.hangup_cause import HangupCause
from ...calls.leg import Leg, LegEnded
from ...calls.legs.leg_listener import LegListener, ObservedLeg
from ...calls.services import CallServices
from ...calls.templates import Subject, fill_sentence
from ...errors import EngineError
from ...job import MACHINE, Failure, Job
from ..retry import Outcome

_SILENCE_AFTER_S = 0.5  # what was said last is to be in the message


class MachineAnswered(Exception):
    """The customer is not joined: `label` has answered on `leg`."""

    def __init__(self, leg: Leg, label: Label, plan: AnswerPlan, watch: AnswerWatch) -> None:
        super().__init__(label)
        self.leg = leg
        self.label = label
        self.plan = plan
        self.watch = watch


class AnswerCheck:
    """Checks the answers of the customer of `job`. `publish` publishes events of the attempt."""

    __slots__ = ("_job", "_message", "_publish", "_services")

    def __init__(self, services: CallServices, job: Job, publish: Callable[..., None]) -> None:
        self._services = services
        self._job = job
        self._publish = publish
        self._message: asyncio.Task[Announcement | Unspoken] | None = None

    async def check(self, call: Call, customer: Leg, agent: Leg | None) -> None:
        """Return once the customer is to be joined. Raises MachineAnswered otherwise.

        At once where nobody wants to know, or wants to know later. Meanwhile `agent` hears that it
        rings.
        """
        request = self._job.request
        plan = self._services.answers.plan(request.detect, request.queue, customer.record.trunk)
        if plan is None:
            return
        if not plan.waits:
            customer.listen(_TellLater(self._job, plan))
            self._services.detection.begin(call, customer, plan.limits, plan.language)
            return
        if agent is not None:
            agent.hear(self._services.ringing)
        customer.hear(Silence())
        if plan.leaves_message:
            self._message = asyncio.ensure_future(self._prepare(plan))
        watch = AnswerWatch(customer, plan.limits)
        self._services.detection.begin(call, customer, plan.limits, plan.language)
        label = None
        try:
            label = await watch.until_known(machine_is_enough=plan.joins_machines)
        finally:
            if label is None or plan.after(label) != "message":
                watch.end()
        if plan.after(label) != "join":
            raise MachineAnswered(customer, label, plan, watch)

    async def follow(
        self, machine: MachineAnswered, call: Call, free_agents: Callable[[], None]
    ) -> Outcome:
        """Do what follows a machine: leave the message, if one is to be left.

        No agent waits for that: they are hung up, and free.
        """
        for leg in tuple(call.legs):
            if leg is not machine.leg:
                leg.hang_up(HangupCause("completed", "a machine answered for the customer"))
        free_agents()
        label, follow = machine.label, machine.plan.after(machine.label)
        cause = f"{_WORDS[label]} answered for the customer"
        if follow == "message":
            cause += f"; {await self._leave(machine)}"
        failure = Failure(side="customer", moment=self._job.state)
        return Outcome(
            "failed",
            MACHINE,
            cause,
            failure,
            may_retry=follow == "retry",
            retry_cause=MACHINE,
        )

    def close(self) -> None:
        """The attempt is over. It is held no longer, so that it is freed at once."""
        del self._publish
        message = self._message
        if message is None:
            return
        if not message.done():
            message.cancel()
        elif not message.cancelled() and isinstance(spoken := message.result(), Announcement):
            self._services.announcer.forget(spoken)

    async def _leave(self, machine: MachineAnswered) -> str:
        """Leave the message, after the beep of a mailbox. What came of it, in words."""
        customer = machine.leg
        assert self._message is not None
        try:
            async with while_up(customer):
                spoken = await asyncio.shield(self._message)
                if isinstance(spoken, Unspoken):
                    customer.publish_not_played(spoken.reason)
                    return "no message was left, as it cannot be played"
                if machine.label == "voicemail":
                    await machine.watch.until_beep()
                is_whole = await customer.play(spoken.source, limit_s=spoken.limit_s)
                if is_whole:
                    await asyncio.sleep(_SILENCE_AFTER_S)
                    self._publish("callback.message_left", leg=customer.id, label=machine.label)
                    return "a message was left"
                return "the message was not heard to its end"
        except LegEnded:
            return "it hung up before the message was over"
        finally:
            machine.watch.end()

    async def _prepare(self, plan: AnswerPlan) -> Announcement | Unspoken:
        announcer, text = self._services.announcer, plan.message
        if not text.startswith(FILE):
            words = fill_sentence(text, Subject.of(self._job))
            return await announcer.speak(words, is_personal=words != text)
        name = text.removeprefix(FILE)
        if plan.is_requested:
            try:
                return Announcement(Prompt(str(announcer.sounds.requested(name))))
            except NoSound as error:
                return Unspoken(str(error))
        path = announcer.sounds.configured(name)
        return (
            Unspoken(f"there is no file {name!r}")
            if path is None
            else Announcement(Prompt(str(path)))
        )


def check_message(asked: Mapping[str, Any] | None, services: CallServices) -> None:
    """Raise EngineError `refused` where a request names a file that cannot be played, or has rules
    that leave a message, and there is none."""
    plan = services.answers.plan(asked, None, None)
    if plan is None or asked is None:
        return
    if plan.leaves_message and not plan.message:
        raise EngineError("refused", "there is no message to be left", field="detect.message")
    if plan.is_requested and plan.message.startswith(FILE):
        try:
            services.announcer.sounds.check(plan.message.removeprefix(FILE))
        except NoSound as error:
            raise EngineError("refused", str(error), field="detect.message") from error


_WORDS: dict[Label, str] = {
    "human": "a person",
    "voicemail": "a mailbox",
    "ivr": "a menu",
    "screening": "an assistant",
    "fax": "a fax",
    "silence": "nobody who speaks",
    "unknown": "something unknown",
}


class _TellLater(LegListener):
    """Notes in the job that a machine answered, where it is to be tried again for that."""

    def __init__(self, job: Job, plan: AnswerPlan) -> None:
        self._job = job
        self._plan = plan

    def answer_found(
        self, _leg: ObservedLeg, found: Detected | MachineSuspected | BeepHeard
    ) -> None:
        """See LegListener."""
        if not isinstance(found, Detected) or found.label not in MACHINES:
            return
        if self._job.outcome is None and self._plan.after(found.label) == "retry":
            self._job.outcome = MACHINE
