"""The README of the client runs as written, against an engine at the socket that it names."""

import asyncio
import re
import sys
from pathlib import Path

from tests.support.engines.in_process import running, settings_in

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
LIMIT_S = 60.0


async def output_of(program: str, directory: Path) -> str:
    """What `program` prints when it runs in `directory`. It must exit with status 0."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_every_example_of_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    more = '[[retry]]\ncause = "unreachable"\nattempts = 1\n'
    async with running(settings_in(tmp_path, more=more)) as (_daemon, client):
        (tmp_path / "run" / "control.sock").symlink_to(client.address.path)
        waited, followed, called = [await output_of(text, tmp_path) for text in EXAMPLES]
    # Nobody answers at the address of alice, so each callback ends as failed.
    assert waited.startswith("failed ")
    assert [line.split()[1] for line in followed.splitlines()][-1] == "callback.failed"
    assert "callback.queued" in followed
    engine, not_found, rejected = called.splitlines()
    assert engine.startswith("engine ")
    assert not_found.startswith("not_found ")
    assert rejected.startswith("to ")
