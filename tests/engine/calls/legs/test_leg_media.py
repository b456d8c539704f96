"""The media endpoint of a leg: its port, its plays, and what is too late."""

import asyncio
from typing import cast

import msgspec
import pytest

from engine.calls.legs.leg_media import LegMedia
from engine.routing.media_policy import MediaPolicy
from media.errors import BadAddress
from media.protocol.messages import MediaTimeout, Played
from media.sources import Prompt
from media.worker_pool import WorkerPool
from sip.endpoint import SipEndpoint
from sip.transport.resolver import ResolutionFailed
from tests.support.phones.scripted import audio
from tests.support.scene import ScriptedMedia
from tests.support.virtual_loop import run

HELLO = Prompt("hello.wav")


class Names:
    """SIP's name service: a table. A name that is not in it has no address."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names

    async def addresses_of(self, host: str) -> list[str]:
        await asyncio.sleep(1)
        if host not in self.names:
            raise ResolutionFailed(f"{host}: no such name")
        return self.names[host]

    def may_get_media(self, _host: str, _sip_host: str) -> bool:
        return True


class Party:
    """Keeps the reasons why nothing can be sent to it."""

    def __init__(self, reasons: list[str]) -> None:
        self._reasons = reasons

    def unreachable(self, reason: str) -> None:
        self._reasons.append(reason)


def endpoint(
    host: str = "",
    *,
    unreachable: list[str] | None = None,
    names: dict[str, list[str]] | None = None,
) -> tuple[LegMedia, ScriptedMedia]:
    media = ScriptedMedia(ends_plays=False)
    reasons = unreachable if unreachable is not None else []
    leg = LegMedia(
        "leg-1",
        cast(WorkerPool, media),
        cast(SipEndpoint, Names(names or {})),
        host,
        party=Party(reasons),
    )
    return leg, media


@pytest.mark.parametrize(("given", "shown"), [("", "127.0.0.1"), ("192.0.2.1", "192.0.2.1")])
def test_our_side_is_described_at_the_port_that_was_taken(given: str, shown: str) -> None:
    async def main() -> None:
        leg, _media = endpoint(given)
        await leg.open(beside=None)
        local = leg.local(("PCMA",))
        assert (local.host, local.port, local.codecs) == (shown, 10000, ("PCMA",))

    run(main())


def test_nothing_is_heard_before_it_is_open_or_after_it_is_closed() -> None:
    async def main() -> None:
        leg, media = endpoint()
        assert leg.hear(HELLO) is None and await leg.stats() is None
        await leg.play(HELLO, limit_s=5.0)  # over at once
        assert await leg.close() is None
        await leg.open(beside=None)
        assert leg.hear(HELLO) == 1
        report = await leg.close()
        assert report is not None and report.packets_received == 2
        assert leg.hear(HELLO) is None and await leg.close() is None
        assert media.plays == 1

    run(main())


def test_a_play_lasts_until_the_worker_has_ended_it_or_its_limit() -> None:
    async def main() -> None:
        leg, _media = endpoint()
        clock = asyncio.get_running_loop().time
        await leg.open(beside=None)
        playing = asyncio.ensure_future(leg.play(HELLO, limit_s=30.0))
        await asyncio.sleep(3)
        leg.end_play(Played("leg-1", 99))  # another play
        assert not playing.done()
        leg.end_play(Played("leg-1", 1))
        leg.end_play(Played("leg-1", 1))  # said twice
        await playing
        assert clock() == pytest.approx(3.0)
        await leg.play(HELLO, limit_s=10.0)
        assert clock() == pytest.approx(13.0)

    run(main())


def test_a_play_ends_with_its_endpoint() -> None:
    async def main() -> None:
        leg, _media = endpoint()
        await leg.open(beside=None)
        playing = asyncio.ensure_future(leg.play(HELLO, limit_s=30.0))
        await asyncio.sleep(1)
        await leg.close()
        assert await playing is False
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)

    run(main())


def test_an_endpoint_that_goes_to_another_ends_its_plays_and_is_not_closed() -> None:
    async def main() -> None:
        leg, media = endpoint()
        await leg.open(beside=None)
        playing = asyncio.ensure_future(leg.play(HELLO, limit_s=30.0))
        await asyncio.sleep(0)
        leg.abandon()
        await playing
        assert await leg.close() is None and media.open_legs == {"leg-1"}
        other, _ = endpoint()
        other.take_over()
        assert other.is_open

    run(main())


def test_a_hold_from_the_first_description_on_is_sent_nowhere() -> None:
    async def main() -> None:
        leg, media = endpoint()
        await leg.open(beside=None)
        leg.describe(msgspec.structs.replace(audio(), host="0.0.0.0"))
        assert media.connected == []
        leg.take_from("192.0.2.7", MediaPolicy("strict"))
        leg.describe(audio(), relearn=True)
        assert media.connected == [("leg-1", "sendrecv")]
        assert media.sources == [("192.0.2.7", "strict", True)]

    run(main())


def test_a_timeout_of_an_earlier_description_is_overtaken() -> None:
    async def main() -> None:
        leg, _media = endpoint()
        await leg.open(beside=None)
        leg.describe(audio())
        first = MediaTimeout("leg-1", 30.0, 1)
        assert not leg.is_overtaken(first)
        leg.describe(audio())
        assert leg.is_overtaken(first)
        assert not leg.is_overtaken(MediaTimeout("leg-1", 30.0, 2))

    run(main())


def test_a_name_is_looked_up_before_anything_is_sent_there() -> None:
    async def main() -> None:
        reasons: list[str] = []
        leg, media = endpoint(unreachable=reasons, names={"phone": ["2001:db8::1", "192.0.2.9"]})
        await leg.open(beside=None)
        leg.describe(audio(host="phone"))
        assert media.connected == []
        await asyncio.sleep(2)
        assert media.connected == [("leg-1", "sendrecv")] and reasons == []

    run(main())


@pytest.mark.parametrize(("host", "names"), [("nowhere", {}), ("six", {"six": ["2001:db8::1"]})])
def test_a_name_that_leads_nowhere_is_said(host: str, names: dict[str, list[str]]) -> None:
    async def main() -> None:
        reasons: list[str] = []
        leg, media = endpoint("", unreachable=reasons, names=names)
        await leg.open(beside=None)
        leg.describe(audio(host=host))
        await asyncio.sleep(2)
        assert media.connected == []
        assert reasons == [f"the audio host {host} has no address that can be reached"]

    run(main())


def test_of_two_descriptions_the_later_one_holds() -> None:
    async def main() -> None:
        leg, media = endpoint(names={"phone": ["192.0.2.9"]})
        await leg.open(beside=None)
        leg.describe(audio(host="phone", port=1000))
        leg.describe(audio(port=2000))  # before the name is known
        await asyncio.sleep(2)
        assert media.ports == [2000]

    run(main())


def test_an_address_that_cannot_be_sent_to_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        reasons: list[str] = []
        leg, media = endpoint(unreachable=reasons)
        await leg.open(beside=None)

        def refuse(_peer: object) -> None:
            raise BadAddress("port 0 cannot be a peer's")

        monkeypatch.setattr(media, "connect", refuse)
        leg.describe(audio())
        assert reasons == ["port 0 cannot be a peer's"]

    run(main())
