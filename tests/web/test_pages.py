"""The snippet and the preview: their size, their headers, and what there is not."""

import gzip
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from config.web_settings import WebSettings
from tests.support.sites import site
from web.pages import FOLDER, Pages, callback_page, prefers_html, without_comments

MOST_BYTES = 15 << 10
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(Pages(lambda: WebSettings(sites=[site()])).routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def test_the_snippet_is_small() -> None:
    text = without_comments((FOLDER / "ringback.js").read_text("utf-8")).encode()
    assert b"\n//" not in text
    assert len(gzip.compress(text)) <= MOST_BYTES
    for what in (b"eval(", b"innerHTML", b"document.cookie", b"document.write"):
        assert what not in text


@pytest.mark.parametrize("name", ["ringback.js", "sip.js"])
async def test_the_scripts_of_pages_are_compressed_and_kept(url: str, name: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/{name}") as reply:
            assert reply.headers["Content-Encoding"] in ("deflate", "gzip")
            assert reply.content_type == "text/javascript"
            assert await reply.text() == without_comments((FOLDER / name).read_text("utf-8"))
            tag = reply.headers["ETag"]
        async with session.get(f"{url}/{name}", headers={"If-None-Match": tag}) as reply:
            assert reply.status == 304


@pytest.mark.parametrize("server", ["", "wss://calls.example:5062"])
async def test_the_phone_is_there_where_its_server_is(server: str) -> None:
    app = web.Application()
    settings = WebSettings.model_validate({"web": {"phone_server": server}})
    app.add_routes(Pages(lambda: settings).routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/phone/texts?language=ar") as reply:
            assert reply.status == (200 if server else 404)
            if server:
                said = await reply.json()
                assert (said["language"], said["direction"]) == ("ar", "rtl")
                assert said["languages"]["ja"] == "日本語" and len(said["languages"]) == 12
        accepted = {"Accept-Language": "tlh, fr;q=0.5"}
        async with session.get(f"{url}/phone/texts", headers=accepted) as reply:
            assert not server or (await reply.json())["phone"]["answer"] == "Répondre"
        async with session.get(f"{url}/ring.wav") as reply:
            assert reply.status == (200 if server else 404)
            assert not server or reply.content_type == "audio/wav"
        for path in ("/phone", "/phone.js", "/ring.js", "/phone.css"):
            async with session.get(url + path) as reply:
                assert reply.status == (200 if server else 404)
                policy = reply.headers.get("Content-Security-Policy", "")
                assert (f"connect-src 'self' {server};" in policy) == bool(server)
    await runner.cleanup()
    for name in ("phone.js", "ring.js", "sip.js"):
        text = (FOLDER / name).read_text()
        assert not any(what in text for what in ("eval(", "innerHTML", "document.write"))


async def test_the_preview_has_a_strict_policy(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/preview?site=shop-key", "/preview/page?site=shop-key"):
            async with session.get(url + path) as reply:
                assert reply.status == 200
                assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
        async with session.get(f"{url}/favicon.ico") as reply:
            assert reply.status == 204
        for path in ("/preview.js", "/preview.css"):
            async with session.get(url + path) as reply:
                assert reply.status == 200
        for path in ("/preview", "/preview?site=none"):
            async with session.get(url + path) as reply:
                assert reply.status == 404


async def test_the_preview_is_told_what_the_configuration_has(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/preview/settings?site=shop-key&language=de") as reply:
            said = await reply.json()
        assert said["form"]["cancel"] == "Abbrechen" and len(said["languages"]) == 12
        assert (said["texts"], said["consent"], said["language"]) == ({}, "", "en")
        async with session.get(f"{url}/preview/settings?site=none") as reply:
            assert reply.status == 404


async def test_the_page_of_a_callback_has_a_strict_policy_and_its_texts(url: str) -> None:
    page = callback_page()
    assert "script-src" not in page.headers["Content-Security-Policy"]  # default-src 'self' holds
    async with aiohttp.ClientSession() as session:
        for path in ("/callback.js", "/callback.css"):
            async with session.get(url + path) as reply:
                assert reply.status == 200
                assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        async with session.get(f"{url}/callback/texts?language=fr") as reply:
            said = await reply.json()
    assert (said["kept"]["title"], said["direction"], said["yes"]) == ("Votre appel", "ltr", "oui")
    text = (FOLDER / "callback.js").read_text()
    assert not any(what in text for what in ("eval(", "innerHTML", "document.write", "Storage"))


@pytest.mark.parametrize(
    ("accepted", "is_html"),
    [
        (CHROMIUM, True),
        ("Text/HTML , */*;q=0.8", True),
        ("text/html", True),
        ("application/json;q=0.5, text/html", True),
        ("", False),
        ("*/*", False),
        ("text/html, */*", False),
        ("text/html, application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("application/json, text/plain, */*", False),
        ("text/html;q=0.5, application/*;q=0.8", False),
        ("text/html;q=0", False),
        ("text/html;q=high", False),
    ],
)
def test_who_would_rather_have_html(accepted: str, is_html: bool) -> None:
    assert prefers_html(accepted) is is_html
