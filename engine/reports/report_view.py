"""Reports as the control protocol shows them: their rows, totals and pages.

Times are Unix seconds. For the figures in them see figures_view.py.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from .figures_view import AgentFigures, CallFigures, JobFigures, QueueFigures, SiteFigures
from .intervals import GroupBy, GroupCallsBy, Interval

Span = TypedDict(
    "Span",
    {
        "from": Annotated[float, Meta(description="The beginning, which belongs to it.")],
        "to": Annotated[float, Meta(description="The end, which does not.")],
    },
)


class QueueRow(QueueFigures, Span):
    """A queue in one interval."""

    queue: str
    """The queue."""


class AgentRow(AgentFigures, Span):
    """An agent in one interval."""

    agent: str
    """The agent."""


class SiteRow(SiteFigures, Span):
    """A site in one interval."""

    site: str
    """The site."""


class JobRow(JobFigures, Span):
    """The callbacks of one interval that have something in common: one of the following."""

    all: NotRequired[str]
    """All of them."""
    site: NotRequired[str]
    """Their site."""
    queue: NotRequired[str]
    """Their queue."""
    agent: NotRequired[str]
    """Their agent."""
    result: NotRequired[str]
    """Their result."""
    trunk: NotRequired[str]
    """The trunk by which their customers were called last."""
    answered_by: NotRequired[str]
    """Who or what answered for the customer the last time: a label of the detection."""


class CallRow(CallFigures, Span):
    """The calls of one interval that have something in common: one of the following."""

    all: NotRequired[str]
    """All of them."""
    queue: NotRequired[str]
    """Their queue."""
    agent: NotRequired[str]
    """Their agent."""
    result: NotRequired[str]
    """Their result."""
    site: NotRequired[str]
    """Their site."""
    outcome: NotRequired[str]
    """Their outcome."""
    trunk: NotRequired[str]
    """Their trunk."""
    route: NotRequired[str]
    """Their inbound route."""
    attestation: NotRequired[str]
    """Whether the number of their callers is verified."""


class ReportPage(Span):
    """A page of a report."""

    interval: Interval
    """How long an interval is."""
    time_zone: str
    """The time zone in which days and hours begin."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class ReportDefinitions(TypedDict):
    """What counts as what: `[reports]` of the configuration."""

    service_level_s: float
    """Within this time an answer is in the service level."""
    short_abandon_s: float
    """Who hangs up sooner has not really waited."""
    include_abandoned: bool
    """Whether abandoned calls count against the service level."""
    include_short_abandoned: bool
    """Whether short ones do."""
    include_overflowed: bool
    """Whether overflowed ones do."""
    include_expired: bool
    """Whether expired ones do."""
    include_withdrawn: bool
    """Whether withdrawn ones do."""
    include_lost: bool
    """Whether those that a crash cut off do."""
    service_level_by_queue: dict[str, float]
    """The time of the queues with a service level of their own."""


class QueueReport(ReportPage):
    """report.queue."""

    by: Literal["queue"]
    """What a row is about."""
    rows: list[QueueRow]
    """By interval and queue."""
    totals: list[QueueRow]
    """By queue."""
    total: QueueFigures
    """Of all."""
    definitions: ReportDefinitions
    """By which it was counted."""


class AgentReport(ReportPage):
    """report.agent."""

    by: Literal["agent"]
    """What a row is about."""
    rows: list[AgentRow]
    """By interval and agent."""
    totals: list[AgentRow]
    """By agent."""
    total: AgentFigures
    """Of all."""


class SiteReport(ReportPage):
    """report.site."""

    by: Literal["site"]
    """What a row is about."""
    rows: list[SiteRow]
    """By interval and site."""
    totals: list[SiteRow]
    """By site."""
    total: SiteFigures
    """Of all."""


class JobReport(ReportPage):
    """report.job."""

    by: GroupBy
    """What a row is about."""
    rows: list[JobRow]
    """By interval and what `by` says."""
    totals: list[JobRow]
    """By what `by` says."""
    total: JobFigures
    """Of all."""


class CallReport(ReportPage):
    """report.call."""

    by: GroupCallsBy
    """What a row is about."""
    rows: list[CallRow]
    """By interval and what `by` says."""
    totals: list[CallRow]
    """By what `by` says."""
    total: CallFigures
    """Of all."""
