"""The router: what the rules look at in a request or a call, and what they set.

What a request says itself stays, unless a rule overrides it; what it leaves open, the first rule
sets; what no rule sets takes the engine's defaults, elsewhere.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ..job import site_of
from ..request import CallbackRequest, DetectSpec
from ..store.errors import StoreError
from ..store.protocols import NOTHING_KEPT, Rows
from .conditions import CallerHistory, Facts, NoQueues, Queues, Surroundings
from .hours.opening_hours import opening_hours
from .numbers.number_plan import NumberPlan
from .numbers.phone_number import CalledNumber
from .rules import Rules, Ruling

if TYPE_CHECKING:
    from config.settings import Settings

NumberOf = Callable[[str], CalledNumber | None]
LastAgent = Callable[[str, float], str | None]
"""Who last talked to a number (E.164) since a time (Unix seconds), of the agents there are."""
Request = TypeVar("Request", bound=CallbackRequest)

# What rules may look at in a request as something that it says itself.
_SAID = (
    "queue", "agent", "skills", "priority", "whisper", "caller_id", "trunk", "record", "script",
    "known_agent", "centre", "order", "max_attempts", "ring_s", "max_duration_s", "detect",
)  # fmt: skip

DAY_S = 86400.0

_HISTORY = """
    SELECT COUNT(*), SUM(json_array_length(CAST(body AS TEXT), '$.attempts')),
           SUM(state = 'completed'), MAX(created)
    FROM jobs WHERE called = ?
"""


class Router:
    """The rules, and where their facts come from. `apply_settings` takes other ones at any time."""

    def __init__(
        self,
        settings: "Settings | None" = None,
        *,
        number_of: NumberOf | None = None,
        store: Rows = NOTHING_KEPT,
        queues: Queues | None = None,
        last_agent: LastAgent = lambda _number, _since: None,
    ) -> None:
        self._rules = Rules()
        self._queues = queues or NoQueues()
        self._region = "GB"
        self._number_of = number_of or self._read
        self._store = store
        self._last_agent = last_agent
        if settings is not None:
            self.apply_settings(settings)

    def apply_settings(self, settings: "Settings") -> None:
        """Go by these from now on."""
        calendars = opening_hours(settings.calendars)

        def is_open(name: str, at: float) -> bool:
            return calendars[name].is_open(at)

        self._region = settings.dial.default_region
        self._rules = Rules(settings.rules, Surroundings(is_open=is_open, queues=self._queues))

    def apply(self, facts: Facts, *, explain: bool = False) -> Ruling:
        """What the rules set. With `explain` it says of each rule why it applies or does not."""
        ruling = self._rules.apply(facts, explain=explain)
        days = ruling.last_agent_days
        is_named = ruling.known_agent or facts.given.get("known_agent")
        if days is not None and facts.number is not None and not is_named:
            ruling.known_agent = self._last_agent(facts.number, facts.now - days * DAY_S)
        return ruling

    # -- callbacks --------------------------------------------------------------------------

    async def history(self, to: str) -> CallerHistory:
        """Earlier callbacks of a number, where a rule looks at them; none where the store fails."""
        number = self._number_of(to) if self._rules.needs_history else None
        if number is None:
            return CallerHistory()
        try:
            (counted,) = await self._store.query(_HISTORY, (number.e164,))
        except StoreError:
            return CallerHistory()  # the status says so; rules must not stop callbacks
        callbacks, attempts, completed, last = counted
        return CallerHistory(
            callbacks=callbacks, attempts=attempts or 0, completed=completed or 0, last=last
        )

    def route(
        self, params: Request, history: CallerHistory, now: float, *, explain: bool = False
    ) -> tuple[Request, Ruling]:
        """The request as the rules leave it. What has no place in it is in the ruling alone.

        With `explain` the ruling says of each rule why it does or does not apply.
        """
        if not self._rules:
            return params, Ruling()
        ruling = self.apply(self.facts(params, history, now), explain=explain)
        return self.fill(params, ruling), ruling

    def facts(self, params: CallbackRequest, history: CallerHistory, now: float) -> Facts:
        """What rules look at in a request."""
        number = self._number_of(params.to)
        context = params.context or {}
        given = {
            name: value for name in _SAID if (value := getattr(params, name, None)) is not None
        }
        return Facts(
            to=params.to,
            now=now,
            number=number.e164 if number else None,
            region=number.region if number else None,
            line_type=number.line_type if number else None,
            queue=params.queue,
            agent=params.agent,
            site=getattr(params, "site", None) or site_of(context),
            context=context,
            history=history,
            given=given,
        )

    def fill(self, params: Request, ruling: Ruling) -> Request:
        """`params` with what the ruling sets."""
        changes = ruling.settings()
        if "queue" in changes:
            changes["agent"] = None
        elif "agent" in changes:
            changes["queue"] = None
        if "skills" in changes:
            changes["skills"] = {**(getattr(params, "skills", None) or {}), **ruling.skills}
        if "whisper" in changes:
            changes["whisper"] = None  # a template, which requests do not have: see the ruling
        if isinstance(changes.get("detect"), dict):
            changes["detect"] = DetectSpec(**changes["detect"])
        known = type(params).__struct_fields__
        changes = {name: value for name, value in changes.items() if name in known}
        return msgspec.structs.replace(params, **changes) if changes else params

    # -- calls ------------------------------------------------------------------------------

    async def call(
        self,
        caller: str,
        *,
        dialled: str | None,
        trunk: str | None,
        queue: str | None,
        context: Mapping[str, Any],
        now: float,
        attestation: str = "none",
    ) -> Ruling:
        """What the rules set for a call that came in; `queue` is the one its route names."""
        if not self._rules:
            return Ruling()
        history = await self.history(caller)
        return self.apply(
            self.call_facts(
                caller, dialled=dialled, trunk=trunk, queue=queue, context=context, now=now,
                history=history, attestation=attestation,
            )
        )  # fmt: skip

    def call_facts(
        self,
        caller: str,
        *,
        dialled: str | None,
        trunk: str | None,
        queue: str | None,
        context: Mapping[str, Any],
        now: float,
        history: CallerHistory,
        attestation: str = "none",
    ) -> Facts:
        """What rules look at in a call that came in. Its route is no request: rules change it."""
        number = self._number_of(caller)
        reached = self._number_of(dialled) if dialled else None
        return Facts(
            kind="call",
            to=caller,
            now=now,
            number=number.e164 if number else None,
            region=number.region if number else None,
            line_type=number.line_type if number else None,
            queue=queue,
            site=site_of(context),
            trunk=trunk,
            dialled=reached.e164 if reached else dialled,
            attestation=attestation,
            context=context,
            history=history,
        )

    def _read(self, text: str) -> CalledNumber | None:
        return NumberPlan(self._region).number_of(text)
