"""Reloading: all of it or nothing, explained in words, and what is up stays up."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.daemon import Daemon
from ringback_client import Client, EventStream
from tests.support.engines.in_process import (
    RunningEngine,
    refused_by_engine,
    request,
    running,
    settings_in,
)


@pytest.fixture
async def engine(engine: RunningEngine) -> RunningEngine:
    """One that reads its configuration from the file alone."""
    engine.daemon.reload._environ = {}
    return engine


def write(daemon: Daemon, *replaced: tuple[str, str], more: str = "") -> None:
    file = Path(daemon.settings.file)
    text = file.read_text()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text + more)


async def heard(events: EventStream) -> dict[str, Any]:
    async with asyncio.timeout(40):
        return await anext(events)


async def test_nothing_has_changed(engine: RunningEngine) -> None:
    daemon, client = engine
    assert await client.call("engine.reload") == {
        "file": daemon.settings.file, "checked_only": False, "changes": [], "words": [],
        "restart": [],
    }  # fmt: skip


async def test_a_wrong_file_changes_nothing(engine: RunningEngine) -> None:
    daemon, client = engine
    before = daemon.settings
    write(daemon, ("retry_s = 0.05", "retry_s = 7.0\nring_s = 0"))
    async with client.events(["engine.reload"]) as events:
        error = await refused_by_engine(client, "engine.reload")
        assert (await heard(events))["type"] == "engine.reload_failed"
    assert error.kind == "refused"
    assert error.data == {
        "file": daemon.settings.file, "key": "dial.ring_s", "reason": "must be greater than 0",
        "errors": [{"key": "dial.ring_s", "line": 15, "reason": "must be greater than 0"}],
    }  # fmt: skip
    assert error.message == f"{daemon.settings.file}:15: dial.ring_s: must be greater than 0"
    assert daemon.settings is before
    assert daemon.services.dial.retry_s == 0.05


async def test_a_check_changes_nothing_and_returns_the_difference(engine: RunningEngine) -> None:
    daemon, client = engine
    write(daemon, ("retry_s = 0.05", "retry_s = 7.0"))
    result = await client.call("engine.reload", check=True)
    assert result["words"] == ["dial.retry_s: 0.05 → 7.0"]
    assert result["checked_only"] is True
    assert daemon.services.dial.retry_s == 0.05
    result = await client.call("engine.reload")
    assert result["words"] == ["dial.retry_s: 0.05 → 7.0"]
    assert daemon.services.dial.retry_s == 7.0


async def test_what_needs_a_restart_is_named_until_there_was_one(engine: RunningEngine) -> None:
    daemon, client = engine
    write(daemon, ("[media]", "[media]\nworkers = 2"))
    for _ in range(2):
        result = await client.call("engine.reload")
        assert result["restart"] == ["media.workers"]
        assert result["words"] == ["media.workers: 1 → 2 (needs a restart)"]
        assert daemon.settings.media.workers == 1


async def test_every_fault_is_told_as_the_check_tells_it(engine: RunningEngine) -> None:
    daemon, client = engine
    write(daemon, ("[dial]", '[dial]\ncaller_id = "hello"'),
          more='[[webhooks]]\nname = "w"\nurl = "https://x.example"\n'
          'secret = "0123456789abcdef"\ntypes = ["calback."]\n')  # fmt: skip
    error = await refused_by_engine(client, "engine.reload", check=True)
    told = [(one["key"], one["line"] is not None) for one in error.data["errors"]]
    assert told == [("dial.caller_id", True), ("webhooks[0].types[0]", True)]


async def test_routes_hosts_agents_and_rules(engine: RunningEngine) -> None:
    daemon, client = engine
    assert "no route" in (await refused_by_engine(client, "callback.request", to="+4930123456",
                                        agent="alice")).message  # fmt: skip
    write(
        daemon,
        ('prefix = "+44"', 'prefix = "+4"'),
        ("[dial]", '[dial]\nallow_hosts = ["127.0.0.1", "192.0.2.7"]'),
        more='[[agents]]\nname = "bob"\nuri = "sip:bob@127.0.0.1:9"\n'
        '[[rules]]\nname = "all"\nset = { priority = 9 }\n',
    )
    async with client.events(["engine.reload", "agent.available"]) as events:
        result = await client.call("engine.reload")
        assert set(result["words"]) == {
            'dial.allow_hosts: ["127.0.0.1"] → ["127.0.0.1","192.0.2.7"]',
            "routes.+44: removed", "routes.+4: added", "agents.bob: added", "rules.all: added",
        }  # fmt: skip
        seen = [await heard(events)]
        while seen[-1]["type"] != "engine.reloaded":
            seen.append(await heard(events))
    seen = [event for event in seen if event.get("agent") != "alice"]
    assert [event["type"] for event in seen] == ["agent.available", "engine.reloaded"]
    assert seen[1]["changed"] == 5
    job = await client.callback(**request(to="+493012345678", agent="bob"))
    assert job["priority"] == 9
    await client.callback(**request(to="sip:carol@192.0.2.7"))


async def test_an_agent_removed_from_the_configuration_is_gone(engine: RunningEngine) -> None:
    daemon, client = engine
    write(daemon, ('name = "alice"', 'name = "anna"'))
    await client.call("engine.reload")
    names = [one["agent"] for one in (await client.call("agent.list"))["agents"]]
    assert names == ["anna"]
    assert (
        await refused_by_engine(client, "callback.request", to="+442079460123", agent="alice")
    ).kind


async def test_trunks_come_and_go(engine: RunningEngine) -> None:
    daemon, client = engine
    more = '[[trunks]]\nname = "two"\nuri = "sip:127.0.0.1:9"\n'
    write(daemon, ('trunks = ["pbx"]', 'trunks = ["two"]'), more=more)
    await client.call("engine.reload")
    states = {one["name"]: one["state"] for one in (await client.call("engine.status"))["trunks"]}
    assert states == {"pbx": "static", "two": "static"}
    found = daemon.services.dialplan.destination("+442079460123", field="to")
    assert [way.trunk for way in found.targets] == ["two"]


async def test_whisper_log_level_and_what_is_kept(
    engine: RunningEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon, client = engine
    write(
        daemon,
        ("[whisper]", '[whisper]\ndefault = "Hello from {context.site}"'),
        ("[store]", "[store]\nkeep_events = 1000"),
        ("retry_s = 0.05", "retry_s = 0.05\nring_s = 7.5"),
        more='[log]\nlevel = "error"\n',
    )
    await client.call("engine.reload")
    await client.callback(**request(id="a"))
    job = daemon.dispatcher.job("a")
    assert job is not None
    assert job.request.whisper == {"template": "Hello from {context.site}"}
    assert daemon.retention._kept.keep_events == 1000
    assert daemon.queues.matcher.ring_s == 7.5
    assert '"event": "reloaded"' not in capsys.readouterr().err


async def test_rights_change_on_connections_that_are_up(engine: RunningEngine) -> None:
    daemon, client = engine
    token = "0123456789abcdef-board"
    entry = f'[[rights]]\nname = "board"\ntoken = "{token}"\nrole = "operate"\n'
    write(daemon, more=entry)
    result = await client.call("engine.reload")
    assert token not in str(result)
    async with await Client.connect(daemon.settings.control.socket, token=token) as services:
        await services.callback(**request(id="a"))
        write(daemon, ('role = "operate"', 'role = "read"'))
        await client.call("engine.reload")
        assert (await refused_by_engine(services, "callback.cancel", id="a")).data["had"] == "read"


async def test_an_agent_with_a_new_token_may_sign_in_from_a_browser(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, web=True)) as (daemon, client):
        assert daemon.browsers is not None
        registrar = daemon.browsers.registrar
        assert registrar._tokens == {}
        token = "0123456789abcdef-alice"
        write(daemon, more=f'[[rights]]\nname = "desk"\ntoken = "{token}"\nagent = "alice"\n')
        await client.call("engine.reload")
        assert registrar._tokens == {"alice": token}


async def test_sighup_does_the_same(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, client):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, daemon.on_hangup)
        try:
            async with client.events(["engine.reload"]) as events:
                write(daemon, ("retry_s = 0.05", "retry_s = 7.0"))
                os.kill(os.getpid(), signal.SIGHUP)
                event = await heard(events)
                assert (event["type"], event["by"]) == ("engine.reloaded", "SIGHUP")
                assert event["changes"] == ["dial.retry_s: 0.05 → 7.0"]
                write(daemon, ("retry_s = 7.0", "retry_s = -1.0"))
                os.kill(os.getpid(), signal.SIGHUP)
                event = await heard(events)
                assert event["type"] == "engine.reload_failed"
                assert "dial.retry_s" in event["reason"]
        finally:
            loop.remove_signal_handler(signal.SIGHUP)


async def test_the_environment_is_laid_over_it_again(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        daemon.reload._environ = {"RINGBACK_DIAL__RING_S": "12"}
        await daemon.reload.run()
        assert daemon.settings.dial.ring_s == 12.0
