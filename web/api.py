"""The HTTP interface that pages speak: `/v1/…`."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from config.sites import LANGUAGES, Site
from config.trusted_proxies import Address
from config.web_settings import WebSettings

from .admission import Admission
from .availability import Availabilities
from .callback_service import CallbackService
from .client_address import ClientAddresses, one_visitor
from .connections import BODY_S, is_gone, streaming
from .errors import Refusal
from .pages import callback_page, prefers_html
from .progress import Progress, is_over, queued
from .signing import Signing
from .talk_service import TalkService
from .texts import chosen_language, moment_text, sentence, texts
from .visitor_request import (
    BODY_BYTES,
    NOW,
    CallbackForm,
    RatingForm,
    TalkForm,
    read_form,
    with_consent,
)

HEARTBEAT_S = 15.0
REPLY_STEP_S = 0.05
"""Requests are accepted after a multiple of this time: how long it took tells nothing of a number,
such as whether it is on the engine's disk, or was never to be called."""
READ_STEP_S = 0.5
"""The same of what is kept of a request, for which the engine reads its events, and of a
cancelling, for which phones are hung up."""
LONGEST_STREAM_S = 3600.0
_PREFLIGHT_S = "600"
# What has been found out about a request, for the sentence that refuses it.
_SITE: web.RequestKey[Site] = web.RequestKey("site", Site)
_LANGUAGE: web.RequestKey[str] = web.RequestKey("language", str)


class Api:
    """Answers the requests of pages. `settings` gives those that hold now."""

    def __init__(
        self,
        settings: Callable[[], WebSettings],
        service: CallbackService,
        admission: Admission,
        signing: Signing,
        addresses: ClientAddresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._service = service
        self._admission = admission
        self._signing = signing
        self._addresses = addresses
        self._availabilities = Availabilities(service)

    def application(
        self, pages: Iterable[web.RouteDef] = (), middlewares: Iterable[Middleware] = ()
    ) -> web.Application:
        """The interface, for aiohttp to serve, with the `pages` that stand beside it."""
        # The body is read before a request is answered: until then it waits, and gives way.
        around = [self._answer_refusals, *middlewares]
        app = web.Application(client_max_size=BODY_BYTES, middlewares=around)
        site, callback = "/v1/sites/{key}", "/v1/callbacks/{id}"
        app.add_routes(
            [
                web.post(f"{site}/callbacks", self._request),
                web.post(f"{site}/talks", self._talk),
                web.get(f"{site}/availability", self._availability),
                web.get(f"{site}/challenge", self._challenge),
                web.get(f"{site}/texts", self._texts),
                web.get(callback, self._progress),
                web.get(f"{callback}/events", self._events),
                web.delete(callback, self._cancel),
                web.post(f"{callback}/rating", self._rate),
                web.get(f"{callback}/data", self._data),
                web.delete(f"{callback}/data", self._erase),
                web.options("/v1/{anything:.*}", self._preflight),
                web.get("/health", self._health),
                *pages,
            ]
        )
        return app

    # -- callbacks ----------------------------------------------------------------------------

    async def _request(self, request: web.Request) -> web.Response:
        site = self._site(request)
        self._admission.check_origin(site, request.headers.get("Origin"))
        form = read_form(CallbackForm, await request.read())
        language = request[_LANGUAGE] = self._language(request, site, form.language)
        form = with_consent(form, site, language)
        address = self._address(request)
        callback_id = self._signing.callback_id(site.key, form.key)
        asked_at = self._clock()
        if form.website:  # no person sees this field
            progress = queued(self._signing.callback_id(site.key, f"honeypot {form.key}"))
        elif self._service.has_accepted(callback_id, site, form):
            progress = await self._service.progress(callback_id)
        else:
            is_called = await self._admission.admit(site, form, address)
            offered: list[float] = []
            if form.when != NOW:
                slots = (await self._availabilities.of(site))["slots"]
                offered = [one["from"] for one in slots]
            progress = await self._service.request(
                callback_id, site, form, str(address), is_called=is_called, offered=offered
            )
            if form.when != NOW:
                self._availabilities.forget(site)
        await self._until_a_step(asked_at, REPLY_STEP_S)
        return self._json(request, {**progress, **self._link(request, progress["id"])}, status=202)

    async def _talk(self, request: web.Request) -> web.Response:
        """A visitor would like to speak from the page: how the page calls, and where."""
        site, origin = self._site(request), request.headers.get("Origin")
        self._admission.check_origin(site, origin)
        form = read_form(TalkForm, await request.read())
        language = request[_LANGUAGE] = self._language(request, site, form.language)
        form = with_consent(form, site, language)
        if not site.speak:
            raise Refusal(404, "unknown", field="site")
        if form.website:  # no person sees this field
            raise Refusal(503, "busy", retry_after_s=HEARTBEAT_S)
        address = self._address(request)
        await self._admission.admit_talk(site, form, address)
        admitted = await self._service.talks.admit(
            self._signing.talk_id, site, form, str(address), origin or ""
        )
        link = self._link(request, admitted["id"])["link"]
        server = self._settings().web.phone_server
        return self._json(request, {**admitted, "link": link, "server": server}, status=201)

    async def _progress(self, request: web.Request) -> web.StreamResponse:
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await self._events(request)
        found = request.match_info["id"]
        if self._opens_link(request, found):
            return callback_page()
        async with self._in_steps(REPLY_STEP_S):
            progress = await self._of(found).progress(found)
        return self._json(request, progress)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one `stage` event at once, and one for each change."""
        callback_id, followers = request.match_info["id"], self._service.followers
        visitor = one_visitor(self._address(request))
        if not followers.has_room_for(visitor):
            raise Refusal(503, "busy", retry_after_s=HEARTBEAT_S)
        async with followers.following(callback_id, visitor) as changed:
            async with self._in_steps(REPLY_STEP_S):
                progress = await self._of(callback_id).progress(callback_id)
            known = request.headers.get("Last-Event-ID")
            if is_over(progress) and known == progress["stage"]:
                # Who has heard the end, and connects again, is to stop (HTML, section 9.2.3).
                return web.Response(status=204, headers=self._headers(request))
            headers = {
                "Content-Type": "text/event-stream",
                "X-Accel-Buffering": "no",
                **self._headers(request),
            }
            response = web.StreamResponse(headers=headers)
            loop = asyncio.get_running_loop()
            ends_at = loop.time() + LONGEST_STREAM_S
            # The browser connects again by itself.
            with suppress(Refusal, ConnectionResetError), streaming(request, changed):
                await response.prepare(request)
                await response.write(_event(progress))
                while not is_over(progress) and loop.time() < ends_at:
                    await _change(response, changed)
                    if is_gone(request):
                        break
                    progress = await self._next(response, progress)
            return response

    async def _next(self, response: web.StreamResponse, progress: Progress) -> Progress:
        found = await self._of(progress["id"]).progress(progress["id"])
        if found != progress:
            await response.write(_event(found))
        return found

    async def _cancel(self, request: web.Request) -> web.Response:
        callback_id = self._own_callback(request)
        async with self._in_steps(READ_STEP_S):
            progress = await self._of(callback_id).cancel(callback_id)
        return self._json(request, progress)

    async def _rate(self, request: web.Request) -> web.Response:
        callback_id = self._own_callback(request)
        form = read_form(RatingForm, await request.read())
        async with self._in_steps(REPLY_STEP_S):
            await self._of(callback_id).rate(callback_id, form.rating)
        return self._json(request, {"id": callback_id, "rating": form.rating})

    async def _data(self, request: web.Request) -> web.Response:
        callback_id = self._own_callback(request)
        self._admission.check_reads(callback_id)
        async with self._in_steps(READ_STEP_S):
            kept = await self._of(callback_id).kept(callback_id)
        return self._json(request, kept)

    async def _erase(self, request: web.Request) -> web.Response:
        callback_id = self._own_callback(request)
        self._admission.check_reads(callback_id)
        async with self._in_steps(READ_STEP_S):
            await self._of(callback_id).erase(callback_id)
        return self._json(request, {"id": callback_id, "erased": True})

    # -- what a page asks before --------------------------------------------------------------

    async def _availability(self, request: web.Request) -> web.Response:
        site = self._site(request)
        found: dict[str, Any] = dict(await self._availabilities.of(site))
        found["speak"] = site.speak and found["open"] and bool(found["agents_free"])
        if not site.show_hours:
            found |= {"opens_at": None, "slots": []}
            if found["refusal"] == "closed":
                found["refusal"] = "closed_now"
        return self._json(request, found)

    async def _challenge(self, request: web.Request) -> web.Response:
        return self._json(request, dict(self._admission.challenge(self._site(request))))

    async def _texts(self, request: web.Request) -> web.Response:
        """What the page shows: texts, look, and what is asked for."""
        site = self._site(request)
        language = self._language(request, site, request.query.get("language"))
        found = texts(language)
        return self._json(
            request,
            {
                "language": language,
                "direction": found["direction"],
                "form": {**found["form"], **site.texts_in(language)},
                "stage": found["stage"],
                "unreachable": found["refusal"]["engine"],
                "invalid_number": found["refusal"]["invalid_number"],
                **{name: found["refusal"][name] for name in ("closed", "closed_now", "busy")},
                "consent": site.consent_in(language),
                "region": site.region,
                "proof_of_work": site.proof_of_work,
                "captcha": site.captcha is not None,
                "show_hours": site.show_hours,
                "visit": site.visit,
                "max_wait_s": site.max_wait_s,
                "look": site.look.model_dump(),
                "triggers": site.triggers.model_dump(),
                "context": site.context,
            },
        )

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _preflight(self, request: web.Request) -> web.Response:
        """What a browser asks before it sends JSON to another origin (Fetch, CORS preflight)."""
        headers = {
            **self._headers(request),
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": "Content-Type, Last-Event-ID",
            "Access-Control-Max-Age": _PREFLIGHT_S,
        }
        return web.Response(status=204, headers=headers)

    # -- what all have in common --------------------------------------------------------------

    def _site(self, request: web.Request) -> Site:
        site = self._settings().site(request.match_info["key"])
        if site is None:
            raise Refusal(404, "unknown", field="site")
        request[_SITE] = site
        return site

    @asynccontextmanager
    async def _in_steps(self, step_s: float) -> AsyncIterator[None]:
        """What takes a multiple of `step_s`, however it ends."""
        asked_at = self._clock()
        try:
            yield
        finally:
            await self._until_a_step(asked_at, step_s)

    async def _until_a_step(self, asked_at: float, step_s: float) -> None:
        await asyncio.sleep(-(self._clock() - asked_at) % step_s)

    def _opens_link(self, request: web.Request, callback_id: str) -> bool:
        """Whether a link was opened in a browser. Programs may accept HTML among other things."""
        if purpose := request.headers.get("Sec-Fetch-Dest"):
            return purpose == "document"
        # Browsers name no purpose to a gateway that has no TLS, and old ones to none.
        token = request.query.get("token", "")
        is_signed = self._signing.is_link_token(callback_id, token)
        return is_signed and prefers_html(request.headers.get("Accept", ""))

    def _own_callback(self, request: web.Request) -> str:
        """The callback whose signed link is shown. Raises Refusal `unknown`."""
        callback_id: str = request.match_info["id"]
        if not self._signing.is_link_token(callback_id, request.query.get("token", "")):
            raise Refusal(404, "unknown")
        return callback_id

    def _of(self, public_id: str) -> CallbackService | TalkService:
        """What knows the callback or talk of this id."""
        is_talk = self._signing.is_talk_id(public_id)
        return self._service.talks if is_talk else self._service

    def _link(self, request: web.Request, public_id: str) -> dict[str, str]:
        """The signed link of a callback or talk, and what it is signed with."""
        token = self._signing.link_token(public_id)
        url = self._public_url(request)
        return {"token": token, "link": f"{url}/v1/callbacks/{public_id}?token={token}"}

    def _address(self, request: web.Request) -> Address:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        return self._addresses.of(request.remote or "::", forwarded)

    def _public_url(self, request: web.Request) -> str:
        return self._settings().web.public_url.rstrip("/") or f"{request.scheme}://{request.host}"

    @staticmethod
    def _language(request: web.Request, site: Site | None, wanted: str | None) -> str:
        default = "en" if site is None else site.language
        offered = LANGUAGES if site is None else site.languages
        accepted = request.headers.get("Accept-Language", "")
        return chosen_language(wanted, accepted, default, offered)

    def _headers(self, request: web.Request) -> dict[str, str]:
        """Any page of a site may read what it is told: there are no cookies to be misused."""
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        origin = request.headers.get("Origin")
        known = any(origin in site.origins for site in self._settings().sites)
        if origin is not None and known:
            headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        return headers

    def _json(
        self, request: web.Request, body: Mapping[str, Any], *, status: int = 200
    ) -> web.Response:
        return web.json_response(body, status=status, headers=self._headers(request))

    @web.middleware
    async def _answer_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await _read_body(request)
            return await handler(request)
        except Refusal as refusal:
            return self._refused(request, refusal)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(request, Refusal(413, "bad_request"))
        except web.HTTPMethodNotAllowed as fault:
            refused = self._refused(request, Refusal(405, "bad_request"))
            refused.headers["Allow"] = fault.headers["Allow"]
            return refused

    def _refused(self, request: web.Request, refusal: Refusal) -> web.Response:
        site: Site | None = request.get(_SITE)
        language = request.get(_LANGUAGE) or self._language(request, site, None)
        if refusal.opens_at is not None and site is not None and not site.show_hours:
            refusal = Refusal(refusal.status, "closed_now")
        filled: dict[str, object] = {}
        if refusal.opens_at is not None:
            zone = site.time_zone if site is not None else ""
            filled["opens_at"] = moment_text(refusal.opens_at, zone, language)
        error: dict[str, Any] = {
            "reason": refusal.reason,
            "message": sentence(language, "refusal", refusal.reason, **filled),
        }
        if refusal.field:
            error["field"] = refusal.field
        if refusal.opens_at is not None:
            error["opens_at"] = refusal.opens_at
        response = self._json(request, {"error": error}, status=refusal.status)
        if refusal.retry_after_s is not None:
            response.headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
        return response


async def _change(response: web.StreamResponse, changed: asyncio.Event) -> None:
    """Wait for what may be a change, and say that one is there where there is none for long."""
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            await changed.wait()
    except TimeoutError:
        await response.write(b": still there\n\n")
    changed.clear()


def _event(progress: Progress) -> bytes:
    return f"id: {progress['stage']}\nevent: stage\ndata: {json.dumps(progress)}\n\n".encode()


async def _read_body(request: web.Request) -> None:
    """Read the body, if there is one. Raises Refusal where it does not come, or not in time."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError:
        raise Refusal(408, "bad_request") from None
    except (ConnectionResetError, web.RequestPayloadError):  # hung up, or it is no body
        raise Refusal(400, "bad_request") from None
