"""HTTP as little as pages need of it; and, as a program, requests that are to be refused.

    python -m scripts.bench.web_client PORT COUNT

It sends COUNT requests in turn of other origins, without a proof of work, with a forged one, with
no form at all, and with links that were made up. The exit status is 1 where one is not refused.
"""

import asyncio
import json
import ssl
import sys
from typing import Any, Self

FOREIGN = "https://evil.example"
OWN = "https://shop.example"
ATTACKERS = 32


class HttpConnection:
    """A connection that is kept for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def opened(cls, port: int, trusted: ssl.SSLContext | None = None) -> Self:
        """To a port of this machine; with TLS, where something is trusted. Raises OSError."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=trusted))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request: the status and the body of its answer."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.lower().split("\r\n")
        length = next(int(one[15:]) for one in lines if one.startswith("content-length:"))
        return int(head.split(" ", 2)[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        """End it."""
        self._writer.close()


def post(path: str, form: Any, origin: str) -> bytes:
    """A POST request of a page."""
    body = form if isinstance(form, bytes) else json.dumps(form).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: gateway\r\nOrigin: {origin}\r\n"
    return (
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def hostile(number: int) -> bytes:
    """The request of this number, of some that are to be refused."""
    form = {"number": f"020 7946 {number % 10_000:04}", "key": f"attack-{number}"}
    proof = {"challenge": f"proof.9999999999.{number}.forged", "answers": [number] * 16}
    kinds = (
        lambda: post("/v1/sites/load/callbacks", form, FOREIGN),
        lambda: post("/v1/sites/proof/callbacks", form, OWN),
        lambda: post("/v1/sites/proof/callbacks", form | {"proof": proof}, OWN),
        lambda: post("/v1/sites/load/callbacks", b"{" * 1000, OWN),
        lambda: post(f"/v1/callbacks/web-{number:030}/rating?token=made-up", {"rating": 5}, OWN),
    )
    return kinds[number % len(kinds)]()


async def attack(port: int, count: int) -> int:
    """Send them by ATTACKERS connections at once; how many were not refused."""

    async def one(first: int) -> int:
        connection = await HttpConnection.opened(port)
        answers = [
            await connection.ask(hostile(number)) for number in range(first, count, ATTACKERS)
        ]
        connection.close()
        return sum(not 400 <= status < 500 for status, _body in answers)

    return sum(await asyncio.gather(*map(one, range(ATTACKERS))))


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(attack(int(sys.argv[1]), int(sys.argv[2])))))
