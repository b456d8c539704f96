"""A whole engine in the test's own process: real sockets, real store."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config.settings import Settings, load
from engine.daemon import Daemon
from ringback_client import Client
from tests.support.engines.quiet_worker import quiet_workers
from tests.support.ports import free_port, free_udp_range

TOML = """
[control]
socket = "{directory}/control.sock"
[store]
path = "{directory}/ringback.db"
[sip]
listen = ["udp:127.0.0.1:{sip_port}", "tcp:127.0.0.1:0"]
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
prefix = "+44"
trunks = ["pbx"]
[[agents]]
name = "alice"
uri = "sip:alice@127.0.0.1:{closed_port}"
"""


def settings_in(directory: Path, *, sip_port: int = 0, more: str = "") -> Settings:
    """Settings whose files are in `directory`; alice and the trunk lead to a closed port.

    `more` is further configuration.
    """
    first_port, last_port = free_udp_range(100)
    file = directory / "ringback.toml"
    text = TOML.format(
        directory=directory,
        first_port=first_port,
        last_port=last_port,
        closed_port=free_port(),
        sip_port=sip_port,
    )
    file.write_text(text + more)
    return load(file, environ={})


@asynccontextmanager
async def running(
    settings: Settings, *, has_sound: bool = False
) -> AsyncIterator[tuple[Daemon, Client]]:
    """A daemon that runs, and a client of its control socket.

    A test that needs sound or a process to kill asks for `has_sound`: real media workers.
    """
    with contextlib.nullcontext() if has_sound else quiet_workers():
        daemon = Daemon(settings)
    await daemon.start()
    try:
        async with await Client.connect(str(settings.control.socket)) as client:
            yield daemon, client
    finally:
        await daemon.stop()


def request(**params: Any) -> dict[str, Any]:
    """Parameters of a callback that waits for a long time, unless told otherwise."""
    return {"to": "sip:bob@127.0.0.1:9", "agent": "alice", "not_before": 4e9} | params
