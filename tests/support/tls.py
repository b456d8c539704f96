"""TLS for the control socket: a certificate, the settings, and a client that trusts it."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from .control_server import BareClient

TOKEN = SecretStr("0123456789abcdef-token")

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate, and is not here"
)


def certificate(directory: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key, in files in `directory`."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    if not cert.exists():
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
            ],
            cwd=directory,
            check=True,
            capture_output=True,
        )
    return str(cert), str(key)


def tls_settings(directory: Path) -> dict[str, Any]:
    """What `[control]` has for TCP with that certificate and `TOKEN`."""
    cert, key = certificate(directory)
    return {"tcp": "127.0.0.1:0", "tls_cert": cert, "tls_key": key, "token": TOKEN}


async def connect_tls(address: tuple[str, int], directory: Path) -> BareClient:
    """A connection that trusts that certificate."""
    context = ssl.create_default_context(cafile=certificate(directory)[0])
    return BareClient(*await asyncio.open_connection(*address, ssl=context))
