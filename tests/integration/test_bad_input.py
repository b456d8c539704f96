"""What is hurled at the engine while a call goes on; the call is the judge."""

import asyncio
import json
import random
import re
import socket
import time

import pytest

from tests.support.control_line import ControlLine, Refused
from tests.support.engines.process import EngineClient, StartEngine
from tests.support.gaps import PauseLimit
from tests.support.phones.wire.phone import MakeWire, WireCall
from tests.support.phones.wire.rtp import WireRtp
from tests.support.talk import AGENT_HZ, CUSTOMER_HZ, begin_loud_talk

STRANGER_HZ = 2300
LEAST_TALK_S = 0.8


class WatchedTalk:
    """A call that goes on while something else happens, and the proof that it went well."""

    def __init__(self, engine: EngineClient, job: str, agent: WireCall, customer: WireCall) -> None:
        self.engine, self.job, self.agent, self.customer = engine, job, agent, customer
        self.started = time.time()
        self.pauses = PauseLimit(engine.process)

    @classmethod
    async def begin(cls, engine: EngineClient, wire: MakeWire) -> "WatchedTalk":
        return cls(engine, *await begin_loud_talk(engine, wire))

    async def end_well(self) -> None:
        """Hang up; both sides have heard each other and nobody else, without a gap."""
        await asyncio.sleep(self.started + LEAST_TALK_S - time.time())
        now = time.time()
        await self.agent.hang_up()
        await self.customer.receive("BYE")
        record = await self.engine.ended(self.job)
        assert record["state"] == "completed"
        # Packets that came while the worker waited for a core may be too many for its socket.
        lost = [leg["media"]["lost"] for leg in record["attempts"][0]["legs"]]
        assert self.customer.rtp.missing() <= lost[0] and self.agent.rtp.missing() <= lost[1]
        for call, partner_hz in ((self.agent, CUSTOMER_HZ), (self.customer, AGENT_HZ)):
            heard = call.rtp.heard(self.started, now)
            assert heard.hears(partner_hz, for_s=0.4)
            assert not heard.hears(STRANGER_HZ)
            limit_s = self.pauses.limit_s(self.agent.rtp, self.customer.rtp)
            assert call.rtp.longest_pause_s(self.started, now) <= limit_s
            assert not [flaw for flaw in call.rtp.flaws() if "is followed by" not in flaw]


async def test_rtp_of_an_unknown_source_is_not_heard(engine: EngineClient, wire: MakeWire) -> None:
    talk = await WatchedTalk.begin(engine, wire)
    other = WireRtp()
    targets = [call.rtp.remote for call in (talk.agent, talk.customer)]
    for target in targets:
        assert target is not None
        other.remote = target
        other.send_tone(STRANGER_HZ)
        await asyncio.sleep(0.4)
        for _ in range(200):
            other.send_raw(random.randbytes(random.randrange(1, 400)))
    other.close()
    await talk.end_well()


async def test_garbage_and_late_rtp_of_the_phone_itself_do_no_harm(
    engine: EngineClient, wire: MakeWire
) -> None:
    talk = await WatchedTalk.begin(engine, wire)
    for number in range(100):
        talk.agent.rtp.send_raw(random.randbytes(random.randrange(1, 11)))
        talk.agent.rtp.send_raw(b"\x40" + random.randbytes(170))  # version 1
        if number % 2:  # a socket holds some 14 packets, the tone among them
            await asyncio.sleep(0.005)
    await talk.end_well()
    for _ in range(50):  # after BYE; the tone still runs besides
        talk.agent.rtp.send_raw(random.randbytes(172))
    await asyncio.sleep(0.1)


MALFORMED = [
    b"",
    b"\r\n\r\n",
    b"\x00" * 64,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"INVITE sip:x SIP/2.0\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: nonsense\r\n\r\n",
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 99999999999 INVITE\r\nContent-Length: 99999\r\n\r\n",
    b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \xff\xfe\r\n\r\n",
    b"INVITE " + b"a" * 60000 + b" SIP/2.0\r\n\r\n",
    b"OPTIONS sip:a SIP/2.0\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n",
]


async def test_a_flood_of_malformed_sip_does_not_disturb_a_call(
    engine: EngineClient, wire: MakeWire
) -> None:
    talk = await WatchedTalk.begin(engine, wire)
    port = engine.process.sip_port
    before = len(engine.process.log())
    random_source = random.Random(20261122)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for number in range(3000):
            data = random_source.choice(MALFORMED) or random_source.randbytes(300)
            flood.sendto(data[:65000], ("127.0.0.1", port))
            if number % 50 == 0:
                await asyncio.sleep(0.01)
    await talk.end_well()
    seen = engine.process.log()[before:]
    assert len(seen) < 20_000, "a flood must not fill the log"


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """What comes until the engine closes the connection; it may close with a reset."""
    received = b""
    async with asyncio.timeout(40):
        try:
            while data := await reader.read(65536):
                received += data
        except ConnectionResetError:
            pass
    return received


async def test_half_a_message_and_rubbish_on_tcp_close_that_connection_only(
    engine: EngineClient, wire: MakeWire
) -> None:
    talk = await WatchedTalk.begin(engine, wire)
    address = ("127.0.0.1", engine.process.sip_port)
    half = await asyncio.open_connection(*address)
    half[1].write(b"OPTIONS sip:a@b SIP/2.0\r\nVia: ")
    rubbish = await asyncio.open_connection(*address)
    rubbish[1].write(b"x" * 200_000)
    assert b"SIP/2.0 200" not in await read_to_end(rubbish[0])
    half[1].close()
    rubbish[1].close()
    await talk.end_well()


async def ask(engine: EngineClient, request: str, **fields: str) -> str:
    """Send a SIP request by UDP; the response's start line and headers."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind(("127.0.0.1", 0))
        port = phone.getsockname()[1]
        method, to_tag = request, fields.get("to_tag", "")
        message = (
            f"{method} sip:ringback@127.0.0.1:{engine.process.sip_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{random.getrandbits(40)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:me@127.0.0.1>;tag=1\r\n"
            f"To: <sip:ringback@127.0.0.1>{to_tag}\r\nCall-ID: {random.getrandbits(40)}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:me@127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
        )
        phone.sendto(message.encode(), ("127.0.0.1", engine.process.sip_port))
        async with asyncio.timeout(40):
            return (await loop.sock_recv(phone, 65536)).decode()


async def test_requests_out_of_any_dialog_are_answered_as_rfc_3261_says(
    engine: EngineClient,
) -> None:
    answers = await asyncio.gather(
        ask(engine, "OPTIONS"),
        ask(engine, "BYE", to_tag=";tag=unknown"),
        ask(engine, "FROBNICATE"),
        ask(engine, "INVITE"),
    )
    starts = [answer.split(" ")[1] for answer in answers]
    assert starts[:3] == ["200", "481", "405"]
    assert re.search(r"(?im)^allow: .*INVITE", answers[0])
    assert re.search(r"(?im)^allow: .*INVITE", answers[2])
    assert starts[3] in ("100", "404")


BAD_LINES: list[tuple[bytes, int]] = [
    (b"{", -32700),
    (b"\xff\xfe", -32700),
    (b"[]", -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":5}', -32600),
    (b'{"jsonrpc":"2.0","id":7,"method":"callback.frobnicate"}', -32601),
    (b'{"jsonrpc":"2.0","id":7,"method":"callback.get","params":{"id":7}}', -32602),
]


async def test_bad_json_gets_an_error_and_leaves_the_connection_up(engine: EngineClient) -> None:
    line = await ControlLine.open(engine.process.socket)
    for number, (text, code) in enumerate(BAD_LINES, start=1):
        line.send_line(text)
        reply = await line.unasked.wait_for(lambda _: True, nth=number)
        assert reply["error"]["code"] == code, text
    line.send_line(b'{"jsonrpc":"2.0","id":8,"method":"ping","params":{"x":"' + b"y" * (1 << 20))
    line.send_line(b'"}}')
    await line.unasked.wait_for(lambda r: "error" in r, nth=len(BAD_LINES) + 1)
    assert (await line.call("ping"))["epoch"]
    await line.close()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"to": "sip:a@127.0.0.1"}, "agent"),
        ({"to": 5, "agent": "sip:a@127.0.0.1"}, "to"),
        ({"to": "sip:a@127.0.0.1", "agent": "sip:b@127.0.0.1", "whispr": {}}, "whispr"),
        ({"to": "sip:a@127.0.0.1", "agent": "sip:b@127.0.0.1", "ring_s": -1}, "ring_s"),
    ],
)
async def test_wrong_parameters_are_named(
    engine: EngineClient, params: dict[str, object], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await engine.line.call("callback.request", **params)
    assert refused.value.code == -32602
    assert field in json.dumps(refused.value.data) + refused.value.message


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"to": "sip:a@elsewhere.example"}, "to"),
        ({"to": "+44 20 7946 0123 999999999"}, "to"),
        ({"to": "12"}, "to"),
        ({"to": "tel:+442079460123"}, "to"),
        ({"agent": "nobody"}, "agent"),
        ({"trunk": "none", "to": "+442079460123"}, "trunk"),
        ({"whisper": {"file": "/no/such.wav"}}, "whisper.file"),
        ({"whisper": {"tone": "loud"}}, "whisper.tone"),
    ],
)
async def test_what_may_not_be_dialled_is_refused_at_once(
    engine: EngineClient, wire: MakeWire, params: dict[str, object], field: str
) -> None:
    phone = wire("phone")
    asked: dict[str, object] = {"to": phone.uri, "agent": phone.uri} | params
    with pytest.raises(Refused) as refused:
        await engine.line.call("callback.request", **asked)
    assert refused.value.data["kind"] == "refused"
    assert refused.value.data["field"] == field
    assert not phone.messages.items


async def test_the_same_id_is_the_same_job(engine: EngineClient, wire: MakeWire) -> None:
    phone = wire("phone")
    asked = {"to": phone.uri, "agent": phone.uri, "id": "order-66", "not_before": 4e9}
    first = await engine.line.call("callback.request", **asked)
    again = await engine.line.call("callback.request", **asked)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["created"] == first["created"]
    with pytest.raises(Refused) as refused:
        await engine.line.call("callback.request", **(asked | {"priority": 5}))
    assert refused.value.data["kind"] == "conflict"
    await engine.line.call("callback.cancel", id="order-66")


async def test_a_flood_from_one_address_is_limited_and_others_are_served(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    engine = await own_engine(sip={"max_messages_per_s": 200, "max_messages_burst": 200})
    target = ("127.0.0.1", engine.process.sip_port)
    request = (
        "OPTIONS sip:ringback@127.0.0.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:flood@127.0.0.2>;tag=1\r\nTo: <sip:ringback@127.0.0.1>\r\n"
        "Call-ID: flood-%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind(("127.0.0.2", 0))

        async def pour() -> None:
            for number in range(8000):
                flood.sendto((request % (number, number)).encode(), target)
                if number % 100 == 0:
                    await asyncio.sleep(0.01)

        pouring = asyncio.create_task(pour())
        talk = await WatchedTalk.begin(engine, wire)
        await pouring
        await talk.end_well()
    counters = (await engine.line.call("engine.status"))["sip"]["counters"]
    assert counters["rate_limited"] > 5000
    await engine.assert_idle()
