"""The methods of the control protocol that report: report.*."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .control import Method, Peer
from .interval import Interval
from .protocol import Identifier, Params, UnixTime
from .report import Reports, Span, page

if TYPE_CHECKING:
    from .live import Live

# A page ends early when it holds this much, so that it fits into a line of the wire.
PAGE_BYTES = 512 * 1024


class ReportQuery(Params, rename={"from_": "from"}):
    """What all reports take. Without a span: today, in the place's time zone."""

    from_: UnixTime | None = None
    to: UnixTime | None = None
    interval: Interval = "total"
    time_zone: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    cursor: Annotated[str, Meta(max_length=16)] | None = None

    def span(self, reports: Reports) -> Span:
        """The span that is meant. Raises BadParams."""
        return reports.span(self.from_, self.to, self.interval, self.time_zone)


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
    """report.job: told apart by something, or not."""

    by: Literal["all", "site", "queue", "agent", "result"] = "all"


class LiveQuery(Params):
    """report.live."""


class ReportMethods:
    """What a client may ask of the reports."""

    def __init__(self, reports: Reports, live: "Live") -> None:
        self._reports = reports
        self._live = live

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "report.queue": Method(QueueReportQuery, self._queue),
            "report.agent": Method(AgentReportQuery, self._agent),
            "report.site": Method(SiteReportQuery, self._site),
            "report.job": Method(JobReportQuery, self._job),
            "report.live": Method(LiveQuery, self._now),
        }

    async def _queue(self, params: QueueReportQuery, _peer: Peer) -> msgspec.Raw:
        table = await self._reports.queues(params.span(self._reports), params.queue)
        return await _encoded(params, table)

    async def _agent(self, params: AgentReportQuery, _peer: Peer) -> msgspec.Raw:
        table = await self._reports.agents(params.span(self._reports), params.agent)
        return await _encoded(params, table)

    async def _site(self, params: SiteReportQuery, _peer: Peer) -> msgspec.Raw:
        table = await self._reports.sites(params.span(self._reports), params.site)
        return await _encoded(params, table)

    async def _job(self, params: JobReportQuery, _peer: Peer) -> msgspec.Raw:
        table = await self._reports.jobs(params.span(self._reports), params.by)
        return await _encoded(params, table)

    def _now(self, _params: LiveQuery, _peer: Peer) -> dict[str, Any]:
        return self._live.view()


async def _encoded(params: ReportQuery, table: dict[str, Any]) -> msgspec.Raw:
    """The page that was asked for, made outside of the loop's thread: it may be long."""

    def encode() -> bytes:
        return msgspec.json.encode(page(table, params.limit, params.cursor, PAGE_BYTES))

    return msgspec.Raw(await asyncio.to_thread(encode))
