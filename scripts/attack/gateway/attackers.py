"""Those who try to wear the gateway out, each a process of its own.

    python -m scripts.attack.gateway.attackers NAME SECONDS PORT

Each runs for a number of seconds, and prints how much it has sent, and what was answered otherwise
than it should be.
"""

import asyncio
import contextlib
import itertools
import json
import random
import socket
import sys
import time
from collections.abc import Callable

from scripts.bench.processes import allow_open_files
from scripts.bench.web_client import HttpConnection, hostile

from ..pace import paced
from ..priority import stand_back
from ..target import ENGINE_HOST
from .http import Line, ask, form, request
from .tls_attackers import TLS_ATTACKERS, Attacker, Found

HOSTS = 20
CONNECTIONS = 32
HELD = 2500
"""More than the gateway has room for."""
OPENED_PER_S = 1500


def _host(number: int) -> str:
    return f"127.66.{number % HOSTS}.{number // HOSTS % 200 + 1}"


def floods(port: int, seconds: float) -> Found:
    """Requests of every kind that are refused, and such that cost: as many as are answered."""
    return asyncio.run(_flood(port, seconds))


async def _flood(port: int, seconds: float) -> Found:
    until, sent, wrong = time.monotonic() + seconds, 0, set[str]()
    costly = [
        request("GET", path, Accept_Encoding="gzip")
        for path in ("/ringback.js", "/v1/sites/load/availability", "/v1/sites/proof/challenge",
                     "/v1/sites/load/texts", "/preview?site=load", "/nothing", "/phone")
    ]  # fmt: skip

    async def one(first: int) -> None:
        nonlocal sent
        connection = HttpConnection(
            *await asyncio.open_connection(ENGINE_HOST, port, local_addr=(_host(first), 0))
        )
        for number in itertools.count(first, CONNECTIONS):
            if time.monotonic() > until:
                break
            is_hostile = number % 2 == 0
            asked = hostile(number // 2) if is_hostile else costly[number // 2 % len(costly)]
            status, _body = await connection.ask(asked)
            sent += 1
            if status >= 500 or (is_hostile and not 400 <= status < 500):
                wrong.add(f"{asked[:60]!r}: {status}")
        connection.close()

    await asyncio.gather(*map(one, range(CONNECTIONS)))
    return sent, sorted(wrong)


def slow_heads(port: int, seconds: float) -> Found:
    """Connections that say nothing, or a request of which a byte comes now and then."""
    return _hold(port, seconds, lambda number: (b"", b"GET / HTTP/1.1\r\nX-A: ")[number % 2])


def slow_bodies(port: int, seconds: float) -> Found:
    """Requests whose bodies are announced, and come byte by byte."""
    asked = request("POST", "/v1/sites/load/callbacks", b"{", Content_Length="9000")
    chunked = request("POST", "/v1/sites/load/callbacks", Transfer_Encoding="chunked") + b"1\r\n"
    return _hold(port, seconds, lambda number: (asked, chunked)[number % 2])


def event_streams(port: int, seconds: float) -> Found:
    """Followers of a callback that is none, from many addresses, who never leave."""
    answer = ask(port, request("POST", "/v1/sites/load/callbacks", form(1, website="x")))
    path = f"/v1/callbacks/{answer.json['id']}/events"
    return _hold(port, seconds, lambda _number: request("GET", path))


def silent_pages(port: int, seconds: float) -> Found:
    """WebSockets of agents' pages that never show a token."""
    asked = request(
        "GET",
        "/phone/line",
        Origin="http://gateway",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==",
    )
    return _hold(port, seconds, lambda _number: asked)


def _hold(port: int, seconds: float, said: Callable[[int], bytes]) -> Found:
    """Hold as many connections as one can, each opened again where it was closed."""
    lines: list[socket.socket] = []
    sent = 0
    for number in paced(OPENED_PER_S, seconds):
        if len(lines) < HELD:
            line = socket.socket()
            line.bind((_host(number), 0))
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                line.connect((ENGINE_HOST, port))
            lines.append(line)
            continue
        place = random.randrange(HELD)
        if number % 4 and number > HELD * 3:
            with contextlib.suppress(OSError):
                lines[place].send(b"a")
            continue
        try:
            lines[place].send(said(number))
            sent += 1
        except OSError:
            lines[place].close()
            lines[place] = lines[-1]
            lines.pop()
    for line in lines:
        line.close()
    return sent, []


_NAMES = [f"X_{number}" for number in range(20_000)]
# A connection may also be closed without an answer.
_BAD = frozenset({400, 404, 413, 414, 422, 431})
_BIG = frozenset({400, 413})


def huge(port: int, seconds: float) -> Found:
    """Bodies, heads, lines and JSON of every size and depth that nobody needs."""
    post = "/v1/sites/load/callbacks"
    endless = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    digits = b'{"number": 1' + b"0" * 15_000 + b"}"
    kinds: list[tuple[str, bytes, frozenset[int]]] = [
        ("a body of 1 GB", request("POST", post, b"x" * 200_000, Content_Length="9" * 9), _BIG),
        ("a body of -1", request("POST", post, b"x", Content_Length="-1"), _BAD),
        ("chunks of 64 MB", request("POST", post, Transfer_Encoding="chunked") + endless * 8, _BIG),
        ("JSON of 8,000 lists", request("POST", post, b"[" * 8000), _BAD),
        ("a number of 15,000 digits", request("POST", post, digits), _BAD),
        ("a context of 7 KB in depth", request("POST", post, form(
            2, number="1", context={"page": _deep(3000)})), _BAD),
        ("a head of 1 MB", request("GET", "/health", X_A="a" * 1_000_000), _BAD),
        ("20,000 headers", request("GET", "/health", **dict.fromkeys(_NAMES, "a")), _BAD),
        ("a path of 100 KB", request("GET", "/v1/sites/" + "a" * 100_000 + "/texts"), _BAD),
        ("a head without an end", b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50_000, _BAD),
    ]  # fmt: skip
    sent, wrong, until = 0, set[str](), time.monotonic() + seconds
    for name, asked, right in itertools.cycle(kinds):
        with contextlib.suppress(OSError), Line(port, _host(sent)) as line:
            line.send(asked)
            answer = line.answer()
            sent += 1
            if answer.status and answer.status not in right:
                wrong.add(f"{name}: {answer.status}")
        if time.monotonic() > until:
            return sent, sorted(wrong)
    raise AssertionError("there are kinds")


def _deep(depth: int) -> object:
    """A list in a list, and so on."""
    made: object = "x"
    for _ in range(min(depth, 500)):
        made = [made]
    return made


ATTACKERS: dict[str, Attacker] = {
    function.__name__: function
    for function in (floods, slow_heads, slow_bodies, event_streams, silent_pages, huge)
} | TLS_ATTACKERS


def main() -> int:
    """Attack, and print what came of it."""
    name, seconds, port = sys.argv[1:]
    stand_back()
    allow_open_files()
    sent, wrong = ATTACKERS[name](int(port), float(seconds))
    print(json.dumps({"sent": sent, "wrong": wrong}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
