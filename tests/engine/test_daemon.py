"""Starting, stopping, restarting: what a whole engine takes, keeps and gives back."""

import asyncio
import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError
from engine import daemon
from engine.daemon import Daemon
from engine.job import AttemptRecord, Job, LegRecord, Request
from engine.store.store import Store
from tests.support.engines.in_process import request, running, settings_in


async def refused_at_start(daemon: Daemon) -> str:
    with pytest.raises(ConfigError) as caught:
        await daemon.start()
    await daemon.stop()
    text = str(caught.value)
    assert "\n" not in text
    return text


async def test_a_sip_port_in_use(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = settings_in(tmp_path, sip_port=port)
        reason = await refused_at_start(Daemon(settings))
    assert reason == f"{settings.file}: sip.listen: udp:127.0.0.1:{port}: address already in use"


async def test_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "ringback.db").mkdir()
    reason = await refused_at_start(Daemon(settings_in(tmp_path)))
    assert f"{tmp_path}/ringback.toml: store.path: " in reason


async def test_a_directory_of_recordings_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("in the way")
    settings = settings_in(tmp_path)
    reason = await refused_at_start(Daemon(settings))
    assert reason == f"{settings.file}: media.recordings: {tmp_path}/recordings: File exists"


async def test_a_control_socket_that_cannot_be_made(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    (tmp_path / "control.sock").mkdir()
    reason = await refused_at_start(Daemon(settings))
    assert f"{tmp_path}/ringback.toml: control.socket: " in reason


async def test_a_second_engine_says_so(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        assert "another engine is running" in await refused_at_start(Daemon(settings))
        await client.call("ping")


async def test_nothing_stays_open_after_a_start_and_a_stop(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        await client.call("ping")
    before = set(os.listdir("/proc/self/fd"))
    async with running(settings) as (_daemon, client):
        await client.call("ping")
    assert len(os.listdir("/proc/self/fd")) <= len(before)
    assert not (tmp_path / "control.sock").exists()


async def test_a_queued_job_is_taken_over_by_the_next_engine(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (_daemon, client):
        await client.callback(**request(id="later"))
    async with running(settings) as (_daemon, client):
        assert (await client.call("callback.get", id="later"))["state"] == "queued"
        again = await client.callback(**request(id="later"))
        assert again["replayed"] is True
        cancelled = await client.call("callback.cancel", id="later")
        assert cancelled["state"] == "cancelled"


async def test_a_job_that_was_under_way_failed_with_the_engine(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    store = Store(settings.store.path)
    await store.open()
    leg = LegRecord(leg="leg-1", role="agent", uri="sip:a@h", state="ringing", started=5.0)
    store.save(
        Job(
            id="under-way",
            state="dialing_agent",
            request=Request(to="sip:b@h", agent="alice", max_attempts=5),
            created=1.0,
            attempts=[AttemptRecord(call="call-1", legs=[leg])],
        )
    )
    await store.close()
    async with running(settings) as (daemon, client):
        job = await client.call("callback.get", id="under-way")
        assert (job["state"], job["cause"]) == ("failed", "engine restarted")
        assert job["ended_at"] is not None
        (attempt,) = job["attempts"]
        assert attempt["cause"] == "engine restarted"
        assert attempt["legs"][0]["state"] == "ended"
        await daemon.events.settled()
        seen = [event.type for event in daemon.events.after(0)]
        assert "callback.failed" in seen[: seen.index("engine.started")]


async def test_the_start_and_the_stop_are_events_that_the_next_engine_has(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for _ in range(2):
        async with running(settings) as (daemon, _client):
            await daemon.events.settled()
            found, _ = await daemon.store.events_after(0, daemon.events.seq, ("engine.",))
            kept = [kind for _seq, kind, _body in found]
    own = [kind for kind in kept if kind in ("engine.started", "engine.stopping")]
    assert own == ["engine.started", "engine.stopping", "engine.started"]


async def test_a_job_that_was_about_to_be_dialled_is_not_dialled_again(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    store = Store(settings.store.path)
    await store.open()
    for job_id, under_way in (("begun", True), ("waiting", False)):
        asked = Request(to="sip:b@127.0.0.1", agent="alice", not_before=4e9)
        job = Job(id=job_id, request=asked, created=1.0, under_way=under_way)
        await store.save(job, durable=True)
    await store.close()
    async with running(settings) as (_daemon, client):
        begun = await client.call("callback.get", id="begun")
        assert (begun["state"], begun["cause"]) == ("failed", "engine restarted")
        assert (await client.call("callback.get", id="waiting"))["state"] == "queued"


async def test_what_is_accepted_and_begun_differs_on_the_disk(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        saved: list[tuple[str, bool]] = []
        save = daemon.store.save

        def watched(job: Job, *, durable: bool = False) -> Any:
            if durable:
                saved.append((job.id, job.under_way))
            return save(job, durable=durable)  # type: ignore[call-overload]

        daemon.store.save = watched  # type: ignore[method-assign]
        await client.callback(**request(id="later"))
        await client.callback(to="sip:bob@127.0.0.1:9", agent="alice", id="now")
        assert saved == [("later", False), ("now", True)]


async def test_a_media_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path), has_sound=True) as (daemon, client):
        (first,) = daemon.media.pids
        async with client.events(["engine."]) as events:
            os.kill(first, signal.SIGKILL)
            async with asyncio.timeout(30):
                async for event in events:
                    if event["type"] == "engine.media_worker_started":
                        break
        (second,) = daemon.media.pids
        assert second != first
        job = await client.callback(to="sip:bob@127.0.0.1:9", agent="alice")
        async with asyncio.timeout(20):
            ended = await client.wait_for_job(job["id"])
        assert ended["result"] == "unreachable"


@pytest.mark.parametrize(("soft", "raised"), [(1024, [(4096, 4096)]), (4096, [])])
def test_as_many_files_may_be_open_as_the_system_lets(
    monkeypatch: pytest.MonkeyPatch, soft: int, raised: list[tuple[int, int]]
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limit: limits.append(limit))
    daemon._raise_file_limit()
    assert limits == raised
