"""The methods of the control protocol that report: report.*."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import Meta

from ...reports.intervals import GroupBy, GroupCallsBy, Interval
from ...reports.report import Reports
from ...reports.report_count import Kind, Question
from ...reports.report_view import AgentReport, CallReport, JobReport, QueueReport, SiteReport
from ...request import Identifier, Params, UnixTime
from ..connections.peer import Peer
from ..method import Method
from ..status_view import LiveView
from .pages import bounded

if TYPE_CHECKING:
    from ...reports.live import Live

LIVE_BYTES = 384 * 1024
"""For the queues, and for the agents, of report.live."""


class ReportQuery(Params, rename={"from_": "from"}):
    """What all reports take. Without a span: today, in the place's time zone."""

    from_: UnixTime | None = None
    to: UnixTime | None = None
    interval: Interval = "total"
    time_zone: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    cursor: Annotated[str, Meta(max_length=16)] | None = None

    def asked(self, reports: Reports, kind: Kind, **more: Any) -> Question:
        """What is asked. Raises BadParams."""
        return reports.question(
            kind,
            self.from_,
            self.to,
            interval=self.interval,
            time_zone=self.time_zone,
            limit=self.limit,
            cursor=self.cursor,
            **more,
        )


class QueueReportQuery(ReportQuery):
    """report.queue: of one queue, or all."""

    queue: Identifier | None = None


class AgentReportQuery(ReportQuery):
    """report.agent: of one agent, or all."""

    agent: Identifier | None = None


class SiteReportQuery(ReportQuery):
    """report.site: of one site, or all."""

    site: Identifier | None = None


class JobReportQuery(ReportQuery):
    """report.job: grouped by something, or not."""

    by: GroupBy = "all"


class CallReportQuery(ReportQuery):
    """report.call: calls that came in, grouped by something, or not."""

    by: GroupCallsBy = "all"


class LiveQuery(Params):
    """report.live."""


class ReportMethods:
    """What a client may ask of the reports. `raised` gives the alerts that are raised now."""

    def __init__(
        self,
        reports: Reports,
        live: "Live",
        raised: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self._reports = reports
        self._live = live
        self._raised = raised

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "report.queue": Method(
                QueueReportQuery, self._queue, is_large=True, result=QueueReport
            ),
            "report.agent": Method(
                AgentReportQuery, self._agent, is_large=True, result=AgentReport
            ),
            "report.site": Method(SiteReportQuery, self._site, is_large=True, result=SiteReport),
            "report.job": Method(JobReportQuery, self._job, is_large=True, result=JobReport),
            "report.call": Method(CallReportQuery, self._call, is_large=True, result=CallReport),
            "report.live": Method(LiveQuery, self._now, is_costly=True),
        }

    async def _queue(self, params: QueueReportQuery, _peer: Peer) -> msgspec.Raw:
        asked = params.asked(self._reports, "queue", which=params.queue)
        return await self._reports.answer(asked)

    async def _agent(self, params: AgentReportQuery, _peer: Peer) -> msgspec.Raw:
        asked = params.asked(self._reports, "agent", which=params.agent)
        return await self._reports.answer(asked)

    async def _site(self, params: SiteReportQuery, _peer: Peer) -> msgspec.Raw:
        asked = params.asked(self._reports, "site", which=params.site)
        return await self._reports.answer(asked)

    async def _job(self, params: JobReportQuery, _peer: Peer) -> msgspec.Raw:
        return await self._reports.answer(params.asked(self._reports, "job", by=params.by))

    async def _call(self, params: CallReportQuery, _peer: Peer) -> msgspec.Raw:
        return await self._reports.answer(params.asked(self._reports, "call", by=params.by))

    def _now(self, _params: LiveQuery, _peer: Peer) -> LiveView:
        view = self._live.view() | {"alerts": self._raised()}
        view["queues"], queues_left = bounded(view["queues"], LIVE_BYTES)
        view["agents"], agents_left = bounded(view["agents"], LIVE_BYTES)
        left_out = {"queues": queues_left, "agents": agents_left}
        return cast(LiveView, view | {"left_out": left_out})
