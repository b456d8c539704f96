"""A visitor of a web page as a caller."""

import asyncio
from dataclasses import replace
from pathlib import Path

from engine.inbound.page_visitor import visitor_info
from engine.webrtc.page_tokens import PageCall
from sip.hop import Hop
from tests.support.phones.scripted import ScriptedCaller, incoming
from tests.support.reception import PAGE_ORIGIN, Reception, reception


def test_what_is_known_of_a_visitor() -> None:
    page = PageCall(
        site="shop.example",
        queue="sales",
        origin="https://shop.example",
        name="Ann",
        priority=3,
        max_wait_s=90.0,
        context={"page": "/prices", "site": "forged.example"},
    )
    info = visitor_info(page, "call-1", "A visitor")
    assert (info.queue, info.priority, info.site) == ("sales", 3, "shop.example")
    assert info.route.max_wait_s == 90.0 and info.whisper == "A visitor"
    assert info.context["page"] == "/prices" and info.context["caller_name"] == "Ann"
    shown = info.shown()
    assert (shown["trunk"], shown["number"], shown["dialled"]) == (None, None, "shop.example")


PAGE = PageCall(site="shop.example", queue="sales", origin=PAGE_ORIGIN, name="Ann", context={})


def page_call(desk: Reception, token: str | None, peer: str | None = None) -> ScriptedCaller:
    """The call of a page that shows this token; of this peer where that is given."""
    hop = Hop("wss", "192.0.2.7", 50000)
    phone = incoming(caller="visitor", headers=(("Authorization", f"Bearer {token}"),))
    phone.source = phone.peer_hop = hop
    found = desk.parts.page_calls.use(phone.request, hop, asyncio.get_running_loop().time())
    phone.peer = peer or found or ""
    desk.call(phone)
    return phone


def admitted(desk: Reception) -> str:
    token = desk.parts.page_calls.admit(PAGE, asyncio.get_running_loop().time())
    assert token is not None
    return token


def test_a_visitor_waits_in_the_queue_of_the_site(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        phone = page_call(desk, admitted(desk))
        async with asyncio.timeout(40):
            await phone.accepted.wait()
        phone.acknowledges()
        agent = await desk.answering_agent()
        (call,) = desk.stage.services.registry.calls.values()
        view = call.view()
        assert (view["site"], view["queue"], view["state"]) == ("shop.example", "sales", "bridged")
        agent.hangs_up()

    reception(tmp_path, script)


def test_the_call_has_the_id_that_its_client_gave_and_is_its_clients(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        page = replace(PAGE, call="talk-1", requested_by="web")
        token = desk.parts.page_calls.admit(page, asyncio.get_running_loop().time())
        assert desk.parts.page_calls.has_call("talk-1")
        phone = page_call(desk, token)
        async with asyncio.timeout(40):
            await phone.accepted.wait()
        phone.acknowledges()
        assert list(desk.stage.services.registry.calls) == ["talk-1"]
        owner = desk.documents.kept["page_call", "talk-1"]
        assert (owner.requested_by, owner.site) == ("web", "shop.example")
        phone.hangs_up()

    reception(tmp_path, script)


def test_a_call_without_a_token_is_refused(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        assert page_call(desk, "forged").statuses == [403]
        assert page_call(desk, "forged", "page:forged").statuses == [403]

    reception(tmp_path, script)


def test_a_visitor_is_refused_while_the_engine_drains(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        token = admitted(desk)
        desk.inbound.draining = True
        assert page_call(desk, token).statuses == [503]

    reception(tmp_path, script)
