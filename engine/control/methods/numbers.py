"""The methods of the control protocol that are about numbers: number.*."""

import time
from typing import TYPE_CHECKING, Annotated, TypedDict

from msgspec import Meta

from config.policy import LineType

from ...errors import BadParams, EngineError
from ...request import Identifier, Params, RegionCode, Target, UnixTime
from ...routing.admission import AdmissionQuery
from ...routing.blocking.do_not_call import Blocked
from ...routing.numbers.phone_number import CalledNumber, check_region
from ...routing.numbers.reading import Reading, ReadingView, is_uri
from ...routing.rates import Cost
from ..connections.peer import Peer
from ..method import Method
from .pages import Slices, page_of

if TYPE_CHECKING:
    from ...routing.admission import Admission
    from ...routing.dialplan import Dialplan

DEFAULT_REASON = "asked not to be called"
MOST_IMPORTED = 1000
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class NumberBlock(Params):
    """number.block: `until` is when the number may be called again; None: never."""

    number: Target
    reason: Reason = DEFAULT_REASON
    until: UnixTime | None = None

    def __post_init__(self) -> None:
        for field in ("number", "reason"):
            if not getattr(self, field).isprintable():
                raise BadParams(field, "must be printable characters on one line")


class NumberEntry(Params):
    """A number of number.import; without `reason` and `until` those of the request hold."""

    number: Target
    reason: Reason | None = None
    until: UnixTime | None = None


class NumberImport(Params):
    """number.import: `region` is the country in which the numbers are written."""

    numbers: Annotated[list[NumberEntry], Meta(max_length=MOST_IMPORTED)]
    reason: Reason = DEFAULT_REASON
    until: UnixTime | None = None
    region: RegionCode | None = None


class NotImported(TypedDict):
    """An entry of number.import that was not blocked."""

    index: int
    """Where it stands in `numbers`, from 0."""
    number: str
    """As it was written."""
    reason: str
    """Why, in words."""


class ImportedNumbers(TypedDict):
    """number.import."""

    blocked: int
    """How many are blocked now that were not before, or not for as long."""
    unchanged: int
    """How many were blocked already, for at least as long."""
    not_read: list[NotImported]
    """The entries that are not blocked: they are no telephone numbers, or their time has passed."""


class NumberRef(Params):
    """number.unblock."""

    number: Target


class NumberQuery(Params):
    """number.list: in the order of the numbers; `prefix` is the beginning of those wanted."""

    prefix: Annotated[str, Meta(max_length=32)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=64)] | None = None


class NumberCheck(Params):
    """number.check: what would become of a request at `at` (None: now).

    `region` is the country in which the number is written; None: dial.default_region. `trunk`: what
    that one would be sent; None: those of the route.
    """

    number: Target
    region: RegionCode | None = None
    at: UnixTime | None = None
    site: Identifier | None = None
    source: Identifier | None = None
    trunk: Identifier | None = None


class NumberPage(TypedDict):
    """number.list."""

    numbers: list[Blocked]
    """The blocked numbers, in their order."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class SentNumber(TypedDict):
    """What a trunk would be sent."""

    trunk: str
    """The name of the trunk."""
    number: str | None
    """The number in the Request-URI and To; null: it is not dialled by this trunk."""
    caller_id: str | None
    """The caller id of a call that names none; null: dial.caller_id."""
    reason: str | None
    """Why it is not dialled there."""


class NumberVerdict(TypedDict):
    """number.check."""

    reading: ReadingView | None
    """What the text is read as; null where that is nothing that is dialled."""
    called: str | None
    """The number in E.164; null where it has none."""
    region: str | None
    """Its country."""
    zones: tuple[str, ...]
    """The time zones that it may be in."""
    line_type: LineType | None
    """What kind of number it is."""
    blocked: Blocked | None
    """The entry that blocks it."""
    cost_estimate: Cost | None
    """What a call is expected to cost."""
    allowed: bool
    """Whether a request would be accepted."""
    policy: str | None
    """The policy that refuses it, or postpones the call."""
    reason: str | None
    """Why, in words."""
    not_before: float | None
    """When it would be called (Unix seconds); null: at once."""
    sent: list[SentNumber]
    """What the trunks would be sent, in the order in which they are tried."""


class NumberMethods:
    """What a client may ask and say about numbers."""

    def __init__(self, admission: "Admission", dialplan: "Dialplan") -> None:
        self._admission = admission
        self._dialplan = dialplan

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "number.block": Method(NumberBlock, self._block),
            "number.import": Method(NumberImport, self._import, is_large=True),
            "number.unblock": Method(NumberRef, self._unblock),
            "number.list": Method(NumberQuery, self._list, is_large=True),
            "number.check": Method(NumberCheck, self._check),
        }

    async def _block(self, params: NumberBlock, peer: Peer) -> Blocked:
        now = time.time()
        if params.until is not None and params.until <= now:
            raise EngineError("refused", "until has already passed", field="until")
        entry = Blocked(
            number=self._read(params.number).e164,
            reason=params.reason,
            since=now,
            until=params.until,
            by=peer.who or None,
        )
        await self._admission.do_not_call.block(entry)
        return entry

    async def _import(self, params: NumberImport, peer: Peer) -> ImportedNumbers:
        if params.region is not None:
            check_region(params.region)
        now, list_ = time.time(), self._admission.do_not_call
        wanted: dict[str, Blocked] = {}
        result: ImportedNumbers = {"blocked": 0, "unchanged": 0, "not_read": []}
        slices = Slices()
        for index, one in enumerate(params.numbers):
            until = params.until if one.until is None else one.until
            try:
                number = self._read(one.number, params.region).e164
                if until is not None and until <= now:
                    raise EngineError("refused", "until has already passed")
            except EngineError as error:
                result["not_read"].append(
                    {"index": index, "number": one.number, "reason": error.message}
                )
                continue
            entry = Blocked(
                number=number,
                reason=one.reason or params.reason,
                since=now,
                until=until,
                by=peer.who or None,
            )
            present = wanted.get(number) or list_.find(number, now)
            if present is not None and present.lasts_as_long_as(entry):
                result["unchanged"] += 1
            else:
                result["blocked"] += number not in wanted
                wanted[number] = entry
            await slices.pause()
        if wanted:
            await list_.block_all(wanted.values())
        return result

    async def _unblock(self, params: NumberRef, _peer: Peer) -> Blocked:
        number = self._read(params.number).e164
        entry = await self._admission.do_not_call.unblock(number, time.time())
        if entry is None:
            raise EngineError("not_found", f"{number} is not blocked", field="number")
        return entry

    async def _list(self, params: NumberQuery, _peer: Peer) -> NumberPage:
        entries = self._admission.do_not_call.in_order(
            time.time(), after=params.cursor or "", prefix=params.prefix
        )
        page = await page_of(entries, lambda entry: entry, params.limit)
        cursor = None if page.last is None else page.last.number
        return {"numbers": page.views, "cursor": cursor}

    def _check(self, params: NumberCheck, _peer: Peer) -> NumberVerdict:
        if params.region is not None:
            check_region(params.region)
        now, text = time.time(), params.number
        try:
            reading = self._dialplan.classify(text, field="number", region=params.region)
        except EngineError as error:
            if error.data.get("reason") == "no_number" or not error.data:  # it is nothing at all
                raise
            verdict = self._verdict(None, now)
            verdict["line_type"] = error.data.get("line_type")
            return _refuse(verdict, error)
        verdict = self._verdict(reading, now)
        is_number = reading.kind == "number" and not is_uri(text)
        query = AdmissionQuery(
            to=reading.digits if is_number else text,
            site=params.site,
            source=params.source,
            not_before=params.at,
        )
        if reading.kind != "agent" and not is_uri(text):
            verdict["sent"] = self._sent(query.to, params.trunk)
        try:
            admitted = self._admission.check(query, now)
            verdict["not_before"], verdict["reason"] = admitted.not_before, admitted.scheduled
            verdict["policy"] = "hours" if admitted.scheduled else None
            self._dialplan.destination(query.to, field="number", trunk=params.trunk)
        except EngineError as error:
            if error.kind == "refused":
                return _refuse(verdict, error)
        return verdict

    def _verdict(self, reading: Reading | None, now: float) -> NumberVerdict:
        """What is known of a text before it is asked whether it may be called."""
        admission = self._admission
        number = None if reading is None else reading.number
        return {
            "reading": None if reading is None else reading.view(),
            "called": None if number is None else number.e164,
            "region": None if number is None else number.region,
            "zones": () if number is None else number.zones,
            "line_type": None if number is None else number.line_type,
            "blocked": None if number is None else admission.do_not_call.find(number.e164, now),
            "cost_estimate": None if number is None else admission.rates.estimate(number.e164),
            "allowed": True,
            "policy": None,
            "reason": None,
            "not_before": None,
            "sent": [],
        }

    def _sent(self, text: str, trunk: str | None) -> list[SentNumber]:
        _number, _prefix, names = self._dialplan.trunks_for(text, trunk)
        return [self._sent_by(text, name) for name in names]

    def _sent_by(self, text: str, trunk: str) -> SentNumber:
        try:
            number, caller_id = self._dialplan.sent_to(text, trunk)
        except EngineError as error:
            return {"trunk": trunk, "number": None, "caller_id": None, "reason": error.message}
        shown = caller_id or None
        return {"trunk": trunk, "number": number, "caller_id": shown, "reason": None}

    def _read(self, text: str, region: str | None = None) -> CalledNumber:
        reading = self._dialplan.classify(text, field="number", region=region)
        if reading.number is None:
            reason = f"{text!r} is {reading.describe()}, and not a telephone number"
            raise EngineError("refused", reason, field="number")
        return reading.number


def _refuse(verdict: NumberVerdict, error: EngineError) -> NumberVerdict:
    verdict["allowed"], verdict["not_before"] = False, None
    verdict["policy"], verdict["reason"] = error.data.get("policy"), error.message
    return verdict
