"""The gateway's HTTP interface in front of a whole engine."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from config.web_settings import WebSettings, load
from ringback_client import Client
from tests.support.engines.in_process import running, settings_in
from tests.support.waiting import until
from web.admission import READS_AN_HOUR, Admission
from web.api import READ_STEP_S, REPLY_STEP_S, Api
from web.callback_service import CallbackService
from web.client_address import ClientAddresses
from web.connections import WaitingConnections
from web.errors import Refusal
from web.progress import Followers
from web.proof_of_work import ProofOfWork, solve
from web.server import Gateway
from web.signing import Signing

ORIGIN = "https://shop.example"
OTHER_DAY = time.strftime("%a", time.localtime(time.time() + 2 * 86400)).lower()
NUMBER = "020 7946 0123"
MORE = """
[[agents]]
name = "bert"
login = "manual"
uri = "sip:bert@127.0.0.1:9"
queues = ["sales"]
[[queues]]
name = "sales"
[[queues]]
name = "night"
calendar = "later"
[[queues]]
name = "small"
max_length = 1
[[calendars]]
name = "later"
zone = "UTC"
hours = ["{day} 22:00-23:00"]
[web]
listen = "127.0.0.1:0"
secret_file = "{directory}/web.secret"
trusted_proxies = ["127.0.0.1/32"]
phone_server = "wss://calls.example:5062"
[[sites]]
key = "shop"
speak = true
name = "shop.example"
origins = ["https://shop.example", "https://www.shop.example"]
queue = "sales"
proof_of_work = false
limits = {{ per_address = 0, per_network = 0, per_number = 0, per_site = 0 }}
[[sites]]
key = "bank"
name = "bank.example"
origins = ["https://bank.example"]
queue = "sales"
consent = "I agree to be called."
language = "de"
limits = {{ per_address = 2, per_network = 3, per_number = 0 }}
[[sites]]
key = "night"
name = "night.example"
origins = ["https://shop.example"]
queue = "night"
speak = true
proof_of_work = false
show_hours = false
[[sites]]
key = "late"
name = "late.example"
origins = ["https://shop.example"]
queue = "night"
proof_of_work = false
[[sites]]
key = "rare"
name = "rare.example"
origins = ["https://shop.example"]
queue = "sales"
speak = true
consent = "I agree."
proof_of_work = false
limits = {{ per_address = 1 }}
[[sites]]
key = "full"
name = "full.example"
origins = ["https://shop.example"]
queue = "small"
proof_of_work = false
[[sites]]
key = "often"
name = "often.example"
origins = ["https://shop.example"]
queue = "sales"
proof_of_work = false
limits = {{ per_number = 2 }}
[[sites]]
key = "checked"
name = "checked.example"
origins = ["https://shop.example"]
queue = "sales"
proof_of_work = false
captcha = {{ verify_url = "{captcha}", secret = "0x-secret", timeout_s = 0.5 }}
"""


class Captcha:
    """The service of a captcha: `right` is the answer that it takes."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.replies = web.json_response

    async def verify(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if form["response"] == "hangs":
            await asyncio.sleep(5)
        if form["response"] == "garbage":
            return web.Response(text="<html>")
        return web.json_response({"success": form["response"] == "right"})


class Pages:
    """What pages send to the gateway, and what they get."""

    def __init__(self, url: str, session: aiohttp.ClientSession, engine: Client) -> None:
        self.url, self._session, self.engine = url, session, engine
        self._count = 0

    async def send(
        self, method: str, path: str, *, status: int = 200, origin: str | None = ORIGIN, **more: Any
    ) -> Any:
        headers = more.pop("headers", {}) | ({} if origin is None else {"Origin": origin})
        async with self._session.request(method, self.url + path, headers=headers, **more) as reply:
            assert reply.status == status, await reply.text()
            self.headers = reply.headers
            return json.loads(await reply.text() or "null")

    async def request(self, site: str = "shop", *, status: int = 202, **form: Any) -> Any:
        """Ask for a callback."""
        self._count += 1
        own = {name: form.pop(name) for name in ("origin", "headers") if name in form}
        body = {"number": NUMBER, "key": f"request-{self._count}"} | form
        return await self.send(
            "POST", f"/v1/sites/{site}/callbacks", status=status, json=body, **own
        )

    async def refused(self, site: str = "shop", **form: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await self.request(site, **form))["error"]
        return found

    async def proof(self, site: str) -> dict[str, Any]:
        """A challenge with its answers."""
        challenge = await self.send("GET", f"/v1/sites/{site}/challenge")
        return {"challenge": challenge["challenge"], "answers": solve(challenge)}


@pytest.fixture
async def captcha() -> AsyncIterator[tuple[Captcha, str]]:
    service = Captcha()
    app = web.Application()
    app.router.add_post("/verify", service.verify)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield service, f"http://127.0.0.1:{runner.addresses[0][1]}/verify"
    await runner.cleanup()


@pytest.fixture
async def pages(tmp_path: Path, captcha: tuple[Captcha, str]) -> AsyncIterator[Pages]:
    more = MORE.format(directory=tmp_path, captcha=captcha[1], day=OTHER_DAY)
    async with running(settings_in(tmp_path, more=more, web=True)) as (_daemon, client):
        file = tmp_path / "ringback.toml"
        gateway = Gateway(str(file), load(file, environ={}))
        async with gateway.serving() as url, aiohttp.ClientSession() as session:
            yield Pages(url, session, client)


async def test_a_visitor_who_would_like_to_speak_gets_a_token(pages: Pages) -> None:
    talks = "/v1/sites/shop/talks"
    form = {"name": "Ann", "context": {"page": "/prices"}}
    admitted = await pages.send("POST", talks, status=201, json=form)
    assert admitted["server"] == "wss://calls.example:5062" and admitted["ice_servers"] == []
    assert admitted["expires_s"] == 60.0 and len(admitted["token"]) > 40
    link = admitted["link"].removeprefix(pages.url)
    assert link.startswith(f"/v1/callbacks/{admitted['id']}?token=")
    path = link.partition("?")[0]
    assert (await pages.send("GET", path))["stage"] == "queued"
    assert await pages.send("GET", link.replace("?", "/data?")) == {"id": admitted["id"]}
    rated = await pages.send("POST", link.replace("?", "/rating?"), status=409, json={"rating": 8})
    assert rated["error"]["reason"] == "no_talk"  # it has not begun
    erased = await pages.send("DELETE", link.replace("?", "/data?"))
    assert erased == {"id": admitted["id"], "erased": True}
    entries = (await pages.engine.call("audit.list", limit=100))["entries"]
    (told,) = (one for one in entries if one["method"] == "browser.admit")
    assert told["params"] == {"erased": True}
    await pages.send("DELETE", link, status=409)
    await pages.send("GET", f"{path}/data?token=wrong", status=404)
    await pages.send("GET", f"{path}x", status=404)
    for origin in (None, "https://bank.example"):
        await pages.send("POST", talks, status=403, origin=origin, json=form)
    await pages.send("POST", talks, status=400, json={"number": NUMBER})
    trapped = await pages.send("POST", talks, status=503, json={"website": "x"})
    assert trapped["error"]["reason"] == "busy"
    bank = "/v1/sites/bank/talks"  # where one cannot speak
    await pages.send("POST", bank, status=404, origin="https://bank.example", json={})
    found = await pages.send("GET", "/v1/sites/shop/availability")
    assert found["speak"] is bool(found["agents_free"])


async def test_a_press_to_speak_counts_like_a_request(pages: Pages) -> None:
    talks, form = "/v1/sites/rare/talks", {"consent": True}
    refused = await pages.send("POST", talks, status=400, json={})
    assert refused["error"]["reason"] == "consent"
    await pages.send("POST", talks, status=201, json=form)
    refused = await pages.send("POST", talks, status=429, json=form)
    assert refused["error"]["reason"] == "too_many"
    closed = await pages.send("POST", "/v1/sites/night/talks", status=409, json={})
    assert closed["error"]["reason"] == "closed_now"  # its hours are not shown


async def test_a_callback_from_the_press_to_the_link(pages: Pages) -> None:
    accepted = await pages.request(
        name="Ann",
        context={"page": "/prices", "secret": 1},
        headers={"X-Forwarded-For": "192.0.2.7"},
    )
    assert accepted["stage"] == "queued"
    job = await pages.engine.call("callback.get", id=accepted["id"])
    assert (job["to"], job["queue"], job["site"]) == ("+442079460123", "sales", "shop.example")
    assert job["source"] == "192.0.2.7"
    assert job["context"] == {"page": "/prices", "site": "shop.example", "name": "Ann"}
    progress = await pages.send("GET", f"/v1/callbacks/{accepted['id']}")
    assert progress == {"id": accepted["id"], "stage": "queued", "at": None}
    assert accepted["link"] == (
        f"{pages.url}/v1/callbacks/{accepted['id']}?token={accepted['token']}"
    )
    link = accepted["link"].removeprefix(pages.url)
    assert (await pages.send("DELETE", link))["stage"] == "cancelled"
    job = await pages.engine.call("callback.get", id=accepted["id"])
    assert (job["state"], job["result"], job["cancelled_by"]) == (
        "cancelled",
        "cancelled",
        "visitor",
    )
    record = await pages.engine.call("record.get", id=accepted["id"])
    assert record["cause"] == job["cause"] == "cancelled by the visitor"
    (shop,) = (await pages.engine.call("report.site"))["rows"]
    assert (shop["cancelled"], shop["cancelled_by_visitor"]) == (1, 1)
    assert (await pages.send("DELETE", link, status=409))["error"]["reason"] == "over"
    kept = await pages.send("GET", link.replace("?", "/data?"))
    assert (kept["to"], kept["context"]["page"]) == ("+442079460123", "/prices")


async def test_the_same_request_again_is_the_same_callback(pages: Pages) -> None:
    first = await pages.request(key="pressed-twice")
    assert await pages.request(key="pressed-twice") == first
    assert len((await pages.engine.call("callback.list"))["jobs"]) == 1
    for more in ({"number": "020 7946 0199"}, {"when": time.time() + 7200}):
        error = await pages.refused(key="pressed-twice", status=409, **more)
        assert (error["reason"], error["field"]) == ("changed", "key")


async def test_what_is_asked_for_in_another_way_is_refused_in_json_too(pages: Pages) -> None:
    refused = await pages.send("PUT", "/v1/sites/shop/callbacks", status=405, json={})
    assert refused["error"]["reason"] == "bad_request"
    assert "POST" in pages.headers["Allow"]


async def test_a_proof_is_wanted_once_and_a_repeated_request_needs_none(pages: Pages) -> None:
    agreed: dict[str, Any] = {"origin": "https://bank.example", "consent": True}
    error = await pages.refused("bank", status=400, **agreed)
    assert error == {
        "reason": "proof",
        "field": "proof",
        "message": "Ihr Browser konnte nicht geprüft werden. Bitte versuchen Sie es noch einmal.",
    }
    proof = await pages.proof("bank")
    first = await pages.request("bank", proof=proof, key="same-request", **agreed)
    assert await pages.request("bank", proof=proof, key="same-request", **agreed) == first
    error = await pages.refused("bank", proof=proof, status=400, **agreed)
    assert (error["reason"], error["field"]) == ("proof", "proof.challenge")


async def test_consent_is_asked_for_and_kept(pages: Pages) -> None:
    there: dict[str, Any] = {"origin": "https://bank.example"}
    assert (await pages.refused("bank", status=400, **there))["reason"] == "consent"
    # What the page has shown is no longer what the site asks to agree to.
    error = await pages.refused("bank", status=400, consent="I agree to everything.", **there)
    assert (error["reason"], error["field"]) == ("consent", "consent")
    await pages.request(
        "bank", consent="I agree to be called.", proof=await pages.proof("bank"),
        number="020 7946 0124", **there,
    )  # fmt: skip
    accepted = await pages.request("bank", consent=True, proof=await pages.proof("bank"), **there)
    job = await pages.engine.call("callback.get", id=accepted["id"])
    consent = job["context"]["consent"]
    assert (consent["text"], consent["address"]) == ("I agree to be called.", "127.0.0.1")


async def test_limits_by_address_and_network(pages: Pages) -> None:
    async def ask(address: str, status: int = 202) -> Any:
        return await pages.request(
            "bank", consent=True, proof=await pages.proof("bank"), origin="https://bank.example",
            headers={"X-Forwarded-For": address}, status=status,
        )  # fmt: skip

    for _ in range(2):
        await ask("2001:db8::1")
    error = (await ask("2001:db8::ffff", 429))["error"]
    assert error["reason"] == "too_many"
    assert 1700 < int(pages.headers["Retry-After"]) <= 1800
    await ask("2001:db8:0:2::1")
    await ask("2001:db8:0:3::1", 429)
    await ask("2001:db8:1::1")


@pytest.mark.parametrize(
    "origin", [None, "https://evil.example", "https://shop.example.evil.com", "null"]
)
async def test_other_pages_may_not_ask(pages: Pages, origin: str | None) -> None:
    assert (await pages.refused(status=403, origin=origin))["reason"] == "origin"
    assert "Access-Control-Allow-Origin" not in pages.headers


async def test_a_page_of_the_site_may_read_the_reply(pages: Pages) -> None:
    await pages.send("OPTIONS", "/v1/sites/shop/callbacks", status=204)
    assert pages.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "DELETE" in pages.headers["Access-Control-Allow-Methods"]
    await pages.request(origin="https://www.shop.example")
    assert pages.headers["Access-Control-Allow-Origin"] == "https://www.shop.example"
    assert pages.headers["Vary"] == "Origin"


async def test_what_fills_in_the_hidden_field_is_not_called(pages: Pages) -> None:
    accepted = await pages.request(website="https://spam.example")
    assert accepted["stage"] == "queued"
    assert (await pages.send("GET", f"/v1/callbacks/{accepted['id']}"))["stage"] == "queued"
    assert (await pages.engine.call("callback.list"))["jobs"] == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("7946 0123", "invalid_number"), ("hello", "invalid_number"), ("112", "number"),
        ("sip:boss@127.0.0.1", "invalid_number"), ("bert", "invalid_number"),
        ("0906 123 4567", "number"),
    ],
)  # fmt: skip
async def test_numbers_that_are_not_called(pages: Pages, number: str, reason: str) -> None:
    error = await pages.refused(number=number, status=422)
    assert (error["reason"], error["field"]) == (reason, "number")


async def seen_of(pages: Pages, **form: Any) -> list[Any]:
    """All that who asks for a callback can find out of it, without what is different each time."""
    headers: list[dict[str, str]] = []

    async def send(*asked: Any, **more: Any) -> Any:
        found = await pages.send(*asked, **more)
        different = ("Date", "Content-Length")  # times have more or fewer digits
        headers.append({name: of for name, of in pages.headers.items() if name not in different})
        return found

    began = time.monotonic()
    accepted = await pages.request(name="Eve", **form)
    took = time.monotonic() - began
    path = f"/v1/callbacks/{accepted['id']}"
    link = f"?token={accepted['token']}"
    seen = [accepted, await send("GET", path), await send("GET", f"{path}/data{link}")]
    seen.append(await send("DELETE", f"{path}/data{link}", status=409))
    seen.append(await send("POST", f"{path}/rating{link}", status=409, json={"rating": 5}))
    seen.append(await send("DELETE", f"{path}{link}"))
    seen.append(await send("GET", path))
    seen.append(await send("DELETE", f"{path}{link}", status=409))
    began = time.monotonic()
    seen.append(await send("GET", f"{path}/data{link}"))
    assert time.monotonic() - began > 0.9 * READ_STEP_S
    seen.append(await send("DELETE", f"{path}/data{link}"))
    seen.append(await send("GET", f"{path}/data{link}"))
    for one in seen:
        for own in ("id", "token", "link", "created", "ended_at"):
            one.pop(own, None)
        for event in one.get("events", ()):
            del event["time"]
    assert took > 0.9 * REPLY_STEP_S  # a timer may be a little early
    return [*seen, *headers]


async def test_nothing_is_learnt_by_trying_numbers(pages: Pages) -> None:
    await pages.engine.call("number.block", number="+442079460199")
    waiting = await pages.request(number="020 7946 0198")
    for _ in range(5):
        called = await pages.request(number="020 7946 0197")
        await pages.engine.call("callback.cancel", id=called["id"])
    any_other = await seen_of(pages)
    assert [one.get("stage") for one in any_other[:2]] == ["queued", "queued"]
    assert [one.get("stage") for one in any_other[5:7]] == ["cancelled", "cancelled"]
    assert any_other[8]["to"] == "+442079460123"
    assert (any_other[10]["to"], any_other[10]["context"]) == ("erased", {})
    # One that is blocked, one that waits, one that strangers have had called often today.
    for number in ("020 7946 0199", "020 7946 0198", "020 7946 0197"):
        seen = await seen_of(pages, number=number)
        assert json.dumps(seen).replace(number.replace(" ", "")[1:], "2079460123") == json.dumps(
            any_other
        )
    job = await pages.engine.call("callback.get", id=waiting["id"])
    assert (job["state"], job["to"]) == ("queued", "+442079460198")
    jobs = (await pages.engine.call("callback.list"))["jobs"]
    assert [one["to"] for one in jobs].count("+442079460197") == 5


async def test_a_number_that_others_have_asked_for_too_often_is_not_called_and_nobody_told(
    pages: Pages,
) -> None:
    async def ask(address: str, number: str, **more: Any) -> Any:
        headers = {"X-Forwarded-For": address}
        return await pages.request("often", number=number, headers=headers, **more)

    await ask("192.0.2.1", "020 7946 0123")
    await ask("198.51.100.1", "+44 (0)20 7946 0123")  # the same, written otherwise
    (first,) = (await pages.engine.call("callback.list"))["jobs"]
    await pages.engine.call("callback.cancel", id=first["id"])
    assert (await ask("203.0.113.1", "02079460123"))["stage"] == "queued"
    assert (await pages.engine.call("callback.list", state="queued"))["jobs"] == []
    await ask("192.0.2.1", "020 7946 0123")
    assert (await ask("192.0.2.1", "020 7946 0123", status=429))["error"]["reason"] == "too_many"


async def test_who_types_the_number_of_another_neither_sees_nor_cancels_their_call(
    pages: Pages,
) -> None:
    first = await pages.request()
    second = await pages.request(context={"page": "/mine"})
    assert (second["stage"], first["id"] != second["id"]) == ("queued", True)
    link = second["link"].removeprefix(pages.url)
    found = await pages.send("GET", link.replace("?", "/data?"))
    assert (found["id"], found["context"]["page"]) == (second["id"], "/mine")
    assert (await pages.send("DELETE", link))["stage"] == "cancelled"
    assert (await pages.engine.call("callback.get", id=first["id"]))["state"] == "queued"


async def test_what_a_visitor_may_see_and_erase(pages: Pages) -> None:
    accepted = await pages.request(name="Ann")
    other = await pages.request(number="020 7946 0124", name="Bob")
    link = accepted["link"].removeprefix(pages.url)
    data = link.replace("?", "/data?")
    await pages.send("DELETE", link)
    kept = await pages.send("GET", data)
    assert (kept["to"], kept["context"]["name"]) == ("+442079460123", "Ann")
    assert {"callback.queued", "callback.cancelled"} <= {one["type"] for one in kept["events"]}
    assert all(one.keys() == {"type", "time"} for one in kept["events"])
    assert kept["recorded_bytes"] == 0
    theirs = data.replace(accepted["id"], other["id"])
    assert (await pages.send("DELETE", theirs, status=404))["error"]["reason"] == "unknown"
    assert await pages.send("DELETE", data) == {"id": accepted["id"], "erased": True}
    job = await pages.engine.call("callback.get", id=accepted["id"])
    assert (job["to"], job["context"], job["source"]) == ("erased", {}, None)
    assert (await pages.engine.call("callback.get", id=other["id"]))["context"]["name"] == "Bob"
    for _ in range(READS_AN_HOUR - 2):
        await pages.send("DELETE", data)
    assert (await pages.send("GET", data, status=429))["error"]["reason"] == "too_many"


async def test_closed_and_full_are_told_in_words(pages: Pages) -> None:
    error = await pages.refused("late", status=409)
    assert error["message"].startswith("We are closed. We open ")
    assert error["opens_at"] > time.time()
    error = await pages.refused("night", status=409)  # the same, and its hours are not shown
    assert error == {"reason": "closed_now", "message": "We are closed at the moment."}
    await pages.request("full")
    await pages.engine.call("number.block", number="020 7946 0125")
    # Nothing is learnt of numbers: one that waits already, any other, one that is blocked.
    for number in (NUMBER, "020 7946 0124", "020 7946 0125"):
        error = await pages.refused("full", number=number, status=503)
        assert error["reason"] == "busy" and pages.headers["Retry-After"] == "60"
    assert await pages.refused("night", number="020 7946 0125", status=409) == await pages.refused(
        "night", status=409
    )
    found = await pages.send("GET", "/v1/sites/night/availability")
    assert (found["open"], found["opens_at"], found["slots"]) == (False, None, [])


async def test_availability(pages: Pages) -> None:
    await pages.engine.call("agent.login", agent="bert")
    found = await pages.send("GET", "/v1/sites/shop/availability")
    assert (found["open"], found["agents_free"]) == (True, 1)
    first, second = found["slots"][:2]
    assert second == {"from": first["from"] + 1800, "to": first["to"] + 1800}


async def test_a_slot_that_is_taken_is_offered_and_given_to_nobody_else(pages: Pages) -> None:
    slot = (await pages.send("GET", "/v1/sites/shop/availability"))["slots"][1]
    accepted = await pages.request(when=slot["from"])  # for the one agent that there is
    assert accepted["at"] == slot["from"]
    assert slot not in (await pages.send("GET", "/v1/sites/shop/availability"))["slots"]
    for number in (NUMBER, "020 7946 0124"):
        error = await pages.refused(number=number, when=slot["from"] + 60, status=409)
        assert (error["reason"], error["field"]) == ("slot", "when")
        assert error["message"] == "This time is taken. Please choose another."


async def test_a_number_that_is_not_called_has_its_place_in_a_slot(pages: Pages) -> None:
    """Else who tries numbers would see from the slots which of them are blocked."""
    blocked = "020 7946 0125"
    await pages.engine.call("number.block", number=blocked)
    slot = (await pages.send("GET", "/v1/sites/shop/availability"))["slots"][1]
    accepted = await pages.request(number=blocked, when=slot["from"])
    assert accepted["at"] == slot["from"]
    assert slot not in (await pages.send("GET", "/v1/sites/shop/availability"))["slots"]
    assert (await pages.refused(when=slot["from"], status=409))["reason"] == "slot"
    error = await pages.refused(number="hello", when=slot["from"], status=422)
    assert error["reason"] == "invalid_number"  # as where the engine has the place
    await pages.send("DELETE", accepted["link"].removeprefix(pages.url))
    assert (await pages.request(when=slot["from"]))["at"] == slot["from"]


async def test_what_there_is_not(pages: Pages) -> None:
    for method, path in (
        ("GET", "/v1/sites/none/availability"), ("POST", "/v1/sites/none/callbacks"),
        ("GET", "/v1/callbacks/web-none"), ("DELETE", "/v1/callbacks/web-none?token=x"),
        ("GET", "/v1/callbacks/web-none/events"), ("GET", "/v1/callbacks/order-1"),
    ):  # fmt: skip
        error = (await pages.send(method, path, status=404))["error"]
        assert error["reason"] == "unknown"


async def test_a_link_is_wanted_for_what_is_the_visitors_own(pages: Pages) -> None:
    accepted = await pages.request()
    path = f"/v1/callbacks/{accepted['id']}"
    for method, rest in (("DELETE", ""), ("POST", "/rating"), ("GET", "/data")):
        for token in ("", "?token=", "?token=wrong", f"?token={accepted['id']}"):
            await pages.send(method, f"{path}{rest}{token}", status=404, json={"rating": 5})
    error = (
        await pages.send(
            "POST", f"{path}/rating?token={accepted['token']}", status=409, json={"rating": 5}
        )
    )["error"]
    assert error["reason"] == "no_talk"


async def test_events_tell_each_change_and_end_with_the_callback(pages: Pages) -> None:
    accepted = await pages.request()
    stages: list[str] = []
    url = f"{pages.url}/v1/callbacks/{accepted['id']}"
    follow = {"Accept": "text/event-stream", "Origin": ORIGIN}
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=follow) as reply:
            assert reply.headers["Content-Type"] == "text/event-stream"
            assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
            async for line in reply.content:
                if line.startswith(b"data: "):
                    stages.append(json.loads(line[6:])["stage"])
                    if len(stages) == 1:
                        await pages.engine.call("callback.cancel", id=accepted["id"])
        # A page that has heard the end and connects again is told to stop; another hears it.
        for known, status in (("cancelled", 204), ("queued", 200)):
            headers = {"Accept": "text/event-stream", "Last-Event-ID": known}
            async with session.get(url, headers=headers) as reply:
                assert reply.status == status
    assert stages == ["queued", "cancelled"]


class ScriptedService:
    """Takes the place of the engine's callbacks: gives what `stages` has, then is gone."""

    def __init__(self, *stages: str, most: int = 3) -> None:
        self.followers = Followers(most)
        self._stages = list(stages)

    async def progress(self, callback_id: str) -> dict[str, Any]:
        if not self._stages:
            raise Refusal(503, "engine")
        return {"id": callback_id, "stage": self._stages.pop(0), "at": None}


@asynccontextmanager
async def streaming(service: ScriptedService) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of the interface in front of this service alone."""
    async with TestClient(TestServer(api_of(service).application())) as client:
        yield client


def api_of(service: ScriptedService) -> Api:
    signing = Signing(b"s" * 32)
    session = cast(aiohttp.ClientSession, None)
    return Api(
        WebSettings,
        cast(CallbackService, service),
        Admission(ProofOfWork(signing), session),
        signing,
        ClientAddresses([]),
    )


async def test_who_follows_sees_that_the_connection_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.api.HEARTBEAT_S", 0.05)
    stages = ["queued", "queued", "completed"]
    async with (
        streaming(ScriptedService(*stages)) as client,
        client.get("/v1/callbacks/web-1/events") as reply,
    ):
        said = (await reply.content.read()).decode()
    assert said.split("\n\n") == [
        'id: queued\nevent: stage\ndata: {"id": "web-1", "stage": "queued", "at": null}',
        ": still there",
        ": still there",
        'id: completed\nevent: stage\ndata: {"id": "web-1", "stage": "completed", "at": null}',
        "",
    ]


async def test_an_engine_that_is_gone_ends_what_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.api.HEARTBEAT_S", 0.05)
    async with (
        streaming(ScriptedService("queued")) as client,
        client.get("/v1/callbacks/web-1/events") as reply,
    ):
        assert (reply.status, (await reply.content.read()).count(b"data:")) == (200, 1)


async def test_who_has_hung_up_is_followed_no_longer() -> None:
    service, waiting = ScriptedService("queued"), WaitingConnections()
    runner = web.AppRunner(api_of(service).application(middlewares=[waiting.answer]))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"GET /v1/callbacks/web-1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(40):
        await reader.readuntil(b"queued")
    writer.close()

    def is_over() -> bool:
        waiting.end_streams()
        return not service.followers._by_job

    await until(is_over)
    await runner.cleanup()


async def test_no_more_follow_than_there_is_room_for() -> None:
    async with (
        streaming(ScriptedService("queued", most=0)) as client,
        client.get("/v1/callbacks/web-1/events") as reply,
    ):
        assert (reply.status, reply.headers["Retry-After"]) == (503, "15")
        assert (await reply.json())["error"]["reason"] == "busy"


async def test_a_talk_is_rated_by_its_visitor() -> None:
    rated: list[tuple[str, int]] = []

    class Rated(ScriptedService):
        async def rate(self, callback_id: str, rating: int) -> None:
            rated.append((callback_id, rating))

    token = Signing(b"s" * 32).link_token("web-1")
    async with (
        streaming(Rated()) as client,
        client.post(f"/v1/callbacks/web-1/rating?token={token}", json={"rating": 5}) as reply,
    ):
        assert await reply.json() == {"id": "web-1", "rating": 5}
    assert rated == [("web-1", 5)]


async def test_a_captcha_is_verified_by_its_service(
    pages: Pages, captcha: tuple[Captcha, str]
) -> None:
    assert (await pages.refused("checked", status=400))["reason"] == "captcha"
    assert (await pages.refused("checked", captcha="wrong", status=400))["reason"] == "captcha"
    for answer in ("hangs", "garbage"):
        down = await pages.refused("checked", captcha=answer, status=503)
        assert down["reason"] == "captcha_down"
        assert down["message"].startswith("The check cannot be made at the moment.")
    await pages.request("checked", captcha="right")
    assert captcha[0].asked[-1] == {
        "secret": "0x-secret", "response": "right", "remoteip": "127.0.0.1"
    }  # fmt: skip


async def test_bodies_that_are_no_form(pages: Pages) -> None:
    for body, status in ((b"", 400), (b"{", 400), (b"x" * 20_000, 413)):
        error = (await pages.send("POST", "/v1/sites/shop/callbacks", status=status, data=body))[
            "error"
        ]
        assert error["reason"] == "bad_request"


async def test_texts_and_look_in_the_language_of_the_visitor(pages: Pages) -> None:
    path = "/v1/sites/bank/texts"
    found = await pages.send("GET", path, headers={"Accept-Language": "fr-CH, fr;q=0.9"})
    assert (found["language"], found["form"]["cancel"]) == ("fr", "Annuler")
    assert (found["consent"], found["proof_of_work"]) == ("I agree to be called.", True)
    assert (await pages.send("GET", f"{path}?language=ar"))["direction"] == "rtl"
    assert (await pages.send("GET", path))["language"] == "de"


async def test_the_link_is_a_page_for_browsers_and_json_for_others(pages: Pages) -> None:
    accepted = await pages.request()
    link = accepted["link"]
    async with aiohttp.ClientSession() as session:
        async with session.get(link, headers={"Accept": "text/html,*/*;q=0.8"}) as reply:
            assert reply.content_type == "text/html"
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
            assert reply.headers["Referrer-Policy"] == "no-referrer"
        path = link.partition("?")[0]
        document, html = {"Sec-Fetch-Dest": "document"}, {"Accept": "text/html,*/*;q=0.8"}
        async with session.get(path, headers=document) as reply:
            assert reply.content_type == "text/html"
        for url, headers in (
            (link, {}),
            (link, {"Accept": "application/json, text/html;q=0.9"}),
            (link, html | {"Sec-Fetch-Dest": "empty"}),
            (path, html),
            (f"{path}?token=wrong", html),
        ):
            async with session.get(url, headers=headers) as reply:
                assert (await reply.json())["stage"] == "queued"
