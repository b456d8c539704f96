"""The command line in the test's own process: what a command prints, and its exit status."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from engine.cli.command import Options
from engine.cli.main import app


class Result:
    """What a finished command left."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text

    @property
    def json(self) -> Any:
        """Its one line of JSON."""
        (line,) = self.text.splitlines()
        return json.loads(line)


async def ringback(socket: Path, *arguments: str, status: int = 0) -> Result:
    """Run a command against the engine at `socket`; it is to end with `status`."""

    def invoke() -> Result:
        Options.json = False
        done = CliRunner().invoke(app, ["--socket", str(socket), *arguments])
        return Result(done.exit_code, done.output)

    # In a thread of its own: it has an event loop of its own.
    result = await asyncio.to_thread(invoke)
    assert result.status == status, result.text
    return result
