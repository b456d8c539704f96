"""Callbacks of visitors, as requests to the engine: what is asked for, and what comes back."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from config.sites import Site
from ringback_client import Client, ClientError, EngineError

from .engine_requests import RETRY_S, EngineRequests, refusal_of
from .errors import Refusal
from .numbers import one_number, plain
from .progress import Followers, Progress, progress_of, queued
from .signing import Signing
from .talk_service import TalkService
from .uncalled.course_player import CoursePlayer
from .uncalled.courses import ENDED, Plan
from .uncalled.uncalled_requests import ERASED, Party, UncalledRequests, party_of
from .visitor_request import CallbackForm, kept_context, slot_time

DAY_S = 86400.0
# Policies that are told to nobody outside: who types in number after number would learn which of
# them asked not to be called, or were called lately.
_SILENT = frozenset({"do_not_call"})
_SILENT_OF_THE_NUMBER = frozenset({"velocity", "cost"})
"""Those of the number alone; limits of the site, the visitor or all together are told."""
_SECONDS_PER_MIN = 60.0
MOST_ACCEPTED = 100_000


class CallbackService:
    """Asks the engine for callbacks, and for what becomes of them."""

    def __init__(self, client: Client, signing: Signing, followers: Followers) -> None:
        self._client = client
        self._engine = EngineRequests(client)
        self.talks = TalkService(self._engine)
        self._signing = signing
        self.followers = followers
        self._accepted: OrderedDict[str, str] = OrderedDict()
        self._uncalled = UncalledRequests()
        self.player = CoursePlayer(self._uncalled, self._engine.call, followers.tell)

    def has_accepted(self, callback_id: str, site: Site, form: CallbackForm) -> bool:
        """Whether this request was accepted lately: a page that got no reply sends it again.

        Raises Refusal `changed` where it was for another number or time.
        """
        earlier = self._accepted.get(callback_id)
        if earlier is not None and earlier != _wish(site, form):
            raise Refusal(409, "changed", field="key")
        return earlier is not None

    async def request(
        self,
        callback_id: str,
        site: Site,
        form: CallbackForm,
        address: str,
        *,
        is_called: bool = True,
        offered: Sequence[float] = (),
    ) -> Progress:
        """Ask for a callback, which is on the engine's disk when this returns.

        `offered` are the beginnings of the site's slots, where it is for one. Raises Refusal. A
        number that must not be called is accepted like any other, and not called.
        """
        params = _params_of(callback_id, site, form, address, offered)
        party = _party_of_site(site)
        if (slot := params.get("slot")) is not None:
            slot |= self._uncalled.taken(party, slot["start"], slot["end"])
        if site.queue and (taken := self._uncalled.places(party)):
            params["queue_taken"] = taken
        if is_called:
            progress = await self._request(callback_id, params)
        else:
            progress = await self._not_called(callback_id, params)
        self._accepted[callback_id] = _wish(site, form)
        if len(self._accepted) > MOST_ACCEPTED:
            self._accepted.popitem(last=False)
        return progress

    async def _request(self, callback_id: str, params: dict[str, Any]) -> Progress:
        try:
            job = await self._engine.call("callback.request", **params)
        except EngineError as error:
            if error.kind == "conflict":  # the page sent it before
                return await self._repeated(callback_id, params)
            if _is_silent(error):
                return await self._not_called(callback_id, params)
            raise refusal_of(error) from None
        if "joined_to" in job:
            return await self._not_called(callback_id, params)
        return progress_of(callback_id, job)

    async def _repeated(self, callback_id: str, params: dict[str, Any]) -> Progress:
        """How far the callback of this request is, which the gateway knew before its restart."""
        job = await self._job(callback_id)
        number = one_number(params["to"], params["region"])
        if job is not None and job["to"] not in (number, ERASED):
            raise Refusal(409, "changed", field="key")
        return await self.progress(callback_id)

    async def _not_called(self, callback_id: str, params: dict[str, Any]) -> Progress:
        """It makes no callback of its own, and who asked must not notice. Raises Refusal, where
        any other number would be refused."""
        try:
            plan: Plan = await self._engine.call("callback.feign", **params)
        except EngineError as error:
            raise refusal_of(error) from None
        self._uncalled.add(callback_id, params, plan)
        self.player.stir(party_of(params))
        return {"id": callback_id, "stage": "queued", "at": plan["would_be_due"]}

    def due_uncalled(self, site: Site) -> list[float]:
        """When those of the site's queue or agent would be due that make no callback."""
        return self._uncalled.due_times(_party_of_site(site))

    async def progress(self, callback_id: str) -> Progress:
        """How far a callback is. Raises Refusal `unknown`, `engine`."""
        job = await self._job(callback_id)
        uncalled = self._uncalled.find(callback_id)
        if uncalled is not None:
            return progress_of(callback_id, uncalled)
        return queued(callback_id) if job is None else progress_of(callback_id, job)

    async def cancel(self, callback_id: str) -> Progress:
        """Cancel a callback. Raises Refusal `over`, `unknown`, `engine`."""
        job = await self._own_job(callback_id)
        if job is None:
            if self._uncalled.find(callback_id) is None:  # of before a restart
                return {"id": callback_id, "stage": "cancelled", "at": None}
            return await self._cancel_uncalled(callback_id)
        try:
            job = await self._engine.call("callback.cancel", id=callback_id, by="visitor")
        except EngineError as error:
            reason = "over" if error.kind == "state" else "engine"
            raise Refusal(409 if error.kind == "state" else 503, reason) from None
        return progress_of(callback_id, job)

    async def _cancel_uncalled(self, callback_id: str) -> Progress:
        over = self._uncalled.cancel(callback_id)
        if over is None:
            raise Refusal(409, "over")
        self.player.stir_all()
        await asyncio.sleep(max(0.0, over - time.time()))  # phones would be hung up
        found = self._uncalled.find(callback_id) or {}
        return {"id": callback_id, "stage": "cancelled", "at": found.get("not_before")}

    async def rate(self, callback_id: str, rating: int) -> None:
        """Write back how the visitor rates the talk.

        Raises Refusal `no_talk`, `unknown`, `engine`.
        """
        job = await self._own_job(callback_id)
        if job is None or job["bridged_at"] is None:
            raise Refusal(409, "no_talk")
        await self._engine.rate(callback_id, rating)

    async def kept(self, callback_id: str) -> dict[str, Any]:
        """What is kept of a request, for its visitor to see. Raises Refusal `unknown`, `engine`."""
        job = await self._own_job(callback_id)
        found = job or self._uncalled.find(callback_id)
        if found is None:
            return {"id": callback_id}
        names = ("to", "created", "not_before", "context", "rating", "state", "ended_at")
        kept = {"id": callback_id, **{name: found[name] for name in names}, "events": []}
        if found["state"] in ENDED and found["to"] == ERASED:
            kept |= {"recorded_bytes": 0}
        elif found["state"] in ENDED and job is None:
            own = self._uncalled.export(callback_id)
            # The engine reads as much as for a job: it takes as long.
            kept |= await self._engine.exported(request=callback_id) | own
        elif found["state"] in ENDED:
            kept |= await self._engine.exported(job=callback_id)
        return kept

    async def erase(self, callback_id: str) -> None:
        """Erase what this request left. What else there is of its number stays.

        Raises Refusal `not_over`, `unknown`, `engine`.
        """
        job = await self._own_job(callback_id)
        found = job or self._uncalled.find(callback_id)
        if found is not None and found["state"] not in ENDED:
            raise Refusal(409, "not_over")
        if found is not None and found["to"] == ERASED:
            return
        if job is not None:
            await self._engine.erase(job=callback_id)
        else:  # that it was asked for is in the audit log
            await self._engine.erase(request=callback_id)
            self._uncalled.erase(callback_id)

    async def follow_events(self) -> None:
        """Tell the followers what changes, for ever. A lost engine is awaited."""
        while True:
            try:
                async with self._client.events(types=["callback."], snapshot=False) as events:
                    self.followers.tell_all()
                    async for event in events:
                        if event["type"] == "client.gap":
                            self.followers.tell_all()
                        elif (job := event.get("job")) is not None:
                            self.followers.tell(job)
            except (ClientError, EngineError):
                await asyncio.sleep(RETRY_S)

    async def availability(self, site: Site) -> Mapping[str, Any]:
        """The availability of a site's queue or agent. Raises Refusal `engine`."""
        party = _party_of_site(site)
        asked = {
            party.kind: party.name,
            "days": site.slot_days,
            "slot_min": site.slot_min,
            **({"slot_callbacks": site.slot_callbacks} if site.slot_callbacks else {}),
        }
        if site.queue and (taken := self._uncalled.places(party)):
            asked["taken"] = taken
        try:
            found: dict[str, Any] = await self._engine.call(f"{party.kind}.availability", **asked)
        except EngineError as error:
            if not site.queue and error.kind == "not_found":  # a phone: it rings, and has no hours
                return {"open": True, "free": None, "opens_at": None, "slots": []}
            raise Refusal(503, "engine") from None
        free = "agents_free" if site.queue else "free"
        return found | {free: max(0, found[free] - self._uncalled.active(party))}

    async def _own_job(self, callback_id: str) -> Mapping[str, Any] | None:
        """The job that this request made; None where it made none, for whatever reason."""
        job = await self._job(callback_id)
        return job if job is not None and job["id"] == callback_id else None

    async def _job(self, callback_id: str) -> Mapping[str, Any] | None:
        if not self._signing.is_callback_id(callback_id):
            raise Refusal(404, "unknown")
        try:
            job: Mapping[str, Any] = await self._engine.call("callback.get", id=callback_id)
        except EngineError:
            return None  # the request was accepted, and is not carried out
        return job


def _params_of(
    callback_id: str, site: Site, form: CallbackForm, address: str, offered: Sequence[float]
) -> dict[str, Any]:
    """What the engine is asked for. Raises Refusal."""
    now = time.time()
    slot = slot_time(form.when, now + site.slot_days * DAY_S)
    params: dict[str, Any] = {
        "id": callback_id,
        "to": plain(form.number),
        "to_kind": "number",
        "region": form.region or site.region,
        "site": site.name,
        "source": address,
        "context": kept_context(site, form, address, now),
        "priority": site.priority,
        "deadline": (slot or now) + site.max_wait_s,
    }
    optional = {
        "queue": site.queue, "agent": site.agent, "script": site.script, "not_before": slot,
        "slot": _slot_of(site, slot, offered) if slot else None,
        **dict(site.scripts),
    }  # fmt: skip
    return params | {name: value for name, value in optional.items() if value}


def _party_of_site(site: Site) -> Party:
    return party_of({"queue": site.queue, "agent": site.agent})


def _wish(site: Site, form: CallbackForm) -> str:
    """What is asked for: the number and the time."""
    return f"{one_number(form.number, form.region or site.region)} {form.when}"


def _slot_of(site: Site, at: float, offered: Sequence[float]) -> dict[str, Any]:
    """The slot in which a time is: one of those that are offered, or that is full between them."""
    length_s = site.slot_min * _SECONDS_PER_MIN
    nearest = min(offered, key=lambda one: abs(one - at), default=0.0)
    start = nearest + (at - nearest) // length_s * length_s
    slot: dict[str, Any] = {"start": start, "end": start + length_s}
    return slot | ({"most": site.slot_callbacks} if site.slot_callbacks else {})


def _is_silent(error: EngineError) -> bool:
    """Whether the engine refuses for what is known of the number, which nobody outside is told."""
    policy, limit = error.data.get("policy"), error.data.get("limit", "number")
    return policy in _SILENT or (policy in _SILENT_OF_THE_NUMBER and limit == "number")
