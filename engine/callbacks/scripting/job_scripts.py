"""The scripts of a callback: before agent and customer are joined, and after their talk."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from ...calls.hangup_cause import HangupCause, Result
from ...calls.leg import Leg, LegEnded
from ...calls.scripting.call_scripts import CallScripts, ScriptedFlow
from ...calls.services import CallServices
from ...errors import EngineError
from ...job import AttemptRecord, Job
from ...routing.admission import AdmissionQuery
from ...scripts.actions import CallBack, Connect, EndWord, FindSlots, HangUp, Slots, Transfer
from ...scripts.record import ScriptRecord, ScriptUse
from ..attempts.attempt_services import AttemptServices
from ..customer_hold import Postponed

# How the leg of a party ends whom a script does not connect: nobody pressed a key, as in a mailbox,
# or somebody did, and did not want to be connected.
_RESULTS: Final[dict[EndWord, Result]] = {
    "no_input": "no_answer", "no_match": "no_answer", "max_s": "no_answer",
    "max_steps": "failed", "failed": "failed", "refused": "failed",
}  # fmt: skip


class JobScripts(CallScripts):
    """Runs the scripts of one attempt of `job`, and keeps how they went in `attempt`."""

    __slots__ = ("_attempt", "_job", "_shared", "not_before")

    def __init__(
        self,
        services: CallServices,
        flow: ScriptedFlow,
        job: Job,
        attempt: AttemptRecord,
        shared: AttemptServices,
    ) -> None:
        super().__init__(services, flow, self._rated)
        self._job = job
        self._attempt = attempt
        self._shared = shared
        self.not_before: float | None = None
        """When the customer is called again, where they have asked for that."""

    def add_script(self, record: ScriptRecord) -> None:
        """See ScriptHost."""
        self._attempt.scripts = [*self._attempt.scripts, record]

    def add_context(self, more: Mapping[str, Any]) -> None:
        """See ScriptHost. The job has it from now on."""
        request = self._job.request
        context = {**request.context, **more}
        self._job.request = msgspec.structs.replace(request, context=context)

    async def ask(
        self, leg: Leg, transfer: Callable[[Transfer], Awaitable[None]] | None = None
    ) -> None:
        """Let the agent, or the customer, go through their script, if the request names one.

        Returns where it connects them, or `transfer` has. Raises LegEnded where it does not, and
        they are hung up; Postponed where the customer is called again.
        """
        request = self._job.request
        use: ScriptUse = "agent" if leg.role == "agent" else "customer"
        name = request.agent_script if use == "agent" else request.customer_script
        if not name:
            return
        ending = await self.run(name, leg, use, transfer)
        if self.not_before is not None:
            raise Postponed
        if isinstance(ending, Connect | Transfer):
            return
        assert isinstance(ending, HangUp)
        result = _RESULTS.get(ending.word, "declined")
        cause = HangupCause(result, f"script {name}: {ending.cause}")
        leg.hang_up(cause)
        raise LegEnded(leg, leg.hangup_cause or cause)

    async def after_talk(self, customer: Leg) -> None:
        """Let the customer, who is alone now, go through the script that is for then."""
        if name := self.after_script:
            await self.run(name, customer, "after")

    @property
    def after_script(self) -> str:
        """The script that is for then: of the request, or of its queue; empty: none."""
        if self._job.request.after_script:
            return self._job.request.after_script
        return self._services.queues.config_of(self._job.request.queue).after_script

    # -- what steps ask for -------------------------------------------------------------------

    async def find_slots(self, wanted: FindSlots, language: str) -> Slots:
        """See ScriptHost."""
        queue = wanted.queue or self._job.request.queue or ""
        keyed_in, own = wanted.number, self._job.request.to
        to = self._shared.script_callbacks.keyed_in(keyed_in) if keyed_in else own
        asked = FindSlots(queue, to, wanted.most, wanted.slot_s)
        now = self._services.clock.now()
        agent = self._job.request.agent
        return self._shared.script_callbacks.find(
            asked, to, language=language, now=now, agent=agent
        )

    async def call_back(self, wanted: CallBack) -> None:
        """See ScriptHost. The job goes on: at that time, and at the number that was keyed in."""
        if self._job.bridged_at is not None:
            raise EngineError("refused", "the callback has been made")
        now = self._services.clock.now()
        queue = wanted.queue or self._job.request.queue or ""
        if wanted.not_before is not None:
            # Another may have taken the last place while this one was choosing.
            self._shared.script_callbacks.check_room(
                queue, wanted.not_before, wanted.slot_s, self._job.request.agent
            )
        if wanted.number:
            number = self._shared.script_callbacks.keyed_in(wanted.number)
            request = self._job.request
            query = AdmissionQuery(to=number, site=request.site, source=self._job.called)
            self._shared.admission.check(query, now)
            self._job.dial_to = number
        if wanted.queue:
            self._job.move_to_queue(wanted.queue)
        self.not_before = wanted.not_before or now

    def _rated(self, rating: int) -> None:
        self._job.rating = rating
        self._services.store.save(self._job)
