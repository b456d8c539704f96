"""Legs of different workers hear each other as if they had one."""

import asyncio
import os
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from media import worker_links
from media.errors import MediaError, NoPortLeft
from media.protocol import messages as m
from media.settings import MediaSettings
from media.sound import g711
from media.sources import Mix, Peer, Silence, Source, Tone
from media.worker_links import _reachable
from media.worker_pool import MOST_REPAIRS, WorkerPool, _with_legs
from tests.support.media.worker import HOST
from tests.support.phones.wire.frames import FramePhone
from tests.support.ports import free_udp_range
from tests.support.waiting import DEADLINE_S, until


@pytest.mark.parametrize(
    ("source", "near"),
    [
        (Peer("far"), Peer("link")),
        (Peer("here"), Peer("here")),
        (Peer("far", is_asking=True), Peer("link", is_asking=True)),
        (Mix(("here", "far")), Mix(("here", "link"))),
        (Silence(), Silence()),
        (Tone("440"), Tone("440")),
    ],
)
def test_a_leg_of_another_worker_is_heard_over_its_link(source: Source, near: Source) -> None:
    assert _with_legs(source, {"far": "link"}) == near


class Two:
    """A pool of two workers, and phones in either."""

    def __init__(self, pairs: int = 12) -> None:
        first = free_udp_range(2 * pairs)[0]
        self.events: list[m.Event] = []
        self.deaths: list[list[str]] = []
        self.phones: dict[str, tuple[FramePhone, tuple[str, int]]] = {}
        self.pool = WorkerPool(
            MediaSettings(
                HOST,
                (first, first + 2 * pairs - 1),
                quarantine_s=0.1,
                # Phones are silent for as long as a busy machine likes.
                timeout_s=0.0,
                silence_s=0.0,
            ),
            workers=2,
            on_event=self.events.append,
            on_died=lambda _reason, legs: self.deaths.append(legs),
        )

    async def phone(self, leg: str, fill: int, *, beside: str | None = None) -> FramePhone:
        phone = FramePhone(fill)
        endpoint = await self.pool.open(leg, beside=beside)
        self.pool.connect(phone.describe(leg))
        self.phones[leg] = phone, (endpoint.host, endpoint.port)
        return phone

    async def talk_until_heard(self, *pairs: tuple[str, str]) -> None:
        """Let everybody talk until, of each pair, the second has heard the first."""
        async with asyncio.timeout(DEADLINE_S):
            while not all(self.hears(listener, speaker) for speaker, listener in pairs):
                for phone, address in self.phones.values():
                    phone.talk(address)
                await asyncio.sleep(0.02)

    def hears(self, listener: str, speaker: str) -> bool:
        phone = self.phones[listener][0]
        phone.listen()
        return any(one.payload == self.phones[speaker][0].frame for one in phone.heard)

    async def end(self) -> None:
        await self.pool.stop()
        for phone, _address in self.phones.values():
            phone.close()

    async def legs(self) -> list[int]:
        return sorted(counters.legs for counters in await self.pool.counters())


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    made = Two()
    await made.pool.start()
    yield made
    await made.end()


async def test_two_in_different_workers_are_bridged_and_parted(two: Two) -> None:
    await two.phone("a", 0x11)
    await two.phone("b", 0x22)
    assert await two.legs() == [1, 1]
    assert two.pool.are_together("a", "b") and not two.pool.are_together("a", "c")
    two.pool.bridge("a", "b")
    await two.talk_until_heard(("a", "b"), ("b", "a"))
    assert await two.legs() == [2, 2]
    two.pool.bridge("a", "b")  # again, over the same link
    await two.talk_until_heard(("a", "b"), ("b", "a"))
    assert await two.legs() == [2, 2]
    two.pool.connect(two.phones["b"][0].describe("b"))  # a re-INVITE
    await two.pool.close("b")
    assert await two.legs() == [0, 1]
    assert two.events == []


async def test_a_secret_that_begins_while_two_are_linked_is_not_recorded(
    two: Two, tmp_path: Path
) -> None:
    for leg, fill in (("a", 0x11), ("b", 0x22)):
        await two.phone(leg, fill)
    path, secrets = tmp_path / "call.wav", list[str]()
    record = two.pool.record("a", "b", str(path), begins_paused=lambda: bool(secrets))
    recording = asyncio.ensure_future(record)
    await asyncio.sleep(0)
    secrets.append("keys")
    await recording
    for _ in range(5):
        for phone, address in two.phones.values():
            phone.talk(address)
        await asyncio.sleep(0.02)
    await two.pool.pause_recording("a", pauses=True)  # what was sent before is there
    await two.pool.stop_recording("a")
    with wave.open(str(path)) as sound:
        assert sound.getnframes() > 0
        assert not any(sound.readframes(sound.getnframes()))


async def test_who_is_heard_alone_or_with_others(two: Two, tmp_path: Path) -> None:
    for leg, fill in (("a", 0x11), ("b", 0x22), ("c", 0x33)):
        await two.phone(leg, fill)
    two.pool.hear("a", Peer("b"))
    two.pool.hear("b", Mix(("c",)))
    await two.talk_until_heard(("b", "a"))
    path = tmp_path / "call.wav"
    await two.pool.record("a", "b", str(path))
    for _ in range(10):
        for phone, address in two.phones.values():
            phone.talk(address)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    await two.pool.stop_recording("a")
    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    for side, spoken in ((0, b"\x11"), (1, b"\x22")):
        assert np.count_nonzero(samples[:, side] == g711.decode(spoken, "PCMU")[0]) >= 800


async def test_who_asks_for_keys_hears_them_as_sound_in_another_worker_and_alone(two: Two) -> None:
    for leg, fill, beside in (("a", 0x11, None), ("asks", 0x22, None), ("b", 0x33, "asks")):
        await two.phone(leg, fill, beside=beside)
    two.pool.connect(structs.replace(two.phones["a"][0].describe("a"), keys_as_sound=True))
    two.pool.hear("b", Peer("a"))
    await two.talk_until_heard(("a", "b"))
    for fill in (0x44, 0x55):  # once the keys are free again, who has asked is forgotten
        two.pool.block_keys("a", is_blocked=True)
        await two.pool.stats("a")  # it has been said
        two.phones["a"][0].fill = fill  # what was said before may be under way still
        two.pool.hear("asks", Peer("a", is_asking=True))
        await two.talk_until_heard(("a", "asks"))
        assert not two.hears("b", "a")
        two.pool.block_keys("a", is_blocked=False)
        await two.talk_until_heard(("a", "b"))


async def test_a_newer_wish_is_what_a_party_hears(two: Two) -> None:
    await two.phone("a", 0x11)
    await two.phone("b", 0x22)
    two.pool.hear("a", Peer("b"))
    two.pool.hear("a", Silence())  # before the link is there
    await until(lambda: not two.pool._joining)
    await two.talk_until_heard()
    for _ in range(5):
        phone, address = two.phones["b"]
        phone.talk(address)
        await asyncio.sleep(0.02)
    assert not two.hears("a", "b")
    two.pool.bridge("a", "b")
    two.pool.hear("a", Silence())
    await two.talk_until_heard(("a", "b"))
    assert not two.hears("a", "b")


async def test_a_worker_that_dies_takes_the_links_to_it(two: Two) -> None:
    await two.phone("a", 0x11)
    await two.phone("b", 0x22)
    two.pool.bridge("a", "b")
    await two.talk_until_heard(("a", "b"))
    os.kill(two.pool.pids[0], signal.SIGKILL)
    await until(lambda: two.deaths)
    assert two.deaths == [["a"]]
    await until(lambda: len(two.pool.pids) == 2)
    async with asyncio.timeout(DEADLINE_S):
        while await two.legs() != [0, 1]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    two.pool.bridge("a", "b")  # one is gone
    await two.phone("c", 0x33)
    del two.phones["a"]
    two.pool.bridge("c", "b")
    await two.talk_until_heard(("b", "c"), ("c", "b"))


async def test_where_the_worker_of_one_speaker_dies_the_others_are_heard_on(two: Two) -> None:
    for leg, fill, beside in (("a", 0x11, None), ("b", 0x22, None), ("c", 0x33, "a")):
        await two.phone(leg, fill, beside=beside)
    two.pool.hear("a", Mix(("b", "c")))
    await until(lambda: not two.pool._joining)
    two.phones.pop("b")[0].close()
    await two.talk_until_heard(("c", "a"))
    os.kill(two.pool.pids[1], signal.SIGKILL)
    await until(lambda: two.deaths)
    assert two.deaths == [["b"]]
    two.phones["a"][0].heard.clear()
    await two.talk_until_heard(("c", "a"))
    assert two.events == []


async def _fail_link(two: Two, leg: str) -> None:
    """A link of the leg fails in its worker, and is reported."""
    await until(lambda: not two.pool._joining)
    links = two.pool._links._links
    task = next(task for key, task in links.items() if key[0] == leg)
    end = task.result().near
    end.client.discard(end.name)
    two.pool._on_worker_event(m.LegFailed(end.name))
    assert task not in links.values()
    for phone, _address in two.phones.values():
        phone.listen()
        phone.heard.clear()


async def test_a_link_that_fails_is_made_again(two: Two) -> None:
    for leg, fill in (("a", 0x11), ("b", 0x22)):
        await two.phone(leg, fill)
    two.pool.bridge("a", "b")
    await two.talk_until_heard(("a", "b"), ("b", "a"))
    await _fail_link(two, "b")
    await two.talk_until_heard(("a", "b"), ("b", "a"))
    assert two.events == []


async def test_who_hears_over_a_link_that_fails_each_time_has_failed(two: Two) -> None:
    for leg, fill in (("a", 0x11), ("b", 0x22)):
        await two.phone(leg, fill)
    two.pool.hear("a", Peer("b"))
    for _ in range(MOST_REPAIRS):
        await two.talk_until_heard(("b", "a"))
        assert two.events == []
        await _fail_link(two, "b")
    await two.talk_until_heard(("b", "a"))
    await _fail_link(two, "b")
    assert two.events == [m.LegFailed("a")]
    two.pool._on_worker_event(m.LegFailed("b"))  # of a leg itself
    assert two.events[1:] == [m.LegFailed("b")]


async def test_without_a_port_of_calls_a_link_takes_one_that_no_call_has() -> None:
    two = Two(pairs=2)
    await two.pool.start()
    try:
        await two.phone("a", 0x11)
        await two.phone("b", 0x22)
        two.pool.bridge("a", "b")
        await two.talk_until_heard(("a", "b"), ("b", "a"))
        assert two.events == []
    finally:
        await two.end()


async def _with_one_full(monkeypatch: pytest.MonkeyPatch) -> Two:
    """One worker has a and c, and no port besides; the other has b."""
    while True:
        two = Two(pairs=4)
        first = two.pool._ports[0]
        monkeypatch.setattr(worker_links, "SPARE_PORTS", (first, first + 3))  # all of them taken
        await two.pool.start()
        try:
            for leg, fill, beside in (("a", 0x11, None), ("b", 0x22, None), ("c", 0x33, "a")):
                await two.phone(leg, fill, beside=beside)
        except NoPortLeft:
            pass
        else:
            if two.pool._by_leg["a"] is two.pool._by_leg["c"]:
                return two
        await two.end()  # a program that knows nothing of the tests was quicker: other ports


async def test_without_any_port_left_the_party_is_told_of_and_hears_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = await _with_one_full(monkeypatch)
    try:
        two.pool.hear("a", Mix(("b", "c")))
        await until(lambda: two.events)
        (played,) = two.events
        assert isinstance(played, m.Played)
        assert (played.leg, played.play) == ("a", 0)
        assert played.error is not None and "cannot be joined" in played.error
        await two.talk_until_heard(("c", "a"))
        assert not two.hears("a", "b")
        with pytest.raises(MediaError):
            await two.pool.record("a", "b", "/tmp/never.wav")
    finally:
        await two.end()


async def test_where_one_worker_is_full_a_call_goes_on_in_the_other() -> None:
    two = Two(pairs=6)
    await two.pool.start()
    try:
        for leg, fill in (("a", 0x11), ("b", 0x22), ("c", 0x33), ("d", 0x44), ("e", 0x55)):
            await two.phone(leg, fill, beside="a")
        assert await two.legs() == [2, 3]
        await two.phone("f", 0x66)
        with pytest.raises(NoPortLeft):
            await two.pool.open("g", beside="a")
        two.pool.bridge("a", "d")
        two.pool.hear("b", Mix(("c", "e")))
        two.pool.hear("c", Mix(("f",)))
        two.pool.bridge("e", "f")
        await two.talk_until_heard(("a", "d"), ("d", "a"), ("f", "e"), ("e", "f"), ("f", "c"))
    finally:
        await two.end()


async def test_one_who_ends_meanwhile_is_left_out_and_the_others_are_heard(two: Two) -> None:
    for leg, fill, beside in (("a", 0x11, None), ("b", 0x22, None), ("c", 0x33, "a")):
        await two.phone(leg, fill, beside=beside)
    two.pool.hear("a", Mix(("b", "c")))
    await two.pool.close("b")
    await until(lambda: not two.pool._joining)
    await two.talk_until_heard(("c", "a"))
    assert two.events == []


def test_a_worker_that_listens_everywhere_is_reached_on_this_machine() -> None:
    assert [_reachable(host) for host in ("0.0.0.0", "::", "192.0.2.1")] == [
        "127.0.0.1", "::1", "192.0.2.1",
    ]  # fmt: skip
