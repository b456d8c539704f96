"""What is not JSON: the snippet that pages load, the page of a callback, the preview of a site's
look, and the phone."""

import gzip
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aiohttp import web

from config.sites import LANGUAGES, Site
from config.web_settings import WebSettings

from .ring_tone import ring_tone
from .texts import DEFAULT, chosen_language, texts, weighted

FOLDER = Path(__file__).parent / "static"
_SNIPPET_HOLDS_S = 300
_RING_TONE_HOLDS_S = 86_400
_POLICY = "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
_PHONE_POLICY = (
    "default-src 'self'; connect-src 'self' {server}; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'"
)
_CALLBACK_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_NOT_GUESSED = {"X-Content-Type-Options": "nosniff"}
_NOT_KEPT = {"Cache-Control": "no-store"} | _NOT_GUESSED
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_OF_PHONE = ("phone.js", "ring.js", "phone.css")
_SAID_BY_PHONE = ("phone", "state", "fact", "problem", "result")
_OF_PREVIEW = ("preview.js", "previewed.js", "preview.css")
_OF_CALLBACK = ("callback.js", "callback.css")
_OF_PAGES = ("ringback.js", "sip.js")
"""The scripts that pages of other sites load: the snippet, and what it needs to speak."""


def callback_page() -> web.Response:
    """The page of a callback, for who opens its signed link in a browser."""
    return _file("callback.html", _CALLBACK_POLICY)


def prefers_html(accepted: str) -> bool:
    """Whether Accept asks for HTML by its name, and before JSON and before whatever there is."""
    weights = {name.strip().lower(): weight for name, weight in weighted(accepted)}
    others = ("application/json", "application/*", "*/*")
    return weights.get("text/html", 0.0) > max(weights.get(other, 0.0) for other in others)


def without_comments(script: str) -> str:
    """A script without its lines of comment and its indentation, for those who load it."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if not line.startswith("//"))


class Pages:
    """Serves the snippet, `/preview?site=KEY`, and `/phone` where agents may have one here."""

    def __init__(self, settings: Callable[[], WebSettings]) -> None:
        self._settings = settings
        self._scripts = {
            name: without_comments((FOLDER / name).read_text("utf-8")).encode()
            for name in _OF_PAGES
        }
        # Once, and not for each of those who ask.
        self._compressed = {name: gzip.compress(text) for name, text in self._scripts.items()}
        self._ring = ring_tone()

    def routes(self) -> list[web.RouteDef]:
        """Where each of them is."""
        return [
            *(web.get(f"/{name}", self._script) for name in _OF_PAGES),
            web.get("/preview", self._preview),
            web.get("/preview/page", self._previewed),
            web.get("/preview/settings", self._preview_settings),
            *(web.get(f"/{name}", self._of_preview) for name in _OF_PREVIEW),
            web.get("/phone", self._phone),
            web.get("/favicon.ico", self._no_icon),
            web.get("/phone/texts", self._texts_of_phone),
            *(web.get(f"/{name}", self._of_phone) for name in _OF_PHONE),
            web.get("/ring.wav", self._ring_tone),
            web.get("/callback/texts", self._texts_of_callback),
            *(web.get(f"/{name}", self._of_callback) for name in _OF_CALLBACK),
        ]

    async def _script(self, request: web.Request) -> web.Response:
        name = request.path.removeprefix("/")
        script = self._scripts[name]
        tag = f'"{hashlib.sha256(script).hexdigest()[:16]}"'
        headers = {
            "ETag": tag,
            "Cache-Control": f"public, max-age={_SNIPPET_HOLDS_S}",
            "Access-Control-Allow-Origin": "*",  # for pages that check its integrity
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            script = self._compressed[name]
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=script, content_type="text/javascript", charset="utf-8", headers=headers
        )

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        """The look of a site, its texts and triggers, as they are changed."""
        self._site(request)
        return _file("preview.html")

    async def _previewed(self, _request: web.Request) -> web.StreamResponse:
        return _file("previewed.html")

    async def _preview_settings(self, request: web.Request) -> web.StreamResponse:
        """What the configuration says of a site's texts, and what is said where it says nothing."""
        site = self._site(request)
        said = {
            "form": texts(request.query.get("language", site.language))["form"],
            "texts": site.texts,
            "consent": site.consent,
            "language": site.language,
            "languages": {one: texts(one)["name"] for one in site.languages},
        }
        return web.json_response(said, headers=_NOT_KEPT)

    async def _of_preview(self, request: web.Request) -> web.StreamResponse:
        return _file(request.path.removeprefix("/"))

    async def _no_icon(self, _request: web.Request) -> web.StreamResponse:
        """Every browser asks for one. It is no fault that there is none."""
        return web.Response(status=204, headers={"Cache-Control": "public, max-age=86400"})

    async def _phone(self, _request: web.Request) -> web.StreamResponse:
        return self._for_agents("phone.html")

    async def _of_phone(self, request: web.Request) -> web.StreamResponse:
        return self._for_agents(request.path.removeprefix("/"))

    async def _ring_tone(self, _request: web.Request) -> web.Response:
        self._phone_server()
        headers = {"Cache-Control": f"private, max-age={_RING_TONE_HOLDS_S}"} | _NOT_GUESSED
        return web.Response(body=self._ring, content_type="audio/wav", headers=headers)

    async def _texts_of_phone(self, request: web.Request) -> web.StreamResponse:
        """What the phone says, in the language asked for, else in that of the browser."""
        self._phone_server()
        said = _said(request, _SAID_BY_PHONE)
        said["languages"] = {one: texts(one)["name"] for one in LANGUAGES}
        return web.json_response(said, headers=_NOT_KEPT)

    async def _of_callback(self, request: web.Request) -> web.StreamResponse:
        return _file(request.path.removeprefix("/"), _CALLBACK_POLICY)

    async def _texts_of_callback(self, request: web.Request) -> web.StreamResponse:
        """What the page of a callback says, in the same language."""
        said = _said(request, ("form", "stage", "kept", "fact"))
        found = texts(said["language"])
        said |= {name: found["phone"][name] for name in ("yes", "no")}
        said["unreachable"] = found["refusal"]["engine"]
        return web.json_response(said, headers=_NOT_KEPT)

    def _site(self, request: web.Request) -> Site:
        """The site that is asked for. Raises HTTPNotFound where there is none."""
        site = self._settings().site(request.query.get("site", ""))
        if site is None:
            raise web.HTTPNotFound(text="there is no such site\n")
        return site

    def _phone_server(self) -> str:
        """Where the engine's SIP is for pages. Raises HTTPNotFound where there is none."""
        server = self._settings().web.phone_server
        if not server:
            raise web.HTTPNotFound(text="there is no phone here: web.phone_server is not set\n")
        return server

    def _for_agents(self, name: str) -> web.Response:
        """A file of the phone, which connects to the engine's SIP and to nothing else."""
        return _file(name, _PHONE_POLICY.format(server=self._phone_server()))


def _file(name: str, policy: str = _POLICY) -> web.Response:
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", **_NOT_KEPT}
    file = FOLDER / name
    return web.Response(
        text=file.read_text("utf-8"),
        content_type=_KINDS[file.suffix],
        charset="utf-8",
        headers=headers,
    )


def _said(request: web.Request, sections: Iterable[str]) -> dict[str, Any]:
    """Texts in the language asked for, else in that of the browser."""
    accepted = request.headers.get("Accept-Language", "")
    language = chosen_language(request.query.get("language"), accepted, DEFAULT)
    found = texts(language)
    said: dict[str, Any] = {name: found[name] for name in sections}
    return said | {"language": language, "direction": found["direction"]}
