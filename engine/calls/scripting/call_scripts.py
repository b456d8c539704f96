"""The scripts of one call: what all of them do alike, whoever called whom."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...errors import EngineError
from ...scripts.actions import CallBack, Ending, FindSlots, Record, Slots, Transfer
from ...scripts.record import ScriptRecord, ScriptUse
from ...store.annotations import annotate
from ..call import Call
from ..leg import Leg
from ..services import CallServices
from .leg_script import LegScript


class ScriptedFlow(Protocol):
    """The call flow whose parties go through scripts."""

    call: Call

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def add_context(self, more: Mapping[str, Any]) -> None:
        """Know this of the call besides."""


class CallScripts(ABC):
    """Runs scripts on the legs of one call, and keeps how they went in `records`.

    `on_rated` is told the rating of the talk.
    """

    __slots__ = ("_flow", "_on_rated", "_services", "message", "records")

    def __init__(
        self,
        services: CallServices,
        flow: ScriptedFlow,
        on_rated: Callable[[int], None] = lambda _rating: None,
    ) -> None:
        self._services = services
        self._flow = flow
        self._on_rated = on_rated
        self.records: list[ScriptRecord] = []
        self.message: str | None = None
        """The recording of the message that the party has left."""

    def close(self) -> None:
        """The call is over: hold nobody who holds these, so that all are freed at once."""
        del self._flow, self._on_rated

    @property
    def call(self) -> Call:
        """See ScriptHost."""
        return self._flow.call

    def publish(self, kind: str, **fields: Any) -> None:
        """See ScriptHost."""
        self._flow.publish(kind, **fields)

    def add_context(self, more: Mapping[str, Any]) -> None:
        """See ScriptHost."""
        self._flow.add_context(more)

    def add_script(self, record: ScriptRecord) -> None:
        """See ScriptHost."""
        self.records.append(record)

    async def run(
        self,
        name: str,
        leg: Leg,
        use: ScriptUse,
        transfer: Callable[[Transfer], Any] | None = None,
    ) -> Ending:
        """Let the party of `leg` go through the script. Run it while the leg is up.

        `transfer` is awaited with each transfer, and raises EngineError where that is not possible;
        without it no transfer is. Raises EngineError where there is no script of this name.
        """
        script = LegScript(self._services, self, leg, self._services.scripts.named(name), use)
        try:
            ending = await script.run()
            while isinstance(ending, Transfer):
                try:
                    if transfer is None:
                        raise EngineError("refused", "a party of this call is not transferred")
                    await transfer(ending)
                except EngineError as error:
                    ending = await script.not_transferred(error.message)
                else:
                    break
            return ending
        finally:
            script.finish()

    # -- what steps ask for -------------------------------------------------------------------

    @abstractmethod
    async def find_slots(self, wanted: FindSlots, language: str) -> Slots:
        """See ScriptHost."""

    @abstractmethod
    async def call_back(self, wanted: CallBack) -> None:
        """See ScriptHost."""

    async def rate(self, rating: int) -> None:
        """See ScriptHost."""
        call, services = self.call, self._services
        annotate(services.store, call.job_id or call.id, services.clock.now(), rating=rating)
        self._on_rated(rating)
        self.publish("callback.annotated", rating=rating)

    async def message_left(self, recording: str, duration_s: float, wanted: Record) -> None:
        """See ScriptHost."""
        self.message = recording
        queue = {"queue": wanted.queue} if wanted.queue else {}
        self.publish("voicemail.left", recording=recording, duration_s=duration_s, **queue)
        if wanted.calls_back:
            self.add_context({"voicemail": recording})
            await self.call_back(CallBack("", wanted.queue, None))
