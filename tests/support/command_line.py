"""The `ringback` command: in the test's own process, or as a process of its own."""

import asyncio
import json
import os
import re
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from typer.testing import CliRunner

from engine.cli.command import DEFAULT_SOCKET, Options
from engine.cli.main import app
from tests.support.prepared_command import start_command

ROOT = Path(__file__).parents[2]
MODULE = "engine.cli.main"
LONGEST_S = 60.0
# The engine that is asked runs in this process, and logs to the same streams.
_LOGGED = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[.*\n", re.MULTILINE)


class Finished(NamedTuple):
    """What a finished command left: its exit status, and what it has printed."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it has printed."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """Its one line of JSON."""
        (line,) = self.out.splitlines()
        return json.loads(line)


async def invoke(*arguments: str) -> Finished:
    """Run a command in this process, with wide tables, whatever its status."""

    def run() -> Finished:
        # Options are those of a process, and this process runs many commands.
        Options.json, Options.socket, Options.token = False, DEFAULT_SOCKET, ""
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
        # It may end by `typer.Exit` only: what else it raises would be a traceback.
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        out, err = (_LOGGED.sub("", text) for text in (done.stdout, done.stderr))
        return Finished(done.exit_code, out, err)

    # In a thread of its own: it has an event loop of its own.
    return await asyncio.to_thread(run)


async def ringback(socket: Path, *arguments: str, status: int = 0) -> Finished:
    """Run a command against the engine at `socket`; it must end with `status`."""
    result = await invoke("--socket", str(socket), *arguments)
    assert result.status == status, result.text
    return result


async def ringback_process(*arguments: str, cwd: Path | None = None, **environ: str) -> Finished:
    """Run a command as a process: for what depends on its environment, streams or exit."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    env |= {"COLUMNS": "200", "TERM": "dumb"} | environ
    with TemporaryFile() as out, TemporaryFile() as err, TemporaryFile() as nothing:
        process = start_command(
            arguments,
            streams=(nothing.fileno(), out.fileno(), err.fileno()),
            directory=cwd or ROOT,
            environ=env,
        )
        try:
            status = await asyncio.to_thread(process.wait, LONGEST_S)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        finished = Finished(status, out.read().decode(), err.read().decode())
    assert "Traceback" not in finished.err, finished.err
    return finished
