"""Storms of unknown sources, stalled names, forged calls: the calls of others go on as before."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.dns_server import DnsServer
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.wire.message import audio_address
from tests.support.phones.wire.phone import MakeWire
from tests.support.ports import free_port

CALLS = 5
ADDRESS = "127.0.0.1"


def request(method: str, via: str, number: object, *, extra: str = "", body: str = "") -> bytes:
    return (
        f"{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: {via};branch=z9hG4bK{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:+442079460999@h>;tag={number}\r\nTo: <sip:100@h>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 {method}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def udp(host: str, port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, port))
    made.setblocking(False)
    return made


async def callbacks_complete(engine: EngineClient, wire: MakeWire, count: int = CALLS) -> None:
    """So many callbacks are made, and each is a talk that one side ends."""
    agent_phone, customer_phone = wire("agent"), wire("customer")
    for _ in range(count):
        job = await engine.callback(customer_phone.uri, agent_phone.uri, join=False)
        agent = await agent_phone.answer()
        customer = await customer_phone.answer()
        await engine.state("bridged", job)
        agent.bye()
        await customer.receive("BYE")
        assert (await engine.ended(job))["state"] == "completed"


@asynccontextmanager
async def storm(send: Callable[[int], object], *, a_second: int) -> AsyncIterator[None]:
    """`send(number)` is called so often a second while the block runs."""

    async def go_on() -> None:
        loop, sent = asyncio.get_running_loop(), 0
        began = loop.time()
        while True:
            due = int((loop.time() - began) * a_second)
            for number in range(sent, min(due, sent + 200)):
                with contextlib.suppress(OSError):
                    send(number)
            sent = due
            await asyncio.sleep(0.005)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def counters(engine: EngineClient) -> dict[str, int]:
    status: dict[str, Any] = await engine.line.call("engine.status")
    found: dict[str, int] = status["sip"]["counters"]
    return found


async def test_icmp_errors_that_unknown_sources_cause_fail_no_call(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    port = engine.process.sip_port
    closed = free_port()
    sources = [udp(f"127.7.0.{number}") for number in range(1, 50)]

    def ask(number: int) -> None:
        """It is answered at a closed port, which makes our socket have an error."""
        via = f"SIP/2.0/UDP 127.7.0.1:{closed}"
        data = request("OPTIONS", via, f"o{number}", extra="User-Agent: " + "x" * 300 + "\r\n")
        sources[number % len(sources)].sendto(data, (ADDRESS, port))

    async with storm(ask, a_second=1_500):
        await callbacks_complete(engine, wire)
    assert (await counters(engine))["unmatched_errors"] > 50
    for source in sources:
        source.close()


async def test_pipelined_requests_of_unknown_sources_hold_up_no_call(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine()
    blob = request("OPTIONS", "SIP/2.0/TCP 127.0.0.1:9", "1") * 500

    async def pipeline(host: str) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    ADDRESS, engine.process.sip_port, local_addr=(host, 0)
                )
                reading = asyncio.create_task(reader.read(1 << 30))
                try:
                    while True:
                        writer.write(blob)
                        await writer.drain()
                finally:
                    reading.cancel()
                    writer.transport.abort()
            await asyncio.sleep(0.01)

    attackers = [asyncio.create_task(pipeline(f"127.13.0.{one}")) for one in range(1, 21)]
    try:
        await asyncio.sleep(0.5)
        await callbacks_complete(engine, wire)
    finally:
        for attacker in attackers:
            attacker.cancel()
        await asyncio.gather(*attackers, return_exceptions=True)
    # They have a small share, however much they send.
    assert (await counters(engine))["received"] < 1_000 + 600 * 60


async def test_idle_unknown_sources_keep_no_trunk_out(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    trunk = {"name": "pbx", "uri": "sip:127.0.0.88:5060;transport=tcp"}
    engine = await own_engine(trunks=[trunk])
    others = []
    for number in range(300):
        made = socket.socket()
        made.bind((f"127.14.0.{number % 5 + 1}", 0))
        made.connect((ADDRESS, engine.process.sip_port))
        others.append(made)
    reader, writer = await asyncio.open_connection(
        ADDRESS, engine.process.sip_port, local_addr=("127.0.0.88", 0)
    )
    writer.write(request("OPTIONS", "SIP/2.0/TCP 127.0.0.88:5060", "pbx"))
    async with asyncio.timeout(40):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
    writer.close()
    for made in others:
        made.close()


async def test_forged_calls_keep_no_caller_out(own_engine: StartEngine, wire: MakeWire) -> None:
    """INVITEs with the address of a trunk, whose sender never sees our 200."""
    trunk_port = free_port()
    engine = await own_engine(
        trunks=[{"name": "pbx", "uri": f"sip:127.0.0.88:{trunk_port}"}],
        inbound=[{"name": "all", "number": "", "queue": "q"}],
        queues=[{"name": "q"}],
    )
    port = engine.process.sip_port
    pbx = udp("127.0.0.88", trunk_port)  # it reads nothing, as a host that is forged
    body = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.88\r\ns=-\r\nc=IN IP4 127.0.0.88\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 0\r\n"
    )
    fields = f"Contact: <sip:a@127.0.0.88:{trunk_port}>\r\nContent-Type: application/sdp\r\n"

    def forge(number: int) -> None:
        via = f"SIP/2.0/UDP 127.0.0.88:{trunk_port}"
        data = request("INVITE", via, f"f{number}", extra=fields, body=body)
        pbx.sendto(data, (ADDRESS, port))

    async with storm(forge, a_second=200):
        await asyncio.sleep(3.0)
        status = await engine.line.call("engine.status")
        assert 1 <= status["inbound"]["calls"] <= 70
        await callbacks_complete(engine, wire)
        caller = udp("127.0.0.88")
        loop = asyncio.get_running_loop()
        mine = caller.getsockname()[1]
        invite = request(
            "INVITE", f"SIP/2.0/UDP 127.0.0.88:{mine};rport", secrets.token_hex(8), extra=fields,
            body=body,
        )  # fmt: skip
        answers: list[bytes] = []
        async with asyncio.timeout(20):
            while not any(answer.startswith(b"SIP/2.0 200") for answer in answers):
                await loop.sock_sendto(caller, invite, (ADDRESS, port))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        while True:
                            answers.append(await loop.sock_recv(caller, 65535))
        caller.close()
    assert (await counters(engine))["overloaded"] == 0
    pbx.close()


async def test_a_name_that_stalls_delays_its_own_call_alone(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    pbx = wire("pbx")
    async with DnsServer({("pbx.good.example", "A"): [ADDRESS]}) as names:
        names.ttl_s = 1
        names.silent.add("pbx.stall.example")
        host, port = names.address
        engine = await own_engine(
            sip={
                "listen": [f"udp:{ADDRESS}:{(own := free_port())}", f"tcp:{ADDRESS}:{own}"],
                "dns": [f"{host}:{port}"],
            },
            trunks=[
                {"name": "stall", "uri": f"sip:pbx.stall.example:{pbx.port}"},
                {"name": "good", "uri": f"sip:pbx.good.example:{pbx.port}"},
            ],
            routes=[
                {"prefix": "+441", "trunks": ["stall"]},
                {"prefix": "+442", "trunks": ["good"]},
                {"prefix": "+4478", "trunks": ["stall", "good"]},
            ],
        )
        agent_phone = wire("agent")
        stalled = [
            await engine.callback(
                "+441144960000", agent_phone.uri, order="customer_first", join=False
            )
            for _ in range(10)
        ]
        for number in ("+442079460123", "+447860000000"):
            job = await engine.callback(number, agent_phone.uri, order="customer_first")
            call = await pbx.called()
            assert number in call.invite.start
            call.respond(486, "Busy Here")
            assert (await engine.ended(job))["result"] == "busy"
        for job in stalled:  # they wait, as their trunk is down
            await engine.line.call("callback.cancel", id=job)
        engine.process.stop()  # nobody is waited for


@pytest.mark.parametrize("speaks", [False, True])
async def test_an_sdp_aims_no_sound_at_somebody_else(
    own_engine: StartEngine, wire: MakeWire, speaks: bool
) -> None:
    """The agent's phone names another host for its media, which gets RTP only once it speaks."""
    engine = await own_engine()
    agent_phone, customer_phone = wire("agent"), wire("customer")
    victim = udp("127.0.0.99")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.called()
    description = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.99\r\ns=-\r\nc=IN IP4 127.0.0.99\r\nt=0 0\r\n"
        f"m=audio {victim.getsockname()[1]} RTP/AVP 0\r\n"
    )
    lines = ["SIP/2.0 200 OK", *(f"Via: {via}" for via in agent.invite.all("via"))]
    lines += [f"From: {agent.invite['from']}", f"To: {agent.invite['to']};tag={agent.tag}"]
    lines += [f"Call-ID: {agent.invite['call-id']}", f"CSeq: {agent.invite['cseq']}"]
    lines += [f"Contact: <{agent_phone.uri}>"]
    agent_phone.send(lines, description, agent.invite.source, answers=agent.invite)
    await agent.acknowledged()
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    if speaks:
        there = audio_address(agent.invite.body)
        for number in range(5):
            frame = bytes([0x80, 0, 0, number]) + number.to_bytes(4, "big") + b"\0\0\0\7"
            victim.sendto(frame + b"\xff" * 160, there)
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    heard = 0
    with contextlib.suppress(BlockingIOError):
        while victim.recv(2048):
            heard += 1
    assert (heard > 0) is speaks
    customer.bye()
    await engine.ended(job)
    victim.close()


async def test_a_contact_leads_to_no_service_that_is_no_phone(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """The agent's phone answers with a Contact that means a TCP service; its ACK and BYE come."""
    engine = await own_engine(dial={"allow_hosts": [ADDRESS]})
    service = await asyncio.start_server(lambda _reader, writer: reached.append(writer), ADDRESS, 0)
    reached: list[object] = []
    there = service.sockets[0].getsockname()[1]
    agent_phone, customer_phone = wire("agent"), wire("customer")
    job = await engine.callback(customer_phone.uri, agent_phone.uri)
    agent = await agent_phone.called()
    agent_phone.uri = f"sip:x@{ADDRESS}:{there};transport=tcp"
    agent.accept()
    await agent.acknowledged()
    customer = await customer_phone.answer()
    await engine.state("bridged", job)
    customer.bye()
    await agent.receive("BYE")
    await engine.ended(job)
    assert reached == []
    assert (await counters(engine))["not_permitted"] > 0
    service.close()
    await service.wait_closed()
