"""The engine that is attacked: what it is configured with, and where it is reached."""

import socket
from dataclasses import asdict, dataclass
from typing import Any

from scripts.bench.engine_process import EngineProcess

ENGINE_HOST = "127.0.0.1"
TRUNK_HOST = "127.0.0.2"
"""The address of a configured trunk."""
STRANGER_HOST = "127.0.0.66"
"""An address that the engine knows nothing of."""
DEAD_RESOLVER = "127.0.0.53"
"""Nobody answers there."""
FIRST_RTP_PORT, LAST_RTP_PORT = 10_000, 31_999
METRICS_PORT = 9464
CONTROL_PORT = 9465
DNS_PORT = 5353
WEB_PORT = 9466
"""Where browsers connect."""
WEB = f"ws:{ENGINE_HOST}:{WEB_PORT}"
BOT_PORT = 9467
BOT_AGENT = "greedy"
"""An agent that is a bot. Its service is there while it attacks."""
AUTH_USER = "carrier"
"""The user name of a trunk that shows a password when it calls."""

MORE = f"""
[metrics]
listen = "{ENGINE_HOST}:{METRICS_PORT}"

[[trunks]]
name = "trunk"
uri = "sip:{TRUNK_HOST}:5060"

[[trunks]]
name = "carrier"
uri = "sip:127.0.0.3:5060"
inbound_auth = {{ username = "{AUTH_USER}", password = "what nobody guesses" }}

[[trunks]]
name = "nowhere"
uri = "sip:stalled.example"
username = "nobody"
register = true

[[routes]]
prefix = "+44"
trunks = ["trunk"]

[[agents]]
name = "anna"
uri = "webrtc:anna"

[[agents]]
name = "{BOT_AGENT}"
stream = "ws://{ENGINE_HOST}:{BOT_PORT}/"
capacity = 50

[[rights]]
name = "anna"
agent = "anna"
token = "the token of the browser of anna"

[[queues]]
name = "sales"

[[inbound]]
name = "main"
number = "+442079460000"
queue = "sales"
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the engine is reached."""

    sip_port: int
    phones_port: int
    """Where the phones are that it talks with."""
    socket: str

    @classmethod
    def of(cls, engine: EngineProcess, phones: str) -> "Target":
        """The target that this engine is."""
        return cls(engine.sip_port, int(phones.rpartition(":")[2]), str(engine.socket))

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for the process that attacks."""
        return asdict(self)


def udp_from(host: str) -> socket.socket:
    """A UDP socket that sends from `host`."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    return made


def tcp_from(host: str, port: int, timeout_s: float = 5.0) -> socket.socket:
    """A TCP connection from `host` to the engine. Raises OSError."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(timeout_s)
    made.bind((host, 0))
    made.connect((ENGINE_HOST, port))
    return made
