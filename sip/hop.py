"""Where a message goes to or came from."""

from typing import Literal, NamedTuple

Transport = Literal["udp", "tcp"]


class Hop(NamedTuple):
    """A transport address: numeric host (IPv6 without brackets) and port."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"
