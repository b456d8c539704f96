"""[[rules]]: which callbacks and calls a rule is for, and what it sets for them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from .calendars import DatesText, Hours, TimeZone
from .choices import Order
from .detection import DetectionRule
from .errors import wrong
from .patterns import compile_regex
from .policy import LineType
from .section import Section
from .values import Name, NumberPrefix, Printable, Region, Seconds, Template


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _check_regex(pattern: str) -> str:
    try:
        compile_regex(pattern)
    except ValueError as error:
        raise wrong("", str(error)) from error
    return pattern


def _check_plain(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise wrong("", "must be text, a number, true or false")
    return value


Plain = Annotated[Any, AfterValidator(_check_plain)]
Prefixes = Annotated[
    list[NumberPrefix], BeforeValidator(_as_list), Field(min_length=1, max_length=1000)
]
Names = Annotated[list[Printable], BeforeValidator(_as_list), Field(min_length=1, max_length=1000)]
Regions = Annotated[list[Region], BeforeValidator(_as_list), Field(min_length=1)]
LineTypes = Annotated[list[LineType], BeforeValidator(_as_list), Field(min_length=1)]
Attestations = Annotated[
    list[Literal["A", "B", "C", "failed", "none"]], BeforeValidator(_as_list), Field(min_length=1)
]
AnyHours = Annotated[list[Hours], BeforeValidator(_as_list), Field(min_length=1)]
AnyDates = Annotated[
    list[DatesText], BeforeValidator(_as_list), Field(min_length=1, max_length=1000)
]
SkillLevel = Annotated[int, Field(ge=1, le=10)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class FieldMatch(Section):
    """What a field of the context must be; everything that is given must hold."""

    one_of: list[Plain] | None = Field(default=None, min_length=1, max_length=1000)
    prefix: Annotated[list[str], BeforeValidator(_as_list)] | None = None
    regex: Annotated[str, Field(max_length=500), AfterValidator(_check_regex)] | None = None
    present: bool | None = None

    @model_validator(mode="after")
    def _check_any(self) -> "FieldMatch":
        if not self.model_fields_set:
            raise wrong("", "is empty; it may have one_of, prefix, regex and present")
        if self.present is False and len(self.model_fields_set) > 1:
            raise wrong("present", "a field that is absent can be nothing else")
        return self


def _as_field_match(value: object) -> object:
    """`"gold"` and `["gold", "silver"]` are short for `{ one_of = [...] }`."""
    return value if isinstance(value, dict | FieldMatch) else {"one_of": _as_list(value)}


class HistoryMatch(Section):
    """What earlier callbacks of the same number must have been."""

    min_callbacks: Count | None = None
    max_callbacks: Count | None = None
    min_attempts: Count | None = None
    max_attempts: Count | None = None
    min_completed: Count | None = None
    max_completed: Count | None = None
    last_within_s: Seconds | None = None
    """The last one was requested no longer ago than this."""
    none_within_s: Seconds | None = None
    """None was requested within this."""

    @model_validator(mode="after")
    def _check_any(self) -> "HistoryMatch":
        if not self.model_fields_set:
            raise wrong("", "is empty: say what the history must be")
        return self


class CalendarMatch(Section):
    """What one of [[calendars]] must be now."""

    name: Name
    open: bool = True


def _as_calendar_match(value: object) -> object:
    """`"office"` is short for `{ name = "office" }`: it must be open."""
    return {"name": value} if isinstance(value, str) else value


class QueueMatch(Section):
    """How many there must be in a queue: the one named, else the one that the request is for."""

    queue: Name | None = None
    min: Count | None = None
    max: Count | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> "QueueMatch":
        if self.min is None and self.max is None:
            raise wrong("", "needs min, max, or both")
        if self.min is not None and self.max is not None and self.max < self.min:
            raise wrong("max", "must not be less than min")
        return self


class Match(Section):
    """[rules.match]: what must hold, all of it. Empty: the rule is for everything."""

    kind: Literal["callback", "call"] | None = None
    context: dict[str, Annotated[FieldMatch, BeforeValidator(_as_field_match)]] = Field(
        default_factory=dict
    )
    prefix: Prefixes | None = None
    region: Regions | None = None
    line_type: LineTypes | None = None
    hours: AnyHours | None = None
    date: AnyDates | None = None
    zone: TimeZone | None = None
    """Whose clock and date these are."""
    calendar: Annotated[CalendarMatch, BeforeValidator(_as_calendar_match)] | None = None
    queue: Names | None = None
    agent: Names | None = None
    site: Names | None = None
    trunk: Names | None = None
    """The trunk that an inbound call came in by."""
    dialled: Prefixes | None = None
    """The number that an inbound caller dialled."""
    attestation: Attestations | None = None
    """Whether the number of an inbound caller is verified (STIR/SHAKEN)."""
    history: HistoryMatch | None = None
    percent: Annotated[float, Field(gt=0, lt=100)] | None = None
    """This share of the numbers: the same ones each time."""
    waiting: QueueMatch | None = None
    """How many wait in a queue now."""
    agents_free: QueueMatch | None = None
    """How many agents of a queue could take a call now."""

    @model_validator(mode="after")
    def _check_zone(self) -> "Match":
        if self.hours and not self.zone:
            raise wrong("zone", "needed with hours: whose hours are they?")
        if self.date and not self.zone:
            raise wrong("zone", "needed with date: where is it this date?")
        if self.zone and not self.hours and not self.date:
            raise wrong("hours", "needed with zone, or date")
        return self


class Setting(Section):
    """[rules.set]: what the rule sets. What is not given stays as it is."""

    queue: Name | None = None
    agent: Annotated[Printable, Field(min_length=1, max_length=512)] | None = None
    skills: dict[Name, SkillLevel] | None = None
    priority: int | None = Field(default=None, ge=-1000, le=1000)
    whisper: Annotated[Template, Field(min_length=1)] | None = None
    caller_id: Annotated[Printable, Field(min_length=1, max_length=256)] | None = None
    trunk: Name | None = None
    record: bool | None = None
    script: Annotated[Printable, Field(min_length=1, max_length=512)] | None = None
    centre: Name | None = None
    known_agent: Name | None = None
    last_agent_days: Annotated[float, Field(gt=0, le=36500)] | None = None
    """The known agent is the one who last talked to this number, within that many days."""
    order: Order | None = None
    max_attempts: int | None = Field(default=None, ge=1, le=100)
    ring_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    max_duration_s: Seconds | None = None
    detect: bool | DetectionRule | None = None

    @model_validator(mode="after")
    def _check_party(self) -> "Setting":
        if self.queue is not None and self.agent is not None:
            raise wrong("agent", "queue and agent are both given; give one")
        if self.known_agent is not None and self.last_agent_days is not None:
            raise wrong("last_agent_days", "known_agent names the agent already; give one")
        return self

    def given(self) -> dict[str, Any]:
        """What is set, by name."""
        given = self.model_dump(exclude_none=True)
        return {name: given[name] for name in sorted(self.model_fields_set)}


class Rule(Section):
    """[[rules]]: for what matches, set something. First match wins unless it says `continue`."""

    name: Name
    match: Match = Match()
    set: Setting = Setting()
    continue_: bool = Field(default=False, alias="continue")
    override: bool = False
    """Sets it even where the request says otherwise."""

    @field_validator("set")
    @classmethod
    def _check_set(cls, setting: Setting) -> Setting:
        missing = [name for name in setting.model_fields_set if getattr(setting, name) is None]
        if missing:
            raise wrong(missing[0], "must be given a value")
        return setting
