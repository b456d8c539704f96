"""Admission: what may be called, when, and at what cost.

Asked when a callback is requested, and again right before each dial. Every refusal is an
EngineError `refused` whose data names the `policy`: do_not_call, line_type, destination, velocity,
cost or hours. Parties that are no telephone number (agents, extensions, sip: URIs of persons) pass.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import structlog

from config.numbering import Numbering
from config.policy import Costs, Destinations, Hours, Limits, Rate
from config.policy import DoNotCall as DoNotCallSettings

from ..errors import EngineError
from ..job import site_of
from ..store.protocols import NOTHING_KEPT, LoadedDocuments
from .blocking.do_not_call import DoNotCall
from .hours.calling_hours import CallingHours
from .limits import Accepted, RateLimits, visitor_of
from .numbers.number_plan import NumberPlan
from .numbers.phone_number import CalledNumber, parse_written
from .numbers.reading import Reading, refused
from .rates import Rates

if TYPE_CHECKING:
    from config.settings import Settings

    from ..job import CostView, Job, LegRecord
    from ..request import CallbackRequest

Policy = Literal["do_not_call", "line_type", "destination", "velocity", "cost", "hours"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionQuery:
    """What is asked for: whom to call (`numbers`: or else), for whom, and between which times."""

    to: str
    numbers: Sequence[str] = ()
    agent: str | None = None
    site: str | None = None
    source: str | None = None
    not_before: float | None = None
    deadline: float | None = None

    @classmethod
    def of(cls, params: "CallbackRequest") -> "AdmissionQuery":
        """What a request asks for."""
        return cls(
            to=params.to,
            numbers=params.numbers or (),
            agent=params.agent,
            site=params.site or site_of(params.context or {}),
            source=params.source,
            not_before=params.not_before,
            deadline=params.deadline,
        )

    @property
    def visitor_of(self) -> str | None:
        """The site a visitor of which asks: their address is known."""
        return visitor_of(self.site, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What may be called. `not_before` is when; `scheduled` says why that is later than asked."""

    called: str | None = None
    others: tuple[CalledNumber, ...] = ()
    region: str | None = None
    zone: str | None = None
    zones: tuple[str, ...] = ()
    line_type: str | None = None
    not_before: float | None = None
    scheduled: str | None = None
    counted_cost: Decimal = Decimal(0)
    """What is expected of the dearest of its numbers."""
    site: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a number may be dialled now; if not, by which policy, why, and when it may be."""

    allowed: bool
    policy: Policy | None = None
    reason: str | None = None
    not_before: float | None = None


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The sections of the configuration that admission goes by."""

    hours: Hours = field(default_factory=Hours)
    limits: Limits = field(default_factory=Limits)
    destinations: Destinations = field(default_factory=Destinations)
    numbering: Numbering = field(default_factory=Numbering)
    costs: Costs = field(default_factory=Costs)
    do_not_call: DoNotCallSettings = field(default_factory=DoNotCallSettings)
    rates: Sequence[Rate] = ()
    default_region: str = "GB"

    @classmethod
    def of(cls, settings: "Settings") -> "PolicySettings":
        """Those of an engine's settings."""
        return cls(
            hours=settings.hours,
            limits=settings.limits,
            destinations=settings.destinations,
            numbering=settings.numbering,
            costs=settings.costs,
            do_not_call=settings.do_not_call,
            rates=settings.rates,
            default_region=settings.dial.default_region,
        )


class Admission:
    """Holds requests against the policies, and counts those that were accepted.

    `read(text, field=…)` is the dialplan's reading of what is asked for. Without it only numbers
    are known.
    """

    def __init__(
        self,
        policy: PolicySettings | None = None,
        *,
        read: Callable[..., Reading] | None = None,
        do_not_call: DoNotCall | None = None,
        store: LoadedDocuments = NOTHING_KEPT,
    ) -> None:
        policy = policy or PolicySettings()
        self.do_not_call = DoNotCall() if do_not_call is None else do_not_call
        self._read = read or self._read_number
        self._rate_limits = RateLimits(policy.limits, store)
        self.apply(policy)

    def apply(self, policy: PolicySettings) -> None:
        """Go by other settings from now on; what was counted still counts."""
        self.rates = Rates(policy.rates, policy.costs)
        self.hours = CallingHours(policy.hours)
        self._plan = NumberPlan(policy.default_region, policy.numbering, policy.destinations)
        self._region = policy.default_region
        self._opt_out = policy.do_not_call
        self._rate_limits.apply(policy.limits)

    async def load(self, now: float) -> None:
        """Read the register of blocked numbers and the counts. Raises StoreError."""
        await self.do_not_call.load(now)
        await self._rate_limits.load(now)

    async def read_files(self, files: Iterable[str]) -> None:
        """Block the numbers of these files. Raises OSError."""

        def read(text: str) -> str | None:
            number = self.number(text)
            return None if number is None else number.e164

        await self.do_not_call.read_files(files, read)

    async def read_again(self, files: Iterable[str]) -> None:
        """As `read_files`. Where one cannot be read, those read before are blocked still."""
        try:
            await self.read_files(files)
        except OSError as error:
            log.error("do_not_call_not_read", reason=str(error))

    def opt_out_of(self, site: str | None) -> DoNotCallSettings | None:
        """How who is called for a site may ask not to be called again; None: by no key."""
        is_offered = self._opt_out.key and (site is not None or self._opt_out.key_for == "all")
        return self._opt_out if is_offered else None

    # -- asking -----------------------------------------------------------------------------

    @property
    def region(self) -> str:
        """The country in which numbers without a country code are read."""
        return self._region

    def number(self, text: str) -> CalledNumber | None:
        """The telephone number that dialling `text` reaches; None where it is no number."""
        try:
            return self._read(text).number
        except EngineError:
            return None

    def e164(self, text: str) -> str:
        """The telephone number that dialling `text` reaches. Raises EngineError `refused`."""
        number = self.number(text)
        if number is None:
            raise EngineError("refused", f"{text!r} is not a telephone number", field="number")
        return number.e164

    def check(self, query: AdmissionQuery, now: float, *, counts: bool = True) -> Admitted:
        """What of the query may be called, and when. Raises EngineError `refused`.

        `counts` is False where it was accepted already, and only its time is another one.
        """
        if query.agent is not None:
            self._check_place(query.agent, "agent")
        others = []
        for text in query.numbers:
            number = self._check_place(text, "numbers")
            if number is not None:
                self.check_visitor(number, query.visitor_of, "numbers")
                self._check_register(number, now, "numbers")
                others.append(number)
        number = self._check_place(query.to, "to")
        asked = Admitted(
            others=tuple(others),
            counted_cost=max(
                (self.rates.estimate(other.e164).amount for other in others), default=Decimal(0)
            ),
            not_before=query.not_before,
            site=query.site,
            source=query.source,
        )
        if number is None:
            if counts:
                self._check_limits(asked, now)
            return asked
        self.check_visitor(number, query.visitor_of)
        self._check_register(number, now, "to")
        not_before, scheduled = self.when(number, query, now)
        estimate = self.rates.estimate(number.e164)
        admitted = Admitted(
            called=number.e164,
            others=asked.others,
            region=number.region,
            zone=self.hours.places(number)[0].zone.key,
            zones=number.zones,
            line_type=number.line_type,
            not_before=not_before,
            scheduled=scheduled,
            counted_cost=max(asked.counted_cost, estimate.amount),
            site=query.site,
            source=query.source,
        )
        if counts:
            self._check_limits(admitted, now)
        return admitted

    def check_visitor(
        self, number: CalledNumber, visitor_of: str | None, field: str = "to"
    ) -> None:
        """Raise EngineError `refused` where a visitor of a site asks, and the number is not called
        for visitors."""
        if visitor_of is not None:
            with refused(field):
                self._plan.check_for_visitors(number, visitor_of)

    def check_others(self, number: CalledNumber, query: AdmissionQuery, now: float) -> None:
        """Raise EngineError `refused` where a limit would refuse any number like this one: that of
        the site, of the source, of all together."""
        estimate = self.rates.estimate(number.e164).amount
        self._check_rates(((number.e164, "to"),), of_visitor=query.visitor_of is not None)
        others = Admitted(counted_cost=estimate, site=query.site, source=query.source)
        self._rate_limits.check(_accepted("", others, now))

    def check_now(self, query: AdmissionQuery, now: float) -> Admitted:
        """As `check`, for a call at this moment: out of calling hours it is refused too."""
        admitted = self.check(query, now)
        if (admitted.not_before or now) > now:
            data = {"policy": "hours", "opens_at": admitted.not_before}
            raise EngineError("refused", admitted.scheduled or "not yet", "to", data)
        return admitted

    def may_dial_now(
        self, called: str | None, now: float, visitor_of: str | None = None
    ) -> Verdict:
        """Whether a number (E.164; None: no number) may be dialled at this moment.

        `visitor_of` is the site a visitor of which has asked for it. To be asked right before each
        dial: it may have been blocked meanwhile, or hours be over.
        """
        number = None if called is None else parse_written(called, self._region)
        if number is None:
            return Verdict(True)
        try:
            self._check_destination(number, "to")
            self.check_visitor(number, visitor_of)
            self._check_register(number, now, "to")
        except EngineError as error:
            return Verdict(False, error.data["policy"], error.message, error.data.get("until"))
        opens_at = self.hours.opens(number, now)
        if opens_at == now:
            return Verdict(True)
        return Verdict(False, "hours", self.out_of_hours(number, now, opens_at), opens_at)

    # -- counting ---------------------------------------------------------------------------

    def count(self, job_id: str, admitted: Admitted, now: float) -> None:
        """Count an accepted request; in the same turn of the loop as its check and its save."""
        self._rate_limits.count(_accepted(job_id, admitted, now))

    def count_feigned(self, id: str, query: AdmissionQuery, now: float) -> None:
        """Count a request that calls nobody, once, for its site, its source and all together."""
        if not self._rate_limits.counts(id):
            others = Admitted(site=query.site, source=query.source)
            self._rate_limits.count(_accepted(id, others, now))

    def forget(self, job_id: str) -> None:
        """An accepted request could not be saved: it does not count."""
        self._rate_limits.forget(job_id)

    def settle(self, job: "Job") -> "CostView":
        """A job has ended: count what it cost instead of what was expected. Gives its cost.

        Where no customer was called, its number counts no more as one that visitors had called.
        The cost has every leg. The third party of a transfer was counted by itself, and only once.
        """
        cost = self.rates.cost_of(job)
        counted = (leg for leg in cost["legs"] if not self._rate_limits.counts(leg["leg"]))
        amount = sum((Decimal(leg["amount"]) for leg in counted), Decimal(0))
        self._rate_limits.settle(job.id, amount)
        if not _may_have_rung(job):
            self._rate_limits.rang_nobody(job.id)
        return cost

    def settle_call(self, call_id: str, legs: "Iterable[LegRecord]") -> "CostView":
        """As `settle`, for what was counted without a job, whose `legs` were called."""
        cost = self.rates.cost_of_legs(legs)
        self._rate_limits.settle(call_id, Decimal(cost["amount"]))
        return cost

    def shift(self, by_s: float) -> None:
        """The clock was stepped. What is blocked until a date stays so until then."""
        self._rate_limits.shift(by_s)

    # -- the policies -----------------------------------------------------------------------

    def _check_place(self, text: str, field: str) -> CalledNumber | None:
        """The number of a party, where it has one. Raises EngineError where it is not dialled."""
        number = self._read(text, field=field).number
        if number is not None:
            self._check_destination(number, field)
        return number

    def _read_number(self, text: str, *, field: str = "to") -> Reading:
        number = self._plan.number_of(text)
        if number is None:
            return Reading("person")
        self._check_destination(number, field)
        return Reading("number", number.e164, number)

    def _check_destination(self, number: CalledNumber, field: str) -> None:
        with refused(field):
            self._plan.check_destination(number)

    def _check_register(self, number: CalledNumber, now: float, field: str) -> None:
        with refused(field):
            self.do_not_call.check(number.e164, now)

    def when(
        self, number: CalledNumber, query: AdmissionQuery, now: float
    ) -> tuple[float | None, str | None]:
        """The time of the call, and why it is not the one that was asked for.

        Raises EngineError `refused` where there is none before the deadline.
        """
        wanted = max(now, query.not_before or 0.0)
        opens_at = self.hours.opens(number, wanted)
        if opens_at == wanted:
            return query.not_before, None
        reason = self.out_of_hours(number, wanted, opens_at)
        data = {"policy": "hours", "opens_at": opens_at}
        if opens_at is None:
            raise EngineError("refused", reason, "to", data)
        if query.deadline is not None and query.deadline <= opens_at:
            raise EngineError("refused", f"{reason}, after the deadline", "deadline", data)
        return opens_at, reason

    def out_of_hours(self, number: CalledNumber, at: float, opens_at: float | None) -> str:
        """Why the number is not called at `at`, and from when on it may be, for a person."""
        out = f"out of calling hours: {self.hours.describe(number, at)}"
        if opens_at is None:
            return f"{out}, and there are none in the next weeks"
        # Long waits need the date, and its offset says on which side of a change of clocks it is.
        local: datetime.datetime = self.hours.places(number)[0].local(opens_at)
        return f"{out}; to be called from {local:%A %Y-%m-%d %H:%M %Z}"

    def _check_limits(self, admitted: Admitted, now: float) -> None:
        asked = _accepted("", admitted, now)
        self._check_rates(_all_of(admitted), of_visitor=asked.is_of_visitor)
        self._rate_limits.check(asked)

    def _check_rates(self, called: Iterable[tuple[str, str]], *, of_visitor: bool) -> None:
        if not self._rate_limits.limits_cost(of_visitor=of_visitor):
            return
        for number, parameter in called:
            if self.rates.rate(number) is None:
                data = {"policy": "cost", "limit": "rate"}
                reason = f"cost is limited, and there is no rate for {number}"
                raise EngineError("refused", reason, parameter, data)


def _may_have_rung(job: "Job") -> bool:
    """Whether a customer was called; of an attempt that a crash cut short nobody knows."""
    legs = (leg for attempt in job.attempts for leg in attempt.legs)
    return job.crashes > 0 or any(leg.role == "customer" for leg in legs)


def _accepted(job_id: str, admitted: Admitted, now: float) -> Accepted:
    """The request as it counts: whichever of its numbers it will be, and the dearest."""
    return Accepted(
        id=job_id,
        at=now,
        number=admitted.called,
        others=tuple(number.e164 for number in admitted.others),
        site=admitted.site,
        source=admitted.source,
        cost=admitted.counted_cost,
    )


def _all_of(admitted: Admitted) -> Iterator[tuple[str, str]]:
    """Every number (E.164) that may be called, and the parameter that names it."""
    if admitted.called is not None:
        yield admitted.called, "to"
    for number in admitted.others:
        yield number.e164, "numbers"
