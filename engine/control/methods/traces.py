"""The methods about the SIP of calls: trace.get, trace.follow and trace.explain."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta

from media.errors import MediaError

from ...calls.call import CallRegistry
from ...errors import EngineError
from ...job import Job
from ...request import Identifier, JobId, Params, Target, one_of
from ...store.cursor import never_given
from ...store.store import Store
from ...trace.call_view import (
    Ending,
    Located,
    TracedCallView,
    call_view,
    ending_of_attempt,
    messages_of_call,
    messages_of_flow,
    sentence,
)
from ...trace.following import Followed, Following
from ...trace.message_view import MessageView, message_view
from ...trace.story import Sentence, Wire, story_of_call, story_of_job
from ...trace.trace import Trace
from ...trace.traced_call import TracedCall
from ..connections.peer import Peer
from ..method import Method
from .pages import Paged, Slices

STATS_LIMIT_S = 1.0
LONGEST_WAIT_S = 50.0
# One more message may be on a page, which is half a MiB where each of its bytes has to be escaped.
MESSAGES_BYTES = 384 * 1024
_NOTHING: Ending = {"result": None, "cause": None}

_encoder = msgspec.json.Encoder()


class TraceQuery(Paged):
    """trace.get: a call by its id, the calls of a job, or the messages with a SIP Call-ID."""

    call: Identifier | None = None
    job: JobId | None = None
    call_id: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None

    def __post_init__(self) -> None:
        given = {"call": self.call, "job": self.job, "call_id": self.call_id}
        one_of(given, given)


class FollowQuery(Params):
    """trace.follow: the messages after the one of the number `after`; None: from now on.

    It waits up to `wait_s` where there are none yet. With `number`, those that are about it.
    """

    after: Annotated[int, Meta(ge=0)] | None = None
    number: Target | None = None
    wait_s: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 20.0
    limit: Annotated[int, Meta(ge=1, le=500)] = 200


class ExplainQuery(Params):
    """trace.explain: a callback by its id, or a call that came in."""

    job: JobId | None = None
    call: Identifier | None = None

    def __post_init__(self) -> None:
        one_of(("job", "call"), {"job": self.job, "call": self.call})


class TracePage(TypedDict):
    """trace.get."""

    calls: list[TracedCallView]
    """The calls that the messages belong to."""
    messages: list[MessageView]
    """Their messages, in the order in which they came and went."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class FollowedPage(TypedDict):
    """trace.follow."""

    calls: list[TracedCallView]
    """The calls that the messages belong to."""
    messages: list[MessageView]
    """The messages, in order; empty where none came in time."""
    after: int
    """What asks for those that follow."""


@dataclass(slots=True)
class _Page:
    """`last` is the number of the last message, where more follow."""

    calls: list[TracedCallView] = field(default_factory=list)
    messages: list[MessageView] = field(default_factory=list)
    last: int | None = None


class Story(TypedDict):
    """trace.explain."""

    job: str | None
    """The callback."""
    call: str | None
    """The call that came in."""
    site: str | None
    """The web site, or other origin."""
    sentences: list[Sentence]
    """What happened, in order."""


class TraceMethods:
    """What a client may see of the SIP of calls.

    `find_job` gives the job of an id, open or ended, or the one that the request of this id joined.
    """

    def __init__(
        self,
        trace: Trace,
        registry: CallRegistry,
        store: Store,
        find_job: Callable[[str], Job | None],
    ) -> None:
        self._trace = trace
        self._registry = registry
        self._store = store
        self._find_job = find_job

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "trace.get": Method(TraceQuery, self._get, is_large=True),
            "trace.follow": Method(FollowQuery, self._follow, is_large=True, until=self._news),
            "trace.explain": Method(ExplainQuery, self._explain, is_large=True),
        }

    # -- one call, or the calls of a job ------------------------------------------------------

    async def _get(self, params: TraceQuery, _peer: Peer) -> TracePage:
        self._check_on()
        after = _read_cursor(params.cursor)
        found = [one for one in self._found(params) if one.located["message"].number > after]
        page = await self._page(found, params.limit)
        cursor = None if page.last is None else str(page.last)
        return {"calls": page.calls, "messages": page.messages, "cursor": cursor}

    async def _page(self, found: Iterable[Followed], limit: int) -> "_Page":
        """The first of these messages, and the calls that they belong to."""
        page = _Page()
        seen: set[str] = set()
        slices = Slices()
        size = 0
        for one in found:
            if len(page.messages) == limit or size > MESSAGES_BYTES:
                page.last = page.messages[-1]["number"]
                break
            call = one.call
            if call is not None and call.id not in seen:
                seen.add(call.id)
                await self._refresh(call)
                head = await self._view(call)
                page.calls.append(head)
                size += len(_encoder.encode(head))
            located = one.located
            view = message_view(located["message"], located["repetition"], located["where"])
            page.messages.append(view)
            size += len(_encoder.encode(view))
            await slices.pause()
        return page

    def _found(self, params: TraceQuery) -> list[Followed]:
        trace = self._trace
        if params.job is not None:
            job = self._find_job(params.job)
            if job is None:
                raise EngineError("not_found", f"there is no job {params.job}", field="job")
            calls = trace.calls_of_job(job.id)
        elif params.call is not None:
            call = trace.call(params.call)
            if call is None:
                reason = f"there is no trace of a call {params.call}, or none any more"
                raise EngineError("not_found", reason, field="call")
            calls = [call]
        else:
            assert params.call_id is not None
            owner = trace.call_of_flow(params.call_id.encode("utf-8", "surrogateescape"))
            loose = messages_of_flow(trace, params.call_id) if owner is None else []
            if owner is None and not loose:
                reason = f"there is no message with the Call-ID {params.call_id}, or none any more"
                raise EngineError("not_found", reason, field="call_id")
            if owner is None:
                return [Followed(one, None) for one in loose]
            calls = [owner]
        found = [Followed(one, call) for call in calls for one in messages_of_call(trace, call)]
        return sorted(found, key=lambda one: one.located["message"].number)

    def _check_on(self) -> None:
        if not self._trace.is_on:
            raise EngineError("state", "no call is traced: trace.keep_calls is 0")

    async def _refresh(self, call: TracedCall) -> None:
        """Have the figures of a call that is up be those of this moment."""
        up = self._registry.calls.get(call.id)
        for leg in () if up is None else tuple(up.legs):
            try:
                async with asyncio.timeout(STATS_LIMIT_S):
                    await leg.refresh_stats()
            except (MediaError, TimeoutError):
                continue

    async def _view(self, call: TracedCall) -> TracedCallView:
        job = None if call.job_id is None else self._find_job(call.job_id)
        ending = _NOTHING
        if job is not None:
            ending = ending_of_attempt(call, job)
        elif not call.is_up and call.direction == "inbound":
            record = await self._record(call.id)
            ending = {"result": record.get("result"), "cause": sentence(record.get("cause"))}
        elif call.ending is not None:
            word, cause = call.ending
            ending = {"result": word, "cause": sentence(cause)}
        return call_view(self._trace, call, job, ending)

    async def _record(self, call_id: str) -> dict[str, Any]:
        """What is kept of a call that came in and has ended; empty where there is nothing."""
        rows = await self._store.query("SELECT body FROM records WHERE id = ?", (call_id,))
        record: dict[str, Any] = msgspec.json.decode(rows[0][0]) if rows else {}
        return record

    # -- as they come -------------------------------------------------------------------------

    def _following(self, number: str | None) -> Following:
        return Following(self._trace, number, self._find_job, Slices().pause)

    async def _news(self, params: FollowQuery, _peer: Peer) -> FollowQuery:
        """Wait until there is something. The same question, which can be answered at once then."""
        self._check_on()
        after = self._trace.number if params.after is None else params.after
        after = await self._following(params.number).wait(after, wait_s=params.wait_s)
        return msgspec.structs.replace(params, after=after)

    async def _follow(self, params: FollowQuery, _peer: Peer) -> FollowedPage:
        assert params.after is not None
        found = await self._following(params.number).after(params.after, params.limit)
        page = await self._page(found.messages, params.limit)
        last = found.newest if page.last is None else page.last
        return {"calls": page.calls, "messages": page.messages, "after": last}

    # -- in sentences -------------------------------------------------------------------------

    async def _explain(self, params: ExplainQuery, _peer: Peer) -> Story:
        trace = self._trace
        if params.job is not None:
            job = self._find_job(params.job)
            if job is None:
                raise EngineError("not_found", f"there is no job {params.job}", field="job")
            wire = Wire(
                {one.id: messages_of_call(trace, one) for one in trace.calls_of_job(job.id)}
            )
            told = story_of_job(job, wire)
            return {"job": job.id, "call": None, "site": job.request.site, "sentences": told}
        assert params.call is not None
        call = trace.call(params.call)
        if call is not None and call.job_id is not None:
            return await self._explain(ExplainQuery(job=call.job_id), _peer)
        record = await self._record(params.call)
        if call is None and not record:
            raise EngineError("not_found", f"there is no call {params.call}", field="call")
        view: dict[str, Any] = {"call": params.call}
        site = record.get("site")
        messages: list[Located] = []
        if call is not None:
            view = dict(await self._view(call))
            site, messages = call.site, messages_of_call(trace, call)
        told = story_of_call(view, record, Wire({params.call: messages}))
        return {"job": None, "call": params.call, "site": site, "sentences": told}


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20):
        raise never_given("trace.get")
    return int(cursor)
