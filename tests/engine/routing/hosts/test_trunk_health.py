"""Trunks that are down: when they are passed over, and what takes them up again."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from engine.routing.hosts.trunk_health import ANSWER_S, ASK_AGAIN_S, TrunkHealth
from engine.routing.hosts.trunk_hosts import TrunkHost
from engine.routing.permitted_host import sip_uri
from engine.store.event_log import EventLog
from sip.dialog.options import OptionsAnswer
from sip.errors import SipError
from sip.hop import Hop
from tests.support.virtual_loop import run

URI = "sip:pbx.example"
OTHER = "sip:other.example"
A, B = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.2", 5060)


def hosts(*uris: str) -> list[TrunkHost]:
    return [TrunkHost(uri, sip_uri(uri), uri) for uri in uris]


class Peer:
    """A trunk at two addresses: `answers` has the status of each; None: none, for ever.

    Where it has several hosts, `at` has the addresses of each.
    """

    def __init__(
        self, answers: dict[Hop, int | None] | None = None, *uris: str, qualify_s: float = 0.0
    ) -> None:
        self.answers: dict[Hop, int | None] = {A: None, B: None} if answers is None else answers
        self.at: dict[str, tuple[Hop, ...]] = {}
        self.asked: list[tuple[float, Hop]] = []
        self.was_asked = asyncio.Event()
        self.down: list[str] = []
        self.events = EventLog()
        self.health = TrunkHealth(self.events, self.find, self.ask, self.took, random.Random(1))
        self.health.configure("pbx", hosts(*(uris or (URI,))), qualify_s)

    def took(self, _trunk: str, host: str) -> None:
        self.down.append(host)

    async def find(self, _trunk: str, host: TrunkHost) -> tuple[Hop, ...]:
        if not self.answers:
            raise SipError("pbx.example has no address")
        return self.at.get(host.name, tuple(self.answers))

    async def ask(self, _host: TrunkHost, hop: Hop) -> OptionsAnswer:
        self.asked.append((asyncio.get_running_loop().time(), hop))
        self.was_asked.set()
        status = self.answers[hop]
        if status is None:
            await asyncio.sleep(3_600)
        if status == 0:
            return OptionsAnswer(None, "connection refused")
        return OptionsAnswer(status, "Phrase")

    @property
    def seen(self) -> list[tuple[str, str]]:
        events = [msgspec.json.decode(event.line)["params"] for event in self.events.after(0)]
        assert all(event["cause"] == event["reason"] for event in events)
        return [(event["type"], event["reason"]) for event in events]


def play(script: Callable[[Peer], Awaitable[None]], peer: Peer | None = None) -> Peer:
    async def main() -> Peer:
        found = peer or Peer()
        await script(found)
        found.health.stop()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        return found

    return run(main())


def test_a_trunk_that_says_for_how_long_is_left_alone_for_its_time() -> None:
    async def script(peer: Peer) -> None:
        peer.answers = {A: 200}
        peer.health.rest("pbx", URI, 120.0, "503 Busy", is_silent=False)
        assert peer.health.reason("pbx") == "503 Busy"
        await asyncio.sleep(119.0)
        assert peer.health.is_resting("pbx")
        await asyncio.sleep(2.0)
        assert not peer.health.is_resting("pbx")
        assert peer.health.reason("pbx") is None

    peer = play(script)
    assert peer.seen == [("trunk.down", "503 Busy"), ("trunk.up", "its time is over")]
    assert peer.asked == []


def test_a_silent_trunk_is_up_once_it_answers_options() -> None:
    async def script(peer: Peer) -> None:
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        await asyncio.sleep(2 * ASK_AGAIN_S)
        assert peer.health.is_resting("pbx")
        peer.answers[B] = 200  # one of its addresses will do
        await asyncio.sleep(2 * ASK_AGAIN_S)
        assert not peer.health.is_resting("pbx")

    peer = play(script)
    assert peer.seen == [("trunk.down", "no response"), ("trunk.up", "it answers OPTIONS")]
    assert {hop for _, hop in peer.asked} == {A, B}


def test_a_silent_trunk_that_never_answered_options_is_tried_when_its_time_is_over() -> None:
    async def script(peer: Peer) -> None:
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        await asyncio.sleep(40.0)
        assert not peer.health.is_resting("pbx")

    assert play(script).seen[-1] == ("trunk.up", "its time is over")


def test_one_that_has_answered_options_stays_down_until_it_does_again() -> None:
    async def script(peer: Peer) -> None:
        peer.answers = {A: 200}
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        await asyncio.sleep(6.0)
        assert not peer.health.is_resting("pbx")
        peer.answers = {A: None}
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        await asyncio.sleep(600.0)
        assert peer.health.is_resting("pbx")
        peer.answers = {A: 404}  # whatever it answers, it is there
        await asyncio.sleep(12.0)
        assert not peer.health.is_resting("pbx")

    play(script)


def test_unavailable_is_no_answer_that_takes_a_trunk_up() -> None:
    async def script(peer: Peer) -> None:
        peer.answers = {A: 503}
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        await asyncio.sleep(25.0)
        assert peer.health.is_resting("pbx")

    play(script)


def test_a_name_that_leads_nowhere_takes_no_trunk_up() -> None:
    async def script(peer: Peer) -> None:
        peer.answers = {}
        peer.health.rest("pbx", URI, 30.0, "no address", is_silent=True)
        await asyncio.sleep(25.0)
        assert peer.health.is_resting("pbx")

    play(script)


def test_the_longest_time_counts_and_what_the_trunk_said_itself() -> None:
    async def script(peer: Peer) -> None:
        peer.answers = {A: 200}
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        peer.health.rest("pbx", URI, 60.0, "503 Busy", is_silent=False)
        peer.health.rest("pbx", URI, 10.0, "no response", is_silent=True)
        await asyncio.sleep(59.0)
        assert peer.health.is_resting("pbx")
        await asyncio.sleep(5.0)
        assert not peer.health.is_resting("pbx")

    assert [kind for kind, _ in play(script).seen] == ["trunk.down", "trunk.up"]


def test_a_trunk_that_is_configured_again_is_up() -> None:
    async def script(peer: Peer) -> None:
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        peer.health.forget("pbx", "the configuration was read again")
        peer.health.forget("other", "the configuration was read again")
        assert not peer.health.is_resting("pbx")

    assert play(script).seen[-1] == ("trunk.up", "the configuration was read again")


def test_a_trunk_that_is_asked_all_the_time_is_down_after_two_failures_and_up_after_two() -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(70.0)
        assert 3 <= len(peer.asked) <= 4, "about every 30 s"
        (state,) = peer.health.hosts("pbx")
        assert (state.down, state.options_status, state.round_trip_s) == (None, 200, 0.0)
        peer.answers = {A: None}
        peer.was_asked.clear()
        await peer.was_asked.wait()
        await asyncio.sleep(ANSWER_S + 1.0)
        assert not peer.health.is_resting("pbx"), "one failure may be a lost packet"
        await asyncio.sleep(ASK_AGAIN_S + ANSWER_S)
        assert peer.health.is_resting("pbx")
        await asyncio.sleep(600.0)
        assert peer.health.is_resting("pbx")
        peer.answers = {A: 200}
        await asyncio.sleep(ASK_AGAIN_S + ANSWER_S)
        assert peer.health.is_resting("pbx")
        await asyncio.sleep(ASK_AGAIN_S)
        assert not peer.health.is_resting("pbx")

    peer = play(script, Peer({A: 200}, qualify_s=30.0))
    assert peer.seen == [
        ("trunk.down", "no answer to OPTIONS within 4 s"),
        ("trunk.up", "it answers OPTIONS"),
    ]


def test_an_answer_in_between_starts_the_count_afresh() -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        for status in (0, 200, 0, 200, 0, 200):
            peer.answers = {A: status}
            await asyncio.sleep(1.0)

    assert play(script, Peer({A: 200}, qualify_s=1.0)).seen == []


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 407, 480, 486, 500, 501, 603])
def test_any_answer_but_that_it_cannot_serve_is_an_answer(status: int) -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(60.0)
        assert not peer.health.is_resting("pbx")

    assert play(script, Peer({A: status}, qualify_s=5.0)).seen == []


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({A: 503}, "OPTIONS: 503 Phrase"),
        ({A: 408}, "OPTIONS: 408 Phrase"),
        ({A: 504}, "OPTIONS: 504 Phrase"),
        ({A: 0}, "OPTIONS: connection refused"),
        ({A: None}, "no answer to OPTIONS within 4 s"),
        ({}, "pbx.example has no address"),
    ],
)
def test_why_a_trunk_is_down(answers: dict[Hop, int | None], reason: str) -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(60.0)
        assert peer.health.reason("pbx") == reason

    assert play(script, Peer(answers, qualify_s=5.0)).seen == [("trunk.down", reason)]


def test_one_that_a_call_found_silent_is_asked_soon_whatever_its_pace() -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(10.0)
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        assert peer.health.is_resting("pbx")
        await asyncio.sleep(2 * ASK_AGAIN_S + 1.0)
        assert not peer.health.is_resting("pbx")

    assert [kind for kind, _ in play(script, Peer({A: 200}, qualify_s=3_600.0)).seen] == [
        "trunk.down", "trunk.up",
    ]  # fmt: skip


def test_one_that_asked_for_a_pause_is_not_asked_meanwhile() -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(1.0)
        asked = len(peer.asked)
        peer.health.rest("pbx", URI, 60.0, "503 Busy", is_silent=False)
        await asyncio.sleep(59.0)
        assert len(peer.asked) == asked
        await asyncio.sleep(10.0)
        assert len(peer.asked) > asked
        assert not peer.health.is_resting("pbx")

    play(script, Peer({A: 200}, qualify_s=2.0))


def test_a_trunk_is_down_while_all_of_its_hosts_are() -> None:
    async def script(peer: Peer) -> None:
        peer.health.start()
        await asyncio.sleep(1.0)
        peer.answers[A] = 503
        await asyncio.sleep(20.0)
        assert peer.health.is_host_down("pbx", URI)
        assert not peer.health.is_host_down("pbx", OTHER)
        assert not peer.health.is_resting("pbx")
        peer.answers[B] = 503
        await asyncio.sleep(20.0)
        assert peer.health.is_resting("pbx")
        assert [state.down for state in peer.health.hosts("pbx")] == ["OPTIONS: 503 Phrase"] * 2
        peer.answers[B] = 200
        await asyncio.sleep(20.0)
        assert not peer.health.is_resting("pbx")

    peer = Peer({A: 200, B: 200}, URI, OTHER, qualify_s=5.0)
    peer.at = {URI: (A,), OTHER: (B,)}
    played = play(script, peer)
    assert played.down[:2] == [URI, OTHER]
    assert played.down[2:] == [URI], "a binding there may move to the one that is up again"
    assert [kind for kind, _ in played.seen] == [
        "trunk.host_down", "trunk.host_down", "trunk.down", "trunk.host_up", "trunk.up",
    ]  # fmt: skip


def test_a_call_takes_one_host_down_or_all() -> None:
    async def script(peer: Peer) -> None:
        peer.health.rest("pbx", OTHER, 30.0, "503 Busy", is_silent=False)
        assert [state.down for state in peer.health.hosts("pbx")] == [None, "503 Busy"]
        peer.health.rest("pbx", "sip:unheard-of.example", 30.0, "503 Busy", is_silent=False)
        peer.health.rest("unheard of", OTHER, 30.0, "503 Busy", is_silent=False)
        assert not peer.health.is_resting("pbx")
        peer.health.rest("pbx", "", 30.0, "503 Busy", is_silent=False)
        assert peer.health.is_resting("pbx")
        assert not peer.health.is_host_down("unheard of", OTHER)
        assert peer.health.hosts("unheard of") == []

    play(script, Peer(None, URI, OTHER))


def test_a_registration_takes_its_host_up_unless_options_decide() -> None:
    async def script(peer: Peer) -> None:
        peer.health.rest("pbx", URI, 30.0, "no response", is_silent=True)
        peer.health.rest("pbx", OTHER, 30.0, "no response", is_silent=True)
        peer.health.registered("pbx", OTHER)
        assert [state.down for state in peer.health.hosts("pbx")] == ["no response", None]
        peer.health.registered("unheard of", OTHER)
        peer.health.configure("asked", hosts(URI), 5.0)
        peer.health.rest("asked", URI, 30.0, "no response", is_silent=True)
        peer.health.registered("asked", URI)
        assert peer.health.is_resting("asked")

    play(script, Peer(None, URI, OTHER))
