"""Captures read by tshark: what other people's dissector makes of our frames."""

import asyncio
import shutil
from pathlib import Path

import pytest

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (Debian: tshark)"
)


async def dissected(capture: Path, *fields: str) -> list[list[str]]:
    """The fields of each frame, with every checksum verified. A frame without one has ""."""
    checks = ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum")
    process = await asyncio.create_subprocess_exec(
        "tshark", "-r", str(capture), "-T", "fields", "-E", "separator=\t",
        *(word for check in checks for word in ("-o", f"{check}:TRUE")),
        *(word for field in fields for word in ("-e", field)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [line.split("\t") for line in out.decode().splitlines()]
