"""Trunks that are down: when they are passed over, and what takes them up again."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from engine.routing.trunk_health import ASK_AGAIN_S, TrunkHealth
from engine.store.event_log import EventLog
from sip.errors import SipError
from sip.hop import Hop
from tests.support.virtual_loop import run

URI = "sip:pbx.example"
A, B = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.2", 5060)


class Peer:
    """A trunk at two addresses: `answers` has the status of each; None: none, for ever."""

    def __init__(self, answers: dict[Hop, int | None] | None = None) -> None:
        self.answers: dict[Hop, int | None] = {A: None, B: None} if answers is None else answers
        self.asked: list[tuple[float, Hop]] = []
        self.events = EventLog()
        self.health = TrunkHealth(self.events, self.find, self.ask)

    async def find(self, _uri: str) -> tuple[Hop, ...]:
        if not self.answers:
            raise SipError("pbx.example has no address")
        return tuple(self.answers)

    async def ask(self, _uri: str, hop: Hop) -> int | None:
        self.asked.append((asyncio.get_running_loop().time(), hop))
        status = self.answers[hop]
        if status is None:
            await asyncio.sleep(3_600)
        return status

    @property
    def seen(self) -> list[tuple[str, str]]:
        events = [msgspec.json.decode(event.line)["params"] for event in self.events.after(0)]
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
