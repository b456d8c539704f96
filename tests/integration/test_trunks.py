"""Numbers that go out over a trunk: routes, digest, registration, a trunk that is out of order."""

import asyncio
import hashlib
import json
import re
from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.wire.message import WireMessage
from tests.support.phones.wire.phone import MakeWire, WireCall
from tests.support.ports import free_port

USER, PASSWORD = "ringback", "s3cret"


def trunk(name: str, port: int, **more: object) -> dict[str, object]:
    return {"name": name, "uri": f"sip:127.0.0.1:{port}", **more}


def credentials(message: WireMessage, header: str) -> dict[str, str]:
    """The parameters of a digest answer."""
    return dict(re.findall(r'(\w+)="?([^",]+)"?', message[header].partition(" ")[2]))


def is_right(given: dict[str, str], method: str, hash_name: str) -> bool:
    """Whether a digest answer with qop=auth is the right one (RFC 7616 section 3.4.1)."""

    def hashed(text: str) -> str:
        return hashlib.new(hash_name, text.encode()).hexdigest()

    secret = hashed(f"{USER}:{given['realm']}:{PASSWORD}")
    asked = hashed(f"{method}:{given['uri']}")
    parts = (secret, given["nonce"], given["nc"], given["cnonce"], given["qop"], asked)
    return given["response"] == hashed(":".join(parts))


async def test_a_number_goes_out_by_its_route_with_digest(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """A 407 with MD5 and SHA-256: the stronger is answered, and a stale nonce once more."""
    pbx, agent_phone = wire("pbx"), wire("agent")
    engine = await own_engine(
        trunks=[trunk("pbx", pbx.port, username=USER, password=PASSWORD)],
        routes=[{"prefix": "+44", "trunks": ["pbx"]}],
        agents=[{"name": "alice", "uri": agent_phone.uri}],
    )
    job = await engine.callback("020 7946 0123", "alice", caller_id="+442079460999")
    agent = await agent_phone.answer()
    call = await pbx.called()
    challenge(call, call.invite, nonce="one")
    second = await call.receive("INVITE", nth=2)
    given = credentials(second, "proxy-authorization")
    assert given["algorithm"] == "SHA-256" and given["nonce"] == "one"
    assert is_right(given, "INVITE", "sha256")
    challenge(call, second, nonce="two", stale=True)
    third = await call.receive("INVITE", nth=3)
    assert is_right(credentials(third, "proxy-authorization"), "INVITE", "sha256")
    assert third.start == f"INVITE sip:+442079460123@127.0.0.1:{pbx.port} SIP/2.0"
    assert "+442079460999" in third["from"]
    call.invite = third
    call.accept()
    await call.receive("ACK", nth=3)
    await engine.state("bridged", job)
    agent.bye()
    await call.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


def challenge(call: WireCall, request: WireMessage, *, nonce: str, stale: bool = False) -> None:
    more = ", stale=true" if stale else ""
    call.respond(
        407,
        "Proxy Authentication Required",
        request=request,
        headers=tuple(
            (
                "Proxy-Authenticate",
                f'Digest realm="pbx", nonce="{nonce}", algorithm={name}, qop="auth"{more}',
            )
            for name in ("MD5", "SHA-256")
        ),
    )


async def test_sipp_accepts_the_digest_and_refuses_a_wrong_one(
    own_engine: StartEngine, wire: MakeWire, tmp_path: Path
) -> None:
    right, wrong = await asyncio.gather(
        Sipp.start("challenge", tmp_path), Sipp.start("challenge", tmp_path)
    )
    engine = await own_engine(
        trunks=[
            trunk("right", right.port, username=USER, password=PASSWORD),
            trunk("wrong", wrong.port, username=USER, password="guess"),
        ],
        routes=[{"prefix": "+44", "trunks": ["right"]}, {"prefix": "+49", "trunks": ["wrong"]}],
    )
    phones = wire("one"), wire("two")
    jobs = [
        await engine.callback("+442079460123", phones[0].uri),
        await engine.callback("+493012345678", phones[1].uri),
    ]
    agents = await asyncio.gather(*(phone.answer() for phone in phones))
    await engine.state("bridged", jobs[0])
    agents[0].bye()
    completed, failed = [await engine.ended(job) for job in jobs]
    assert completed["state"] == "completed"
    assert failed["failure"]["sip_status"] == 403
    await asyncio.gather(right.finished(), wrong.finished())


async def test_a_trunk_registers_and_leaves(own_engine: StartEngine, tmp_path: Path) -> None:
    registrar = await Sipp.start("registrar", tmp_path)
    engine = await own_engine(
        trunks=[trunk("pbx", registrar.port, username=USER, password=PASSWORD, register=True)]
    )
    deadline = asyncio.get_running_loop().time() + 5.0
    while "registered" not in json.dumps((await engine.line.call("engine.status"))["trunks"]):
        assert asyncio.get_running_loop().time() < deadline, "the trunk is not registered"
        await asyncio.sleep(0.05)
    await engine.close()
    await asyncio.to_thread(engine.process.stop)
    await registrar.finished()
    last = registrar.received("REGISTER")[-1].text
    assert re.search(r"(?im)^expires: *0\b|expires=0", last)


async def test_the_next_trunk_is_tried_when_one_is_out_of_order(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    strict, sick, well, agent_phone = wire("strict"), wire("sick"), wire("well"), wire("agent")
    engine = await own_engine(
        trunks=[
            trunk("gone", free_port()),
            trunk("strict", strict.port),
            trunk("sick", sick.port),
            trunk("well", well.port),
        ],
        routes=[{"prefix": "+", "trunks": ["gone", "strict", "sick", "well"]}],
    )
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    await strict.refuse(407, "Proxy Authentication Required")
    await sick.refuse(503, "Service Unavailable")
    customer = await well.answer()
    await engine.state("bridged", job)
    customer.bye()
    await agent.receive("BYE")
    assert (await engine.ended(job))["state"] == "completed"


async def test_every_trunk_out_of_order_is_a_failed_attempt(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    agent_phone = wire("agent")
    engine = await own_engine(
        trunks=[trunk("gone", free_port())], routes=[{"prefix": "+", "trunks": ["gone"]}]
    )
    job = await engine.callback("+442079460123", agent_phone.uri)
    agent = await agent_phone.answer()
    await agent.receive("BYE")
    record = await engine.ended(job)
    assert (record["state"], record["result"]) == ("failed", "unreachable")
    assert record["failure"]["side"] == "customer"
    await engine.assert_idle()


async def test_each_trunk_is_told_who_calls_in_its_own_way(
    own_engine: StartEngine, wire: MakeWire
) -> None:
    """From, P-Asserted-Identity and Privacy at the trunk; User-to-User at the agent."""
    german, other, agent_phone = wire("german"), wire("other"), wire("agent")
    engine = await own_engine(
        trunks=[
            trunk("german", german.port, identity="pai", caller_id="+4930901820",
                  **{"from": '"The Shop" <sip:acc1@shop.example>'}),
            trunk("other", other.port, identity="rpid", caller_ids={"+44": "+442079460999"}),
        ],
        routes=[{"prefix": "+49", "trunks": ["german"]}, {"prefix": "+", "trunks": ["other"]}],
        agents=[{"name": "alice", "uri": agent_phone.uri}],
        dial={"headers": {"User-to-User": "{id} {context.site}"}},
    )  # fmt: skip
    told = []
    for to, phone, extra in (
        ("+4930901821", german, {}),
        ("+4930901821", german, {"caller_id": "anonymous"}),
        ("+442079460123", other, {}),
    ):
        job = await engine.callback(to, "alice", context={"site": "shop.example"}, **extra)
        agent = await agent_phone.answer()
        data, encoding = agent.invite["user-to-user"].split(";")
        assert (bytes.fromhex(data).decode(), encoding) == (f"{job} shop.example", "encoding=hex")
        told.append((await phone.refuse(486, "Busy Here")).invite)
        await engine.ended(job)
    named, withheld, by_rpid = told
    assert named["from"].startswith('"The Shop" <sip:acc1@shop.example>;tag=')
    assert named["p-asserted-identity"] == '"The Shop" <sip:+4930901820@shop.example>'
    assert withheld["from"].startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert withheld["p-asserted-identity"] == '"The Shop" <sip:+4930901820@shop.example>'
    assert withheld["privacy"] == "id"
    assert by_rpid["from"].startswith("<sip:+442079460999@127.0.0.1>;tag=")
    assert by_rpid["remote-party-id"].startswith("<sip:+442079460999@127.0.0.1>;party=calling;")
