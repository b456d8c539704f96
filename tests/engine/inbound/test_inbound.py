"""Which calls are taken and which are refused, and what is left when the engine goes."""

import asyncio
from pathlib import Path

import pytest

from config.inbound import Inbound as Route
from config.rules import Rule
from config.settings import Settings
from sip.events import ExtensionsRefused
from sip.hop import Hop
from tests.support.phones.scripted import incoming
from tests.support.reception import Documents, Reception, reception

CALLER = "+442079461111"
INVITE = incoming().request


def test_an_unknown_source_is_refused_and_leaves_no_event(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        assert desk.inbound.admits(INVITE, Hop("udp", "192.0.2.99", 5060), 0.0) == "refuse"
        assert desk.inbound.status()["strangers_refused"] == 1
        assert desk.inbound.admits(INVITE, Hop("udp", "127.0.0.1", 9), 0.0) == "accept"

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.") == []


def test_a_phone_that_is_no_trunk_is_refused(tmp_path: Path) -> None:
    """It may be called (dial.allow_hosts), but calls are taken from trunks alone."""

    async def script(desk: Reception) -> None:
        desk.parts.peers.configure([], ["127.0.0.1"])
        assert desk.inbound.admits(INVITE, Hop("udp", "127.0.0.1", 5080), 0.0) == "accept"
        other = desk.call(host="127.0.0.1", port=5080)
        assert other.statuses == [403]
        assert desk.inbound.status()["strangers_refused"] == 1

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.") == []


def test_a_flood_from_unknown_sources_is_not_answered(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        other, trunk = Hop("udp", "192.0.2.99", 5060), Hop("udp", "127.0.0.1", 5071)
        admitted = [desk.inbound.admits(INVITE, other, 0.0) for _ in range(100)]
        assert set(admitted) == {"refuse", "ignore"}
        assert {desk.inbound.admits(INVITE, trunk, 0.0) for _ in range(100)} == {"accept"}
        status = desk.inbound.status()
        assert status["strangers_ignored"] == admitted.count("ignore")
        assert status["strangers_refused"] == admitted.count("refuse")

    reception(tmp_path, script)


@pytest.mark.parametrize(("dialled", "status"), [("+442079469999", 404), ("+442079460000", 488)])
def test_a_call_that_is_not_accepted_is_refused_before_it_rings(
    tmp_path: Path, dialled: str, status: int
) -> None:
    async def script(desk: Reception) -> None:
        phone = incoming(dialled)
        phone.no_common_codec = "no codec in common" if status == 488 else None
        desk.call(phone)
        assert phone.statuses == [status]
        assert phone.refused_because == phone.no_common_codec

    route = Route(name="shop", number="+442079460000", queue="sales")
    desk = reception(tmp_path, script, routes=[route])
    refused = desk.stage.last("call.refused")
    assert (refused["sip_status"], refused["trunk"], refused["from"]) == (status, "one", CALLER)


def test_while_draining_calls_are_sent_elsewhere(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        draining = asyncio.create_task(desk.inbound.drain(60.0))
        await asyncio.sleep(1)
        late = desk.call(caller="+442079462222")
        assert late.statuses == [503]
        assert ("Retry-After", "10") in late.headers
        assert not draining.done()
        caller.hangs_up()
        assert await draining

    reception(tmp_path, script)


def test_an_overloaded_engine_sends_calls_elsewhere_and_keeps_those_that_are_up(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        overload = desk.stage.services.overload
        overload.reason = "the engine is overloaded: the event loop is 120 ms late"
        late = desk.call(caller="+442079462222")
        assert late.statuses == [503]
        assert ("Retry-After", "10") in late.headers
        assert desk.stage.last("call.refused")["reason"] == overload.reason
        assert overload.refused == 1
        overload.reason = None
        another = desk.call(caller="+442079463333")
        await another.accepted.wait()
        another.acknowledges()
        another.hangs_up()
        assert not caller.is_hung_up
        caller.hangs_up()

    reception(tmp_path, script)


def test_draining_is_not_waited_for_too_long(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        assert not await desk.inbound.drain(5.0)
        caller.hangs_up()

    reception(tmp_path, script)


def test_no_call_is_accepted_before_the_engine_is_ready(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        early = desk.another()
        assert early.admits(INVITE, Hop("udp", "127.0.0.1", 5071), 0.0) == "ignore"
        await early.start()
        assert early.admits(INVITE, Hop("udp", "127.0.0.1", 5071), 0.0) == "accept"
        await early.stop()

    reception(tmp_path, script)


def test_other_routes_and_trunks_hold_from_the_next_call_on(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        waiting = await desk.waiting_alone()
        settings = Settings.model_validate(
            {
                "trunks": [{"name": "new", "uri": "sip:192.0.2.7"}],
                "inbound": [{"name": "other", "queue": "sales", "number": "+4420"}],
                "queues": [{"name": "sales"}],
            }
        )
        desk.inbound.reload(settings)
        await asyncio.sleep(1)
        # The scripted network finds every name at 127.0.0.1.
        assert desk.parts.peers.trunk_of(Hop("udp", "127.0.0.1", 5080)) == "new"
        assert desk.call(dialled="+331").statuses == [404]
        assert not waiting.is_hung_up
        waiting.hangs_up()

    reception(tmp_path, script)


def test_callers_who_waited_when_an_engine_died_regain_their_position(tmp_path: Path) -> None:
    documents = Documents()
    joined: list[float] = []

    async def first(desk: Reception) -> None:
        caller = await desk.waiting_alone()
        joined.append(desk.stage.last("call.answered")["joined_at"])
        documents.kept |= {k: v for k, v in desk.documents.kept.items() if k[0] == "place"}
        caller.hangs_up()

    reception(tmp_path, first, room={"regain_s": 60.0})

    async def second(desk: Reception) -> None:
        await asyncio.sleep(20)
        caller = await desk.waiting_alone()
        assert desk.stage.last("call.answered")["joined_at"] == joined[0]
        caller.hangs_up()

    reception(tmp_path, second, room={"regain_s": 60.0}, documents=documents)


def refused_for(
    desk: Reception, *extensions: str, port: int = 5071, host: str = "127.0.0.1"
) -> None:
    phone = incoming("+442079460000", host=host, port=port)
    desk.inbound.on_extensions_refused(ExtensionsRefused(phone.request, phone.source, extensions))


def test_extensions_that_a_trunk_demands_are_published(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        refused_for(desk, "100rel", "timer")
        refused_for(desk, "100rel", host="192.0.2.99")  # no trunk: counted alone

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.refused") == ["call.refused"]
    refused = desk.stage.last("call.refused")
    assert (refused["sip_status"], refused["extensions"]) == (420, ["100rel", "timer"])
    assert (refused["trunk"], refused["from"]) == ("one", CALLER)
    assert refused["reason"] == "it requires 100rel, timer, which is not supported"


def test_a_flood_of_demanded_extensions_is_not_all_published(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        for _ in range(1_000):
            refused_for(desk, "100rel")

    # 20 at once, and 5 for each second that a busy machine takes.
    assert 20 <= len(reception(tmp_path, script).stage.seen("call.refused")) < 500


@pytest.mark.parametrize("is_trusted", [True, False])
def test_what_a_trunk_says_of_a_caller_is_believed_where_it_is_trusted(
    tmp_path: Path, is_trusted: bool
) -> None:
    said = (
        ("P-Asserted-Identity", "<tel:+442079462222>"),
        ("Diversion", "<sip:+442079463333@pbx>;reason=user-busy"),
        ("History-Info", "<sip:+442079463333@pbx>;index=1"),
    )

    async def script(desk: Reception) -> None:
        (trunk,) = desk.settings.trunks
        trunk = trunk.model_copy(update={"trusted": is_trusted})
        desk.inbound.reload(desk.settings.model_copy(update={"trunks": [trunk]}))
        caller = await desk.waiting(headers=said)
        (call,) = desk.stage.services.registry.calls.values()
        assert call.view()["context"] == desk.stage.last("call.incoming")["context"]
        caller.hangs_up()

    desk = reception(tmp_path, script)
    incoming = desk.stage.last("call.incoming")
    assert incoming["from"] == ("+442079462222" if is_trusted else CALLER)
    assert incoming["context"].get("diverted_by") == ("+442079463333" if is_trusted else None)
    assert ("history_info" in incoming["context"]) == is_trusted


def test_a_rule_matches_by_whom_a_call_was_diverted(tmp_path: Path) -> None:
    match = {"kind": "call", "context": {"diverted_by": "+442079463333"}}
    rules = [Rule.model_validate({"name": "r", "match": match, "set": {"priority": 9}})]

    async def script(desk: Reception) -> None:
        desk.parts.router.apply_settings(desk.settings.model_copy(update={"rules": rules}))
        for headers in ((("Diversion", "<tel:+442079463333>;reason=user-busy"),), ()):
            caller = await desk.waiting(headers=headers)
            assert desk.stage.last("queue.joined")["priority"] == (9 if headers else 0)
            caller.hangs_up()
            await asyncio.sleep(0.1)

    reception(tmp_path, script)
