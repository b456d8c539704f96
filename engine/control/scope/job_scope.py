"""What a client with a part of the jobs may ask for and see: those of its sites, or its own.

A client whose role is `request` or `gateway` sees the jobs that it asked for, and calls to which it
admitted the visitor of a page. One whose entry names `sites` sees the jobs and calls of these
sites. Who asks for another's job hears that there is none.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ...callbacks.intake import Owner
from ...errors import EngineError
from ...job import site_of
from ...request import CallbackRequest
from ...store.kept_events import Event
from ..method_roles import NoRight, needed
from ..params import CallRef
from ..rights import Principal

if TYPE_CHECKING:
    from ...calls.call import Call
    from ...trace.traced_call import TracedCall

    TracedCalls = Callable[[Any], TracedCall | None]

_REQUESTS = frozenset({"callback.feign", "callback.request"})
_OF_ONE_JOB = frozenset(
    {
        "callback.annotate", "callback.cancel", "callback.get", "callback.reprioritise",
        "callback.reschedule",
    }
)  # fmt: skip
_OF_ONE_CALL = frozenset(
    {
        "call.answer", "call.get", "call.hangup", "call.headers", "call.hold", "call.redirect",
        "call.reject", "call.resume", "call.ring", "call.send_dtmf", "call.send_info",
        "call.detect", "call.gather", "call.play", "call.say", "call.stop",
        "call.unbridge", "recording.pause", "recording.resume", "recording.start",
        "recording.stop",
    }
)  # fmt: skip
_OF_ONE_PERSON = frozenset({"person.erase", "person.export"})
_OF_ONE_TRACE = frozenset({"trace.explain", "trace.get"})

# What the client whose request joined another's job learns of that job.
_OUTLINE = ("id", "state", "replayed", "joined_to", "reading", "would_be_due")
MOST_REMEMBERED = 20_000


class _EventOf(msgspec.Struct):
    """What an event is about."""

    job: str | None = None
    context: dict[str, Any] | None = None


class _Notification(msgspec.Struct):
    params: _EventOf


_about = msgspec.json.Decoder(_Notification)


class JobScope:
    """What one client may ask for and see.

    `owner_of` gives the owner of a job, of the request of an id, or of the call of a page; None
    where there is none.
    `traced` gives the call of a trace by its own id, or by a Call-ID of its SIP.
    """

    def __init__(
        self,
        principal: Principal,
        owner_of: Callable[[str], Owner | None] = lambda _id: None,
        calls: "Mapping[str, Call] | None" = None,
        traced: "TracedCalls" = lambda _params: None,
    ) -> None:
        self._traced = traced
        self._who = principal
        self._owner_of = owner_of
        self._calls = calls or {}
        # An event is about a job more often than not, and there are many of each.
        self._known: OrderedDict[str, bool] = OrderedDict()

    # -- what it asks for -------------------------------------------------------------------

    def amend(self, method: str, params: Any) -> Any:
        """The parameters as the client means them: its own site, and a number where it may only
        request."""
        if method in _REQUESTS and isinstance(params, CallbackRequest):
            changes: dict[str, Any] = {}
            if self._who.has_own_jobs_only and params.to_kind is None:
                changes["to_kind"] = "number"
            if self._who.sites and params.site is None and site_of(params.context) is None:
                changes["site"] = self._only_site("site")
            return msgspec.structs.replace(params, **changes) if changes else params
        if method in _OF_ONE_PERSON and params.request is not None and self._who.has_own_jobs_only:
            return msgspec.structs.replace(params, who=self._who.name)
        no_site = params.site is None if method in ("report.site", "call.originate") else False
        if method == "call.originate" and no_site and self._who.sites:
            if site_of(params.context) is None:
                return msgspec.structs.replace(params, site=self._only_site("site"))
        elif method == "report.site" and no_site:
            return msgspec.structs.replace(params, site=self._only_site("site"))
        return params

    def _only_site(self, field: str) -> str:
        sites = self._who.sites
        if len(sites) == 1:
            return next(iter(sites))
        listed = ", ".join(sorted(sites))
        raise EngineError("refused", f"give the site, one of {listed}", field=field)

    def check(self, method: str, params: Any) -> None:
        """Raise NoRight where the client may not ask for this with these parameters."""
        if method in _REQUESTS:
            self._check_site(params.site, "site")
            self._check_site(site_of(params.context), "context.site")
        elif method == "call.originate":
            self._check_site(params.site, "site")
            self._check_site(site_of(params.context), "context.site")
            self._check_legs(method, beside=params.beside)
        elif method == "call.bridge":
            self._check_legs(method, leg=params.leg, **{"with": params.with_})
        elif method in ("browser.admit", "report.site"):
            self._check_site(params.site, "site")
        elif method in _OF_ONE_JOB:
            if not self._owns(params.id) and not self._has_call(params.id):
                raise self._no_right(method, "id")
            if method == "callback.annotate" and self._who.has_own_jobs_only:
                self._check_rating(params)
        elif method == "record.get" and self._owner_of(params.id) and not self._owns(params.id):
            raise _no_record(params.id)
        elif method in _OF_ONE_PERSON:
            one = params.job or params.call
            is_own_request = params.request is not None and params.who == self._who.name
            if not is_own_request and (one is None or not self._owns(one)):
                field = "number" if one is None else "call" if params.job is None else "job"
                raise self._no_right(method, field)
        elif method in _OF_ONE_TRACE:
            self._check_trace(method, params)
        elif method in _OF_ONE_CALL and not self._has_call(self._call_id(params)):
            raise self._no_right(method, "call" if params.call is not None else "leg")

    def _check_rating(self, params: Any) -> None:
        # Notes and outcomes are the agents'. A visitor rates.
        for field in ("notes", "outcome"):
            if getattr(params, field) is not None:
                reason = f"{self._who.name} may give the rating alone"
                raise NoRight(reason, field=field, role="operate", had=self._who.role)

    def _check_trace(self, method: str, params: Any) -> None:
        if params.job is not None:
            if not self._owns(params.job):
                raise self._no_right(method, "job")
            return
        call = self._traced(params)
        if call is None and method == "trace.explain":  # a record may be left of it
            return
        if call is None or not self._sees_traced(call.job_id, call.site):
            if method == "trace.explain":
                raise _no_call(params.call)
            raise self._no_right(method, "call" if params.call is not None else "call_id")

    def _check_legs(self, method: str, **legs: str | None) -> None:
        for field, leg in legs.items():
            if leg is not None and not self._has_call(self._call_with(leg)):
                raise self._no_right(method, field)

    def _check_site(self, site: str | None, field: str) -> None:
        if self._who.sites and site is not None and site not in self._who.sites:
            reason = f"{self._who.name} may not act for the site {site!r}"
            raise NoRight(reason, field=field, role=needed("engine.reload"), had=self._who.role)

    def _no_right(self, method: str, field: str) -> NoRight:
        # The same for what there is not, so that nothing is learnt from it.
        reason = f"{self._who.name} may do that for its own jobs only"
        return NoRight(reason, field=field, role=needed(method), had=self._who.role)

    def narrowed(self, method: str, result: Any) -> Any:
        """A result with nothing in it that does not concern the client."""
        if method in ("callback.request", "callback.get"):
            return self._narrowed_job(result)
        if method == "callback.list":
            return result | {"jobs": [job for job in result["jobs"] if self._owns(job["id"])]}
        if method == "call.list":
            return {"calls": [call for call in result["calls"] if self._sees_call(call)]}
        if method == "person.export":  # what others have done is theirs
            mine = [one for one in result["items"] if one["kind"] != "audit"]
            return result | {"items": mine}
        if method in ("trace.get", "trace.follow"):
            return self._narrowed_trace(result)
        if method == "trace.explain" and not self._sees_traced(result["job"], result["site"]):
            if result["job"] is None:
                raise _no_call(result["call"])
            raise self._no_right(method, "job")
        if method == "record.get" and not self._sees_record(result):
            raise _no_record(result["id"])
        if method == "recording.get" and not self._sees_recording(result):
            raise _no_recording(result["recording"])
        if method == "recording.list":
            mine = [one for one in result["recordings"] if self._sees_recording(one)]
            return result | {"recordings": mine}
        if method == "record.list":
            mine = [one for one in result["records"] if self._sees_record(one)]
            return result | {"records": mine}
        return result

    def _narrowed_trace(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Messages of no call, such as those of registrations, are for nobody of these."""
        calls = [one for one in result["calls"] if self._sees_traced(one["job"], one["site"])]
        seen = {one["call"] for one in calls}
        messages = [one for one in result["messages"] if one["call"] in seen]
        return {**result, "calls": calls, "messages": messages}

    def _narrowed_job(self, view: Mapping[str, Any]) -> Mapping[str, Any]:
        job_id = view["id"]
        if self._is_its(Owner(view["requested_by"], view["site"])):
            return view
        if view.get("replayed") and "joined_to" not in view:
            reason = f"job {job_id} exists and was requested with other parameters"
            raise EngineError("conflict", reason, field="id")
        return {name: view[name] for name in _OUTLINE if name in view}

    # -- what it sees -----------------------------------------------------------------------

    def sees(self, event: Event) -> bool:
        """Whether an event concerns the client."""
        about = _about.decode(event.line).params
        if about.job is not None:
            return self._owns(about.job)
        return self._is_of_its_sites(site_of(about.context))

    def sees_view(self, source: str, view: Mapping[str, Any]) -> bool:
        """Whether a view of a snapshot concerns the client."""
        if source == "job":
            return self._owns(view["id"])
        return source == "call" and self._sees_call(view)

    # -- what belongs to it -----------------------------------------------------------------

    def _owns(self, job_id: str) -> bool:
        """Whether a job is the client's, or took in a request of it."""
        known = self._known.get(job_id)
        if known is None:
            owner = self._owner_of(job_id)
            if owner is None:
                return False
            known = self._known[job_id] = self._is_its(owner)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _is_its(self, owner: Owner) -> bool:
        if self._who.sites and owner.site not in self._who.sites:
            return False
        return not self._who.has_own_jobs_only or owner.requested_by == self._who.name

    def _is_of_its_sites(self, site: str | None) -> bool:
        return not self._who.has_own_jobs_only and site is not None and site in self._who.sites

    def _sees_call(self, view: Mapping[str, Any]) -> bool:
        if view["job"] is not None:
            return self._owns(view["job"])
        return self._is_of_its_sites(site_of(view.get("context")))

    def _sees_traced(self, job_id: str | None, site: str | None) -> bool:
        return self._is_of_its_sites(site) if job_id is None else self._owns(job_id)

    def _sees_record(self, record: Mapping[str, Any]) -> bool:
        if self._who.has_own_jobs_only:
            return self._owns(record["id"])
        return self._is_of_its_sites(record.get("site"))

    def _sees_recording(self, recording: Mapping[str, Any]) -> bool:
        return self._sees_traced(recording["job"], recording["site"])

    def _has_call(self, call_id: str | None) -> bool:
        call = self._calls.get(call_id or "")
        return call is not None and self._sees_call(call.view())

    def _call_id(self, params: CallRef) -> str | None:
        return params.call if params.call is not None else self._call_with(params.leg)

    def _call_with(self, leg_id: str | None) -> str | None:
        for call in self._calls.values():
            if any(leg.id == leg_id for leg in call.legs):
                return call.id
        return None


def _no_call(call_id: str) -> EngineError:
    # As for one that there is not.
    return EngineError("not_found", f"there is no call {call_id}", field="call")


def _no_record(record_id: str) -> EngineError:
    # As for one that there is not.
    return EngineError("not_found", f"there is no record {record_id}", field="id")


def _no_recording(recording: str) -> EngineError:
    # As for one that there is not.
    return EngineError("not_found", f"there is no recording {recording}", field="recording")
