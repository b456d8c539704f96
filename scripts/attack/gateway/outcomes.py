"""Attacks that are over at once: each says what was answered otherwise than it should be."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from web.proof_of_work import solve

from .http import STRANGER, Answer, Line, ask, form, request
from .pages import agents_page
from .stage import BLOCKED, OWN, PROXY

Wrong = Iterator[str]
Outcome = Callable[[int], Wrong]
LOAD, SHOP, PROOF = (f"/v1/sites/{key}/callbacks" for key in ("load", "shop", "proof"))
PATHS = (
    "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/ringback.js/../../server.py",
    "/static/../server.py", "/ringback.js%00.py", "//etc/passwd", "/..;/phone.js", "/.git/config",
    "/preview/..%2f..%2fserver.py", "/v1/sites/..%2f..%2fetc/texts", "/web.secret",
    "/v1/sites/load%2f..%2fx/texts", "/phone.js%2e%2e", "/%c0%ae%c0%ae/etc/passwd",
    "/\\..\\..\\etc\\passwd", "/v1/../v1/../secret", "/preview?site=../../etc/passwd",
    "/v1/sites/%00/texts", "/v1/callbacks/web-%0d%0aX-Evil:%201/data?token=x",
    "/v1/sites/<script>/texts",
)  # fmt: skip
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[2J\r\nX-Evil: 1'
WRONG_FIELDS: tuple[dict[str, Any], ...] = (
    {"number": EVIL}, {"key": EVIL * 9}, {"region": "<b"}, {"language": EVIL}, {"name": 7},
    {"consent": "yes"}, {"context": [EVIL]}, {"extra": EVIL},
)  # fmt: skip
TRIED = 12
"""How many numbers of each kind are tried."""


def _unless(name: str, answer: Answer, *right: int) -> Wrong:
    """What is wrong where the status is none of these."""
    if answer.status not in right:
        yield f"{name}: {answer.status} {answer.body[:80]!r}"


def cross_site(port: int) -> Wrong:
    """Pages of other sites, and such that look like ours."""
    foreign = (
        "https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example",
        "https://shop.example:8443", "https://SHOP.example", "https://shop.example/", "*",
        "https://evil.example#https://shop.example", "",
    )  # fmt: skip
    for number, origin in enumerate(foreign):
        for path in (LOAD, "/v1/sites/load/talks"):
            body = form(number, key=f"foreign-{number}")
            answer = ask(port, request("POST", path, body, Origin=origin))
            yield from _unless(f"a page of {origin!r}", answer, 403)
        kinds = {"Content_Type": "text/plain", "Origin": origin}
        yield from _unless("a plain form", ask(port, request("POST", LOAD, body, **kinds)), 403)
        for method, asked in (("OPTIONS", LOAD), ("GET", "/v1/sites/load/texts")):
            answer = ask(port, request(method, asked, Origin=origin))
            if "access-control-allow-origin" in answer.head.lower():
                yield f"{method} for {origin!r} may be read there"
    for name in ("preview", "phone"):
        answer = ask(port, request("GET", f"/{name}?site=load"))
        if "frame-ancestors" not in answer.head or "default-src 'self'" not in answer.head:
            yield f"/{name} may be framed, or runs what it is given"


def links(port: int) -> Wrong:
    """Links that were made up, cut, or are those of another callback; and ids of nobody."""
    mine, other = (
        ask(port, request("POST", LOAD, form(number, when=time.time() + 86_400))).json
        for number in (901, 902)
    )
    token = mine["token"]
    made_up = {
        "of another": other["token"], "cut": token[:-1], "longer": token + "A", "empty": "",
        "in capitals": token.upper(), "with a zero": token[:-1] + "%00", "made up": "A" * 24,
        "not ASCII": "%E2%98%83" * 8,
    }  # fmt: skip
    for name, shown in made_up.items():
        for method, path in (("DELETE", ""), ("GET", "/data"), ("DELETE", "/data"),
                             ("POST", "/rating")):  # fmt: skip
            asked = f"/v1/callbacks/{mine['id']}{path}?token={shown}"
            body = b'{"rating": 1}' if method == "POST" else b""
            answer = ask(port, request(method, asked, body))
            yield from _unless(f"{method} …{path} with a token {name}", answer, 404)
    nobody = {
        "made up": "web-" + "A" * 30, "of the engine": "cb-1", "changed": mine["id"][:-1] + "!",
        "a path": "..%2f..%2fetc%2fpasswd",
    }  # fmt: skip
    for name, one in nobody.items():
        for path in ("", "/events"):
            answer = ask(port, request("GET", f"/v1/callbacks/{one}{path}"))
            yield from _unless(f"an id {name}", answer, 404)
    stage = ask(port, request("GET", f"/v1/callbacks/{mine['id']}")).json["stage"]
    if stage != "queued":
        yield f"somebody else has brought a callback to {stage}"
    repeated = [ask(port, request("POST", LOAD, form(903, when="now"))).json for _ in range(2)]
    if repeated[0]["id"] != repeated[1]["id"]:
        yield "a request that was sent again is another callback"


def proofs(port: int) -> Wrong:
    """Proofs of work that are used again, of another site, wrong, or made up."""

    def answer_of(number: int, proof: Any) -> Answer:
        body = form(number, when=time.time() + 86_400, proof=proof)
        return ask(port, request("POST", PROOF, body))

    challenge = ask(port, request("GET", "/v1/sites/proof/challenge")).json
    right = {"challenge": challenge["challenge"], "answers": solve(challenge)}
    foreign = ask(port, request("GET", "/v1/sites/load/challenge")).json
    wrong = {
        "none": None,
        "wrong answers": right | {"answers": [0] * 16},
        "one answer for all": right | {"answers": right["answers"][:1] * 16},
        "of another site": {"challenge": foreign["challenge"], "answers": solve(foreign)},
        "with a later end": right
        | {"challenge": challenge["challenge"].replace("proof.", "proof.9", 1)},
        "made up": {"challenge": "proof.99999999999.x." + "A" * 24, "answers": right["answers"]},
    }
    for number, (name, proof) in enumerate(wrong.items()):
        yield from _unless(f"a proof: {name}", answer_of(920 + number, proof), 400)
    yield from _unless("a right proof", answer_of(930, right), 202)
    yield from _unless("a right proof, again", answer_of(931, right), 400)


def addresses(port: int) -> Wrong:
    """Addresses that are claimed in headers, and a whole /64 that is one visitor's."""

    def ask_as(number: int, peer: str, forwarded: str) -> Answer:
        """From a number of its own, so that no other limit is met."""
        body = form(number, when=time.time() + 86_400)
        return ask(port, request("POST", SHOP, body, X_Forwarded_For=forwarded), peer)

    claimed = [ask_as(100 + n, STRANGER, f"203.0.113.{n}") for n in range(8)]
    if [one.status for one in claimed] != [202] * 5 + [429] * 3:
        yield f"a stranger is taken for others: {[one.status for one in claimed]}"
    spoofed = [ask_as(200 + n, PROXY, f"10.{n}.0.1, 198.51.100.7") for n in range(8)]
    if [one.status for one in spoofed] != [202] * 5 + [429] * 3:
        yield f"what a visitor claims before the proxy counts: {[one.status for one in spoofed]}"
    of_64 = [ask_as(300 + n, PROXY, f"2001:db8:0:7:{n:x}::{n:x}") for n in range(8)]
    if [one.status for one in of_64] != [202] * 5 + [429] * 3:
        yield f"a /64 counts as many visitors: {[one.status for one in of_64]}"
    mapped = ask_as(310, PROXY, "::ffff:198.51.100.7")
    yield from _unless("an address of IPv4 written as IPv6", mapped, 429)
    of_48 = [ask_as(400 + n, PROXY, f"2001:db8:1:{n:x}::1") for n in range(24)]
    if [one.status for one in of_48].count(202) != 20:
        yield f"a /48 counts as many networks: {[one.status for one in of_48].count(202)}"
    for number, text in enumerate(
        ("x" * 7000, ",,,,", "127.0.0.1", "[::1]:5", "\u00e9", "::1%eth0")
    ):
        answer = ask_as(500 + number, PROXY, text)
        yield from _unless(f"X-Forwarded-For {text[:12]!r}", answer, 202, 429)


def smuggling(port: int) -> Wrong:
    """Requests whose end two servers in a row could see at different places."""
    inner = request("GET", "/v1/sites/load/challenge")
    post = f"POST {LOAD} HTTP/1.1\r\nHost: x\r\nOrigin: {OWN}\r\n"
    both = {
        "both lengths": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": "Content-Length: 0\r\nContent-Length: 90\r\n\r\n",
        "a list of lengths": "Content-Length: 0, 90\r\n\r\n",
        "a signed length": "Content-Length: +0\r\n\r\n",
        "a hexadecimal length": "Content-Length: 0x0\r\n\r\n",
        "an unknown encoding": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "an encoding after chunked": "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "a space before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "a folded header": "X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "lines that end in LF": "X-A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a zero in a header": "X-A: b\0c\r\n\r\n",
        "a chunk with a signed size": "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    }
    for name, rest in both.items():
        with Line(port) as line:
            line.send((post + rest).encode() + inner)
            first = line.answer()
            second = line.rest()
        if first.status >= 500:
            yield f"{name}: {first.status}"
        if b"challenge" in first.body or b'"challenge"' in second:
            yield f"{name}: the request within was answered"
    hops = request("GET", "/health", Connection="X-Forwarded-For, Host", X_Forwarded_Host="evil")
    yield from _unless("headers of hops", ask(port, hops), 200)
    others = {
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a tunnel": request("CONNECT", "evil.example:80"),
        "TRACE": request("TRACE", "/v1/sites/load/texts"),
    }
    for name, raw in others.items():
        answer = ask(port, raw)
        if answer.status >= 500 or 200 <= answer.status < 300:
            yield f"{name}: {answer.status}"


def paths(port: int) -> Wrong:
    """Paths that lead elsewhere than they seem to."""
    for path in PATHS:
        answer = ask(port, request("GET", path))
        yield from _unless(path, answer, 400, 404, 405)
        if b"root:" in answer.body or "x-evil" in answer.head.lower() or b"<script>" in answer.body:
            yield f"{path}: it is in the answer"
    absolute = ask(port, request("GET", "http://evil.example/health", Host="evil.example"))
    yield from _unless("an absolute URI", absolute, 200, 400, 404)


def numbers(port: int) -> Wrong:
    """Who tries numbers: one that nobody may call, one that is called too often, and others."""
    spent: dict[str, list[float]] = {}
    seen: dict[str, set[tuple[int, str, str]]] = {}
    kinds: dict[str, Callable[[int], str]] = {
        "blocked": lambda _n: BLOCKED,
        "asked for before": lambda _n: "+442079460555",
        "others": lambda n: f"+4420794607{n:02}",
    }
    for number in range(TRIED):
        for kind, of in kinds.items():
            body = form(
                0, number=of(number), key=f"trying-{kind}-{number}", when=time.time() + 86_400
            )
            began = time.monotonic()
            answer = ask(port, request("POST", LOAD, body))
            spent.setdefault(kind, []).append(time.monotonic() - began)
            found = answer.json
            members = ",".join(sorted(found)) if isinstance(found, dict) else ""
            stage = str(found.get("stage", "")) if isinstance(found, dict) else ""
            seen.setdefault(kind, set()).add((answer.status, members, stage))
    if len({frozenset(one) for one in seen.values()}) != 1:
        yield f"the answers tell numbers apart: {seen}"
    middle = {kind: statistics.median(times) for kind, times in spent.items()}
    if max(middle.values()) - min(middle.values()) > 0.04:
        yield f"the time tells numbers apart: {middle}"


def agents(port: int) -> Wrong:
    """Pages of agents: without a token, with wrong ones, and one that asks for another's calls."""
    yield from agents_page(port)


def fields(port: int) -> Wrong:
    """Script in every field: it comes to the agent as text, in a page that runs nothing else."""
    evil = EVIL
    context = dict.fromkeys(("page", "title", "referrer", "campaign", "basket", "other"), evil)
    body = form(
        0, number="020 7946 0801", key="script-in-fields", name=evil[:120],
        when=time.time() + 86_400, context=context | {"pages": [evil], evil: evil},
    )  # fmt: skip
    answer = ask(port, request("POST", LOAD, body, Accept_Language=evil.replace("\r\n", "")[:50]))
    yield from _unless("script in every field", answer, 202)
    accepted = answer.json
    kept = ask(
        port, request("GET", f"/v1/callbacks/{accepted['id']}/data?token={accepted['token']}")
    )
    if "application/json" not in kept.head or "nosniff" not in kept.head.lower():
        yield "what is kept could be taken for a page"
    said = json.dumps(kept.json["context"], ensure_ascii=False)
    for sign in ("\\u202e", "\u202e", "\\u001b", "\x1b", "\\r", "\\n"):
        if sign in said:
            yield f"{sign!r} is kept, which steers a terminal, or turns text around"
    if "other" in kept.json["context"] or evil in kept.json["context"]:
        yield "a field is kept that the site does not list"
    for wrong in WRONG_FIELDS:
        refused = ask(port, request("POST", LOAD, form(0, **{"key": "wrong-field-1"} | wrong)))
        yield from _unless(f"{next(iter(wrong))} with script", refused, 202, 400, 422)
        if b"<script>" in refused.body or b"onerror" in refused.body:
            yield f"{next(iter(wrong))}: what was sent comes back"
    for path in ("/v1/sites/%3Cscript%3E/texts", "/preview?site=%3Cscript%3E", "/%3Cscript%3E"):
        answer = ask(port, request("GET", path))
        if b"<script>" in answer.body:
            yield f"{path}: what was sent comes back"


OUTCOMES: dict[str, Outcome] = {
    function.__name__: function
    for function in (
        cross_site, links, proofs, addresses, smuggling, paths, numbers, agents, fields
    )
}  # fmt: skip
