"""An engine, and the gateway before it, as they are attacked."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.bench.engine_process import EngineProcess
from scripts.gateway_process import free_tcp_port, gateway_process
from scripts.load.certificates import Certificate

from ..target import ENGINE_HOST

PROXY = "127.0.0.1"
"""Requests from there come by a reverse proxy, whose X-Forwarded-For counts."""
OWN = "https://shop.example"
BLOCKED = "+442079460666"
"""Nobody may call this number."""
AGENT_TOKENS = {"anna": "the token of the browser of anna", "bert": "the token of bert, another"}
GATEWAY_TOKEN = "the token of an attacked gateway"

ENGINE = f"""
[[trunks]]
name = "wire"
uri = "sip:127.0.0.9:9"
[[routes]]
prefix = "+"
trunks = ["wire"]
[[agents]]
name = "anna"
uri = "sip:anna@{ENGINE_HOST}:9"
[[agents]]
name = "bert"
uri = "sip:bert@{ENGINE_HOST}:9"
[[queues]]
name = "sales"
[[rights]]
name = "root"
user = "root"
role = "administer"
[[rights]]
name = "anna"
agent = "anna"
token = "{AGENT_TOKENS["anna"]}"
[[rights]]
name = "bert"
agent = "bert"
token = "{AGENT_TOKENS["bert"]}"
[[rights]]
name = "web"
role = "gateway"
token = "{GATEWAY_TOKEN}"
"""
GATEWAY = """
[web]
listen = "{host}:{port}"
secret_file = "{directory}/web.secret"
token_file = "{directory}/web.token"
trusted_proxies = ["{proxy}/32"]
phone_server = "wss://calls.example:5062"
max_followers = 1000
[control]
socket = "{socket}"
[log]
level = "error"
"""
# `load` has no limits: its visitors are the good ones. `shop` has those that a site has by itself.
SITES = """
[[sites]]
key = "load"
name = "load.example"
origins = ["{own}"]
queue = "sales"
proof_of_work = false
slot_callbacks = 10000
limits = {{ per_address = 0, per_network = 0, per_number = 0, per_site = 0 }}
[[sites]]
key = "shop"
name = "shop.example"
origins = ["{own}"]
queue = "sales"
proof_of_work = false
slot_callbacks = 10000
[[sites]]
key = "proof"
name = "proof.example"
origins = ["{own}"]
queue = "sales"
slot_callbacks = 10000
limits = {{ per_address = 0, per_network = 0, per_number = 0, per_site = 0 }}
"""


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    """A gateway that runs: where, as which process, where it logs, and, where it speaks TLS, what
    its visitors trust."""

    port: int
    pid: int
    log: Path
    trusted: ssl.SSLContext | None


@asynccontextmanager
async def gateway(
    engine: EngineProcess, *, is_secure: bool = False
) -> AsyncIterator[GatewayProcess]:
    """`ringback web` before the engine, until the context is left. `is_secure`: with TLS."""
    with TemporaryDirectory(prefix="ringback-attack-web-") as name:
        directory = Path(name)
        port = free_tcp_port(ENGINE_HOST)
        filled = GATEWAY.format(
            host=ENGINE_HOST, port=port, directory=directory, proxy=PROXY, socket=engine.socket
        )
        trusted = None
        if is_secure:
            own = Certificate.made(directory, ENGINE_HOST)
            filled = filled.replace(
                "[web]", f'[web]\ntls_cert = "{own.cert}"\ntls_key = "{own.key}"'
            )
            trusted = ssl.create_default_context(cafile=own.cert)
        file, log = directory / "web.toml", directory / "log"
        file.write_text(filled + SITES.format(own=OWN))
        (directory / "web.token").write_text(GATEWAY_TOKEN)
        with log.open("wb") as written:
            async with gateway_process(file, ENGINE_HOST, port, written) as pid:
                yield GatewayProcess(port, pid, log, trusted)
