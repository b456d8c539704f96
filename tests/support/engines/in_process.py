"""A whole engine in the test's own process: real sockets, real store."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from config.settings import Settings, load
from engine.daemon import Daemon
from ringback_client import Client, EngineError
from tests.support.engines.quiet_worker import quiet_workers
from tests.support.ports import free_port, media_ports
from tests.support.protocol_check import ProtocolCheck, checked_replies
from tests.support.quiet_speech import quiet_speech

TOML = """
[control]
socket = "{directory}/control.sock"
[store]
path = "{directory}/ringback.db"
[sip]
listen = [{listen}"udp:127.0.0.1:{sip_port}", "tcp:127.0.0.1:0"]
[media]
ports = [{first_port}, {last_port}]
recordings = "{directory}/recordings"
[whisper]
cache_dir = "{directory}/speech"
[dial]
retry_s = 0.05
[[trunks]]
name = "pbx"
uri = "sip:127.0.0.1:{closed_port}"
[[routes]]
prefix = "{prefix}"
trunks = ["pbx"]
[[agents]]
name = "alice"
uri = "sip:alice@127.0.0.1:{closed_port}"
"""


class RunningEngine(NamedTuple):
    """A daemon that runs, and a client of its control socket."""

    daemon: Daemon
    client: Client


def settings_in(
    directory: Path, *, sip_port: int = 0, prefix: str = "+44", more: str = "", web: bool = False
) -> Settings:
    """Settings whose files are in `directory`; alice and the trunk lead to a closed port.

    The trunk has the numbers with this prefix. `more` is further configuration. With `web` browsers
    may connect.
    """
    first_port, last_port = media_ports(100)
    file = directory / "ringback.toml"
    text = TOML.format(
        directory=directory,
        first_port=first_port,
        last_port=last_port,
        closed_port=free_port(),
        sip_port=sip_port,
        prefix=prefix,
        listen='"ws:127.0.0.1:0", ' if web else "",
    )
    file.write_text(text + more)
    return load(file, environ={})


@asynccontextmanager
async def running(settings: Settings, *, has_sound: bool = False) -> AsyncIterator[RunningEngine]:
    """An engine that runs until the end of the block.

    A test that needs sound, speech or a process to kill asks for `has_sound`: real media workers.
    """
    check = ProtocolCheck()
    with contextlib.ExitStack() as stand_ins:
        if not has_sound:
            stand_ins.enter_context(quiet_workers())
            stand_ins.enter_context(quiet_speech())
        daemon = Daemon(settings)
        check.watch(daemon.events)
        await daemon.start()
    try:
        with checked_replies(check):
            async with await Client.connect(str(settings.control.socket)) as client:
                yield RunningEngine(daemon, client)
    finally:
        await daemon.stop()
    check.finish()


def request(**params: Any) -> dict[str, Any]:
    """Parameters of a callback that waits for a long time, unless given otherwise."""
    return {"to": "sip:bob@127.0.0.1:9", "agent": "alice", "not_before": 4e9} | params


async def refused_by_engine(client: Client, method: str, **params: Any) -> EngineError:
    """The error with which the engine answers; there must be one."""
    with pytest.raises(EngineError) as caught:
        await client.call(method, **params)
    return caught.value
