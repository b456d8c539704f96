"""Attackers who claim to be somebody: guessed passwords, forged signatures, endless referrals."""

import base64
import contextlib
import hashlib
import json
import os
import re
import socket
import time

from .pace import paced
from .sip_attackers import SDP, message
from .target import AUTH_USER, ENGINE_HOST, TRUNK_HOST, Target, udp_from

_NONCE = re.compile(rb'nonce="([^"]+)"')
_REALM = re.compile(rb'realm="([^"]*)"')
_TO = re.compile(rb"\r\nTo:[ \t]*([^\r\n]+)")
_HOSTS = 20


def passwords(target: Target, seconds: float) -> int:
    """Guesses at a trunk's password, from many addresses, with nonces that are good."""
    lines = [(f"127.9.0.{n + 1}", udp_from(f"127.9.0.{n + 1}")) for n in range(_HOSTS)]
    nonces: dict[str, tuple[str, str]] = {}
    sent = 0
    for _, line in lines:
        line.setblocking(False)
    for number in paced(2000, seconds):
        host, line = lines[number % _HOSTS]
        with contextlib.suppress(OSError):
            while True:
                answer = line.recv(4096)
                nonce, realm = _NONCE.search(answer), _REALM.search(answer)
                if nonce and realm:
                    nonces[host] = nonce[1].decode(), realm[1].decode()
        invite = message("INVITE", number, host, body=SDP)
        if host in nonces:
            shown = f"Authorization: {_guess(*nonces[host], number)}\r\n".encode()
            invite = invite.replace(b"Content-Type", shown + b"Content-Type")
        else:  # room for the challenge
            invite = invite.replace(b"Content-Type", b"X: " + b"x" * 600 + b"\r\nContent-Type")
        with contextlib.suppress(OSError):
            line.sendto(invite, _at(target))
            sent += 1
    return sent


def _guess(nonce: str, realm: str, number: int) -> str:
    uri = f"sip:+442079460000@{ENGINE_HOST}"
    first = hashlib.sha256(f"{AUTH_USER}:{realm}:guess{number}".encode()).hexdigest()
    second = hashlib.sha256(f"INVITE:{uri}".encode()).hexdigest()
    count = f"{number % 0xFFFFFF + 1:08x}"
    said = f"{first}:{nonce}:{count}:c:auth:{second}"
    response = hashlib.sha256(said.encode()).hexdigest()
    return (
        f'Digest username="{AUTH_USER}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'algorithm=SHA-256, qop=auth, nc={count}, cnonce="c", response="{response}"'
    )


def identities(target: Target, seconds: float) -> int:
    """Calls of a trunk with long, forged Identity headers, several in each."""
    line = udp_from(TRUNK_HOST)
    sent = 0
    for number in paced(50, seconds):
        head = _encoded({"alg": "ES256", "ppt": "shaken", "x5u": f"https://{number}.example/c"})
        claims = _encoded({"orig": {"tn": "1" * 4000}, "iat": int(time.time()), "n": number})
        signed = f"{head}.{claims}.{_encoded(os.urandom(64).hex())}"
        header = f"Identity: {signed};info=<https://{number}.example/c>;alg=ES256;ppt=shaken\r\n"
        invite = message("INVITE", number, TRUNK_HOST, body=SDP)
        invite = invite.replace(b"Content-Type", header.encode() * 3 + b"Content-Type")
        with contextlib.suppress(OSError):
            line.sendto(invite, _at(target))
            sent += 1
    return sent


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def referrals(target: Target, seconds: float) -> int:
    """A caller of a trunk who is up, and refers the other party again and again."""
    line = udp_from(TRUNK_HOST)
    to = _call(line, target)
    sent = 0
    for number in paced(500, seconds):
        where = f"Refer-To: <sip:+4420794600{number % 100:02d}@{ENGINE_HOST}>\r\n".encode()
        refer = _within(message("REFER", 1, TRUNK_HOST), to, "REFER", number + 2)
        refer = refer.replace(b"Content-Length", where + b"Content-Length")
        with contextlib.suppress(OSError):
            line.sendto(refer, _at(target))
            sent += 1
    line.sendto(_within(message("BYE", 1, TRUNK_HOST), to, "BYE", sent + 9), _at(target))
    return sent


def _call(line: socket.socket, target: Target) -> bytes:
    """Call a queue, as the trunk; the To of the answer. Raises TimeoutError."""
    line.settimeout(5.0)
    line.sendto(message("INVITE", 1, TRUNK_HOST, body=SDP), _at(target))
    while not (answer := line.recv(4096)).startswith(b"SIP/2.0 2"):
        pass
    found = _TO.search(answer)
    assert found is not None
    line.sendto(_within(message("ACK", 1, TRUNK_HOST), found[1], "ACK", 1), _at(target))
    return found[1]


def _within(request: bytes, to: bytes, method: str, number: int) -> bytes:
    """A request of the call that was made: its To, and a number and branch of its own."""
    old = _TO.search(request)
    assert old is not None
    request = request.replace(old[0], b"\r\nTo: " + to)
    request = request.replace(f"CSeq: 1 {method}".encode(), f"CSeq: {number} {method}".encode())
    return request.replace(b"x1;rport", f"x{method}{number};rport".encode())


def _at(target: Target) -> tuple[str, int]:
    return ENGINE_HOST, target.sip_port
