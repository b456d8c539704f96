"""Signed calls: an INVITE with an Identity header, whose certificate is fetched by https."""

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.certificates import Authority, Certificate
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.caller import WireOutgoing
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_port
from tests.support.stir import Carrier, new_key, pem_of

SHOP, CALLER = "+442079460000", "+442079461111"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificate]:
    """The certificate of the server of https."""
    yield Authority(tmp_path_factory.mktemp("https")).certificate("localhost")


class Certificates:
    """A server that has a carrier's certificate, and counts who asks."""

    def __init__(self, carrier: Carrier, port: int) -> None:
        self.carrier = carrier
        self.asked = 0
        self.host = f"localhost:{port}"
        self.url = f"https://{self.host}/709A.pem"

    async def handle(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(body=self.carrier.pem, headers={"cache-control": "max-age=600"})


@asynccontextmanager
async def serving(theirs: Certificate) -> AsyncIterator[Certificates]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.cert, theirs.key)
    app, carrier = web.Application(), Carrier(time.time())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    found: list[Certificates] = []

    async def handle(request: web.Request) -> web.Response:
        return await found[0].handle(request)

    app.router.add_get("/709A.pem", handle)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.append(Certificates(carrier, runner.addresses[0][1]))
    try:
        yield found[0]
    finally:
        await runner.cleanup()


def settings(certificates: Certificates, theirs: Certificate, tmp_path: Path) -> dict[str, Any]:
    """An engine that trusts the carrier, and pushes doubtful callers back."""
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "root.pem").write_bytes(pem_of(certificates.carrier.root))
    doubtful = {"kind": "call", "attestation": ["failed", "none"]}
    return {
        "stir": {
            "mode": "verify", "trust": str(trust), "hosts": [certificates.host],
            "allow_private": True, "https_ca": theirs.ca, "deadline_s": 10.0,
        },
        "trunks": [{"name": "pbx", "uri": f"sip:127.0.0.1:{free_port()}"}],
        "inbound": [{"name": "shop", "number": SHOP, "queue": "sales"}],
        "queues": [{"name": "sales"}],
        "rules": [{"name": "doubtful", "match": doubtful, "set": {"priority": -9}}],
    }  # fmt: skip


async def event(engine: EngineClient, kind: str, nth: int = 1) -> dict[str, Any]:
    """The nth event of this type."""
    return await engine.line.events.wait_for(
        lambda one: one["type"] == kind, timeout_s=20.0, nth=nth
    )


def place(engine: EngineClient, wire: MakeWire, *identities: str) -> WireOutgoing:
    headers = tuple(("identity", value) for value in identities)
    return WireOutgoing.place(wire(CALLER), engine.process.sip_port, SHOP, headers=headers)


async def over(engine: EngineClient, call: WireOutgoing, nth: int) -> dict[str, Any]:
    """The caller waits in the queue, and hangs up."""
    await call.answered(20.0)
    await event(engine, "queue.joined", nth)
    call.bye()
    return await event(engine, "call.ended", nth)


async def test_the_attestation_of_a_signed_call(
    own_engine: StartEngine, wire: MakeWire, theirs: Certificate, tmp_path: Path
) -> None:
    async with serving(theirs) as certificates:
        engine = await own_engine(**settings(certificates, theirs, tmp_path))
        for nth, attest in enumerate("ABC", 1):
            identity = certificates.carrier.identity(
                x5u=certificates.url, iat=int(time.time()), attest=attest
            )
            call = place(engine, wire, identity)
            await call.answered(20.0)
            (view,) = (await engine.line.call("call.list"))["calls"]
            assert view["attestation"] == attest
            assert (await event(engine, "call.incoming", nth))["attestation"] == attest
            assert (await event(engine, "queue.joined", nth))["priority"] == 0
            call.bye()
            assert (await event(engine, "call.ended", nth))["attestation"] == attest
        assert certificates.asked == 1
        report = await engine.line.call("report.call", by="attestation", interval="total")
        counted = {row["attestation"]: row["calls"] for row in report["rows"]}
        assert counted == {"A": 1, "B": 1, "C": 1}


async def test_what_is_forged_or_stale_is_failed_and_the_call_goes_on(
    own_engine: StartEngine, wire: MakeWire, theirs: Certificate, tmp_path: Path
) -> None:
    async with serving(theirs) as certificates:
        engine = await own_engine(**settings(certificates, theirs, tmp_path))
        sign, url, now = certificates.carrier.identity, certificates.url, int(time.time())
        cases = {
            "signature": [sign(x5u=url, iat=now, key=new_key())],
            "stale": [sign(x5u=url, iat=now - 3600)],
            "orig_mismatch": [sign(x5u=url, iat=now, orig={"tn": "442079462222"})],
            "dest_mismatch": [sign(x5u=url, iat=now, dest={"tn": ["442079462222"]})],
            "certificate_url": [sign(x5u="https://127.0.0.1/x.pem", iat=now)],
            "too_large": ["x" * 5000 + ";ppt=shaken"],
            "too_many": [sign(x5u=url, iat=now)] * 4,
            None: [],
        }
        for nth, (reason, identities) in enumerate(cases.items(), 1):
            ended = await over(engine, place(engine, wire, *identities), nth)
            assert ended["attestation"] == ("none" if reason is None else "failed"), reason
            assert ended.get("attestation_reason") == reason
            assert (await event(engine, "queue.joined", nth))["priority"] == -9
        # A right one beside a forged one is right.
        both = [cases["signature"][0], sign(x5u=url, iat=int(time.time()))]
        ended = await over(engine, place(engine, wire, *both), len(cases) + 1)
        assert ended["attestation"] == "A"
