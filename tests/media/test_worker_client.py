"""A real worker process, real sockets."""

import asyncio
import itertools
import os
import signal
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from media.errors import (
    BadAddress,
    NoPortLeft,
    RecordingFailed,
    UnknownLeg,
    WorkerFailed,
    WorkerGone,
)
from media.protocol import messages as m
from media.protocol.messages import Connect
from media.settings import MediaSettings
from media.sound import g711
from media.sound.g711 import SILENCE
from media.sources import Hold, Prompt, Tone
from media.worker_client import WorkerClient
from tests.support.media.worker import HOST, WorkerBench
from tests.support.phones.wire.frames import FramePhone, assert_unbroken
from tests.support.ports import free_udp_range
from tests.support.waiting import until, until_answer


@pytest.fixture
async def bench() -> AsyncIterator[WorkerBench]:
    async with WorkerBench() as made:
        yield made


def worker_fds(bench: WorkerBench) -> int:
    return len(os.listdir(f"/proc/{bench.client.pid}/fd"))


async def test_a_worker_is_not_told_the_secrets_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RINGBACK_CONTROL__TOKEN", "s3cret")
    async with WorkerBench() as bench:
        assert b"s3cret" not in Path(f"/proc/{bench.client.pid}/environ").read_bytes()


async def test_a_tone_is_played_to_its_end_then_silence(bench: WorkerBench) -> None:
    phone, _ = await bench.phone("a", 0x11)
    play = bench.client.hear("a", Tone("440/200"))
    await until(lambda: bench.events)
    assert bench.events == [m.Played("a", play)]
    silence = SILENCE["PCMU"]

    def from_the_tone_on() -> list[bytes]:
        phone.listen()
        payloads = [heard.payload for heard in phone.heard]
        return list(itertools.dropwhile(silence.__eq__, payloads))  # while the tone was made

    await until(lambda: len(from_the_tone_on()) >= 13)
    if not (await bench.client.counters()).clock_frames_skipped:  # on a busy machine
        assert_unbroken(phone.heard)
    frames = from_the_tone_on()
    assert silence not in frames[:10]
    assert set(frames[10:]) == {silence}


async def test_frames_come_every_twenty_milliseconds(bench: WorkerBench) -> None:
    phone, _ = await bench.phone("a", 0x11)
    bench.client.hear("a", Hold())
    await until(phone.listen)
    for _ in range(10):
        skipped = (await bench.client.counters()).clock_frames_skipped
        started = time.monotonic()
        phone.listen()  # what has come until now
        before = len(phone.heard)
        while len(phone.heard) < before + 50:
            await until(phone.listen)
        passed_s = time.monotonic() - started
        if (await bench.client.counters()).clock_frames_skipped == skipped:
            break
    else:
        pytest.skip("the machine is too busy for twenty milliseconds")
    assert passed_s >= 0.85  # a busy machine makes it longer here, never shorter
    assert_unbroken(phone.heard[before:])


async def test_a_bridge_in_a_real_worker(bench: WorkerBench) -> None:
    a, to_a = await bench.phone("a", 0x11)
    b, to_b = await bench.phone("b", 0x22)
    bench.client.bridge("a", "b")
    await bench.client.counters()
    for _ in range(20):
        a.talk(to_a)
        b.talk(to_b)
    for phone, other in ((a, b), (b, a)):
        of_other, silent = other.frame[80:], SILENCE["PCMU"][80:]  # after the rise of the first

        def ends(phone: FramePhone = phone) -> list[bytes]:
            phone.listen()
            return [heard.payload[80:] for heard in phone.heard]

        def all_came(ends: Callable[[], list[bytes]] = ends, wanted: bytes = of_other) -> bool:
            return ends().count(wanted) == 20

        await until(all_came)
        assert set(ends()) <= {of_other, silent}
    stats = await bench.client.close("a")
    assert stats is not None
    assert (stats.packets_received, stats.lost) == (20, 0)
    assert await bench.client.stats("a") is None
    assert await bench.client.close("a") is None


async def test_a_recording_of_both_sides(bench: WorkerBench, tmp_path: Path) -> None:
    a, to_a = await bench.phone("a", 0x11)
    b, to_b = await bench.phone("b", 0x22)
    path = tmp_path / "call.wav"
    bench.client.bridge("a", "b")
    await bench.client.record("a", "b", str(path))
    with pytest.raises(RecordingFailed):
        await bench.client.record("a", "b", str(path))
    for _ in range(5):
        a.talk(to_a)
        b.talk(to_b)
        await asyncio.sleep(0.02)
    await until(lambda: len(b.heard) + len(b.listen()) >= 5)
    await bench.client.stop_recording("a")
    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    assert np.count_nonzero(samples[:, 0] == g711.decode(b"\x11", "PCMU")[0]) == 800
    assert np.count_nonzero(samples[:, 1] == g711.decode(b"\x22", "PCMU")[0]) == 800
    assert_unbroken(b.heard)


async def test_what_one_party_says_and_hears_is_recorded(
    bench: WorkerBench, tmp_path: Path
) -> None:
    a, to_a = await bench.phone("a", 0x11)
    b, to_b = await bench.phone("b", 0x22)
    path = tmp_path / "call.wav"
    bench.client.bridge("a", "b")
    for _ in range(3):  # what is relayed by then is predicted
        b.talk(to_b)
        await until(lambda: a.listen())
    await bench.client.record("a", "a", str(path))
    for _ in range(5):
        a.talk(to_a)
        b.talk(to_b)
        await asyncio.sleep(0.02)
    await until(lambda: len(b.heard) + len(b.listen()) >= 5)
    await until(lambda: len(a.heard) + len(a.listen()) >= 5)
    paused = await bench.client.pause_recording("a", pauses=True)
    done = await bench.client.stop_recording("a")
    assert 0.08 < paused.at_s <= done.duration_s + 0.001
    assert done.bytes == path.stat().st_size
    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    assert np.count_nonzero(samples[:, 0] == g711.decode(b"\x11", "PCMU")[0]) == 800
    assert np.count_nonzero(samples[:, 1] == g711.decode(b"\x22", "PCMU")[0]) >= 800


async def test_a_recording_ends_with_its_leg(bench: WorkerBench, tmp_path: Path) -> None:
    await bench.phone("a", 0x11)
    await bench.phone("b", 0x22)
    path = str(tmp_path / "call.wav")
    await bench.client.record("a", "b", path)
    await bench.client.close("b")
    await until(lambda: bench.events)
    (ended,) = bench.events
    assert isinstance(ended, m.RecordingEnded)
    assert (ended.path, ended.error) == (path, None)
    with pytest.raises(RecordingFailed):
        await bench.client.stop_recording("a")
    with pytest.raises(RecordingFailed, match="File exists"):
        await bench.client.record("a", "a", f"{path}/of-no-directory.wav")
    with pytest.raises(UnknownLeg):
        await bench.client.record("a", "b", path)


async def test_a_disk_that_hangs_does_not_hold_up_the_worker(
    bench: WorkerBench, tmp_path: Path
) -> None:
    await bench.phone("a", 0x11)
    await bench.phone("b", 0x22)
    path = tmp_path / "call.wav"
    os.mkfifo(path)  # opening it waits for who reads
    recording = asyncio.ensure_future(bench.client.record("a", "b", str(path)))
    assert (await bench.client.counters()).legs == 2
    assert not recording.done()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    await recording
    os.close(reader)


async def test_a_prompt_that_does_not_exist_says_why(bench: WorkerBench) -> None:
    await bench.phone("a", 0x11)
    play = bench.client.hear("a", Prompt("/nowhere/to/be.wav"))
    await until(lambda: bench.events)
    (played,) = bench.events
    assert isinstance(played, m.Played)
    assert played.play == play
    assert played.error is not None
    assert "/nowhere/to/be.wav" in played.error


async def test_no_port_left_and_none_leaks() -> None:
    bench = WorkerBench(pairs=2, quarantine_s=0.05)
    await bench.client.start()
    try:
        before = worker_fds(bench)
        for _ in range(12):
            a, to_a = await bench.phone("a", 0x11)
            await bench.phone("b", 0x22)
            with pytest.raises(NoPortLeft):
                await bench.client.open("c")
            bench.client.bridge("a", "b")
            a.talk(to_a)
            await bench.client.close("a")
            await bench.client.close("b")
            await until_quarantine_is_over(bench)
        assert worker_fds(bench) == before
        counters = await bench.client.counters()
        assert (counters.legs, counters.ports_free) == (0, 2)
    finally:
        await bench.client.stop()
        for phone in bench.phones:
            phone.close()


async def until_quarantine_is_over(bench: WorkerBench) -> None:
    async def over() -> bool:
        return not (await bench.client.counters()).ports_quarantined

    await until_answer(over)


async def test_a_killed_worker_is_noticed_at_once(bench: WorkerBench) -> None:
    await bench.phone("a", 0x11)
    pid = bench.client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that the request below has no answer
    pending = asyncio.ensure_future(bench.client.stats("a"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerGone):
        await pending
    await until(lambda: bench.deaths)  # not by the watchdog, which has another reason
    assert bench.deaths == [f"media worker {pid}: killed by SIGKILL"]
    assert not bench.client.alive
    with pytest.raises(WorkerGone):
        await bench.client.open("b")
    bench.client.bridge("a", "b")  # no effect, no error


async def test_stop_is_no_death_and_ends_the_process(bench: WorkerBench) -> None:
    pid = bench.client.pid
    assert pid is not None
    await bench.client.stop()
    assert bench.deaths == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await bench.client.stop()
    await bench.client.start()  # and it may be started again
    assert (await bench.client.counters()).legs == 0


async def test_a_worker_that_is_stopped_in_a_talk_ends_without_an_error(
    bench: WorkerBench, capfd: pytest.CaptureFixture[str]
) -> None:
    a, to_a = await bench.phone("a", 0x11)
    b, to_b = await bench.phone("b", 0x22)
    bench.client.bridge("a", "b")
    await bench.client.counters()
    for _ in range(20):  # until the clock has nothing to send and rests
        a.talk(to_a)
        b.talk(to_b)
        await asyncio.sleep(0.02)
    process = bench.client._process.popen
    assert process is not None
    await bench.client.stop()
    assert process.returncode == 0
    assert "Traceback" not in capfd.readouterr().err


async def test_an_address_that_is_not_ours() -> None:
    client = WorkerClient(
        MediaSettings("192.0.2.1", (4000, 4010)), on_event=print, on_died=lambda reason: None
    )
    with pytest.raises(WorkerFailed, match=r"192\.0\.2\.1"):
        await client.start()


@pytest.mark.parametrize(("host", "port"), [("phone.example", 4000), ("::1", 4000), (HOST, 70000)])
async def test_an_address_that_cannot_be_a_peers(host: str, port: int) -> None:
    bench = WorkerBench()
    with pytest.raises(BadAddress):
        bench.client.connect(
            Connect(
                "a",
                host=host,
                port=port,
                rtcp_port=4001,
                codec="PCMU",
                payload_type=0,
                telephone_event_payload_type=None,
                direction="sendrecv",
            )
        )


@pytest.mark.parametrize(("digits", "duration_ms"), [("1x", 100), ("1", 0), ("1", 9000)])
def test_digits_that_cannot_be_sent(digits: str, duration_ms: int) -> None:
    with pytest.raises(ValueError, match=r"DTMF|between"):
        WorkerBench().client.send_digits("a", digits, duration_ms=duration_ms)


async def test_legs_have_ports_at_once_and_are_never_short_of_them() -> None:
    bench = WorkerBench(pairs=100)
    await bench.client.start()
    try:
        first = bench.client.open("first")
        with pytest.raises(StopIteration):  # without a turn of the loop
            first.send(None)
        assert await bench.client.close("first") is not None
        opened = [await bench.client.open(str(number)) for number in range(90)]
        assert len({endpoint.port for endpoint in opened}) == 90
        assert (await bench.client.counters()).legs == 90
        assert (await bench.client.counters()).ports_free == 9
    finally:
        await bench.client.stop()


async def test_a_leg_has_a_port_of_the_range_that_is_asked_for(bench: WorkerBench) -> None:
    ports = free_udp_range(20)
    opened = await bench.client.open("own", ports=ports)
    assert ports[0] <= opened.port <= ports[1]
    await bench.client.close("own")


def never_started() -> WorkerClient:
    """A client of a worker that was not started."""
    first = free_udp_range(4)[0]
    return WorkerClient(
        MediaSettings(HOST, (first, first + 3)), on_event=lambda _: None, on_died=lambda _: None
    )


async def test_a_worker_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    client = never_started()
    answer = m.Welcome(1, m.VERSION + 1, 1)

    async def greeted(*_asked: object) -> m.Welcome:
        return answer

    monkeypatch.setattr(client, "_ask", greeted)
    with pytest.raises(WorkerGone, match=f"version {m.VERSION + 1} of the messages"):
        await client._greet()
    answer = m.Welcome(1, m.VERSION, 7)
    await client._greet()
    assert client.generation == 7
