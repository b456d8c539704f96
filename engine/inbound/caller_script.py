"""The scripts that a caller goes through: of the route, of a queue, and after the talk."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from ..callbacks.scripting.script_callbacks import ScriptCallbacks, check_may_key_in
from ..calls.agent_wait import AgentWait
from ..calls.call_flow import WaitObserver
from ..calls.call_result import CALLED_BACK, Result
from ..calls.leg import Leg
from ..calls.scripting.call_scripts import CallScripts
from ..calls.scripting.script_transfers import ScriptedCall, ScriptTransfers
from ..calls.services import CallServices
from ..errors import EngineError
from ..job import Job
from ..request import SlotSpec
from ..scripts.actions import CallBack, Connect, EndWord, FindSlots, HangUp, Slots, Transfer
from ..scripts.record import ScriptUse
from .call_info import InboundCallInfo
from .callback_on_key import CallbackOnKey
from .services import InboundServices

# The result of a call that a script has ended, by how the script ended; "script" for the others.
_RESULTS: Final[dict[EndWord, str]] = {
    "callback": "callback", "voicemail": "voicemail", "failed": "failed", "max_steps": "failed",
    "max_s": "failed", "refused": "failed",
}  # fmt: skip
LEFT_MESSAGE: Final = Result("voicemail", "the caller has left a message")


class CallerFlow(ScriptedCall, WaitObserver, Protocol):
    """What the scripts of a caller use of their call."""

    def waits_by(self, wait: AgentWait) -> None:
        """The caller waits for an agent, whom `wait` frees in the end."""

    def add_context(self, more: Mapping[str, Any]) -> None:
        """Know this of the call besides."""


class CallerScript(CallScripts):
    """Runs the scripts of one call that came in."""

    def __init__(
        self,
        services: CallServices,
        inbound: InboundServices,
        incoming: InboundCallInfo,
        flow: CallerFlow,
        callback: CallbackOnKey,
    ) -> None:
        super().__init__(services, flow)
        self._inbound = inbound
        self._incoming = incoming
        self._caller = flow
        self._transfers = ScriptTransfers(services, flow, flow)
        self._callback = callback
        self._callbacks = ScriptCallbacks(
            services.queues,
            inbound.admission,
            services.dialplan,
            services.scripts,
            inbound.intake.bookings,
        )
        self.job: Job | None = None
        """The callback that a script has asked for, where it is none on a key."""
        self.result: Result | None = None
        """What the call ends with, where a script has decided that already."""

    async def reception(self, name: str, leg: Leg, use: ScriptUse) -> Leg | None:
        """Let the caller go through the script. Returns who talks with them; None: the queue is.

        Where the script ends the call, `result` is set, and None returned.
        """
        talks_with: list[Leg] = []

        async def transfer(wanted: Transfer) -> None:
            reached = await self._reach(wanted, leg)
            if reached is not None:
                talks_with.append(reached)

        self.result = None
        ending = await self.run(name, leg, use, transfer)
        if isinstance(ending, HangUp):
            self.result = self.result or self._result_of(ending)
        elif isinstance(ending, Connect) and not self._incoming.queue:
            self.result = Result("failed", f"script {name} connects, and the route has no queue")
        return talks_with[0] if talks_with else None

    @property
    def decided(self) -> Result | None:
        """What became of the caller, where they hang up before the script has ended."""
        if self.message is not None:
            return LEFT_MESSAGE
        return self.result

    def _result_of(self, ending: HangUp) -> Result:
        if self.message is not None:
            return LEFT_MESSAGE
        return Result(_RESULTS.get(ending.word, "script"), ending.cause)

    # -- whom a script leads to ---------------------------------------------------------------

    async def _reach(self, wanted: Transfer, caller: Leg) -> Leg | None:
        """Reach the target; None for a queue, which the caller enters. Raises EngineError."""
        services = self._services
        if wanted.queue:
            services.queues.check(wanted.queue, "call")
            self._incoming.moves_to(wanted.queue)
            return None
        incoming = self._incoming
        reached = await self._transfers.reach(
            wanted,
            caller,
            incoming.waiting(services.clock.now()),
            services.rooms.of_route(None, incoming.route),
        )
        if reached.wait is not None:
            self._caller.waits_by(reached.wait)
        return reached.leg

    # -- callbacks ----------------------------------------------------------------------------

    async def find_slots(self, wanted: FindSlots, language: str) -> Slots:
        """See ScriptHost."""
        to = self._to(wanted.number)
        queue = wanted.queue or self._incoming.queue
        asked = FindSlots(queue, to, wanted.most, wanted.slot_s)
        now = self._services.clock.now()
        return self._callbacks.find(asked, to, language=language, now=now)

    async def call_back(self, wanted: CallBack) -> None:
        """See ScriptHost. Without a number and a time it is made as soon as they have hung up."""
        if wanted.queue:
            self._incoming.moves_to(wanted.queue)
        if not wanted.number and wanted.not_before is None:
            if not self._callback.can_call_back() or not await self._callback.request_callback():
                raise EngineError("refused", self._callback.refused or "not to be called back")
            self.result = CALLED_BACK
            return
        number = self._incoming.party.number
        source = check_may_key_in(number) if wanted.number else None
        at, slot = wanted.not_before, None
        if at is not None:
            slot = SlotSpec(start=at, end=at + wanted.slot_s)
        self.job = await self._callback.accept(
            self._to(wanted.number), not_before=at, slot=slot, source=source
        )
        self.result = Result("callback", CALLED_BACK.cause)

    def _to(self, keyed_in: str) -> str:
        """What is dialled. Raises EngineError."""
        if keyed_in:
            check_may_key_in(self._incoming.party.number)
            return self._callbacks.keyed_in(keyed_in)
        return self._callback.called_back_at()
