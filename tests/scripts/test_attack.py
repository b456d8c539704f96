"""The attacks say what they mean to say, and the verdict about them can be bad."""

import os
import random
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from ringback_client import EngineError
from scripts.attack.__main__ import judge, most_mib
from scripts.attack.attackers import ATTACKERS
from scripts.attack.caller_attackers import _guess, _within
from scripts.attack.gateway.http import Answer, form, request
from scripts.attack.gateway.outcomes import OUTCOMES, PATHS
from scripts.attack.gateway.trial import NAMES, Seen
from scripts.attack.gateway.trial import judge as judge_gateway
from scripts.attack.neighbour import take
from scripts.attack.overload import LEAST_TAKEN, MOST_TAKEN, Offered, _share
from scripts.attack.pace import paced
from scripts.attack.priority import first_in_line
from scripts.attack.probe import Noticed, is_calm, memory_left
from scripts.attack.sip_attackers import SDP, message
from scripts.attack.stage import environment, trusting
from scripts.attack.target import AUTH_USER
from scripts.attack.web_attackers import _HANDSHAKE, frame
from scripts.bench.engine_process import EngineProcess
from sip.auth.digest import parse_challenge
from sip.auth.digest_server import DigestServer
from sip.errors import ParseError
from sip.message.message import Request
from sip.message.parser import parse
from sip.sdp.description import parse_sdp
from sip.transport.web_socket import WebSocketFramer
from tests.support.virtual_loop import run

QUIET = Noticed(
    sent=0, ping_p99_ms=2.0, set_up_p50_ms=20.0, failed=0, lost=0, others=0, memory_mib=200.0,
    locked_out=(),
)  # fmt: skip


def test_an_attack_that_nobody_notices_has_held() -> None:
    assert judge(replace(QUIET, sent=5000, ping_p99_ms=19.0, memory_mib=210.0), QUIET) == ()


@pytest.mark.parametrize(
    ("noticed", "words"),
    [
        ({"ping_p99_ms": 21.0}, "ping over 20 ms"),
        ({"set_up_p50_ms": 41.0}, "slow set-up"),
        ({"failed": 1}, "calls failed"),
        ({"lost": 1}, "packets lost"),
        ({"others": 1}, "others heard"),
        ({"memory_mib": 260.0}, "memory"),
        ({"locked_out": ("root at the control socket",)}, "locked out"),
    ],
)
def test_each_thing_that_others_notice_is_told(noticed: dict[str, object], words: str) -> None:
    assert judge(replace(QUIET, **noticed), QUIET) == (words,)  # type: ignore[arg-type]


def test_packets_that_are_lost_without_an_attack_are_not_its_fault() -> None:
    assert judge(replace(QUIET, lost=3), replace(QUIET, lost=3)) == ()


def test_what_a_busy_machine_does_without_an_attack_is_not_its_fault() -> None:
    busy = replace(QUIET, ping_p99_ms=100.0, lost=40)
    assert judge(replace(busy, ping_p99_ms=140.0, lost=50), busy) == ()
    worse = replace(busy, ping_p99_ms=160.0, lost=70)
    assert judge(worse, busy) == ("ping over 150 ms", "packets lost")


def test_what_the_attacked_engine_is_given_is_there(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    assert Path(variables["RINGBACK_CONTROL__TLS_KEY"]).is_file()
    assert trusting(tmp_path).cert_store_stats()["x509"] >= 1
    assert {one.name for one in (tmp_path / "sounds").iterdir()} == {"damaged.wav", "fifo.wav"}


def test_requests_are_such_that_the_engine_has_to_look_at_them() -> None:
    first, second = (parse(message("INVITE", n, "127.0.0.2", body=SDP)) for n in (1, 2))
    assert isinstance(first, Request) and isinstance(second, Request)
    assert first.method == "INVITE"
    assert first.call_id != second.call_id
    assert parse_sdp(first.body).media[0].port == 40000


def test_attacks_end_by_themselves() -> None:
    assert list(paced(1000, 0.0)) == []
    assert list(islice(paced(1e6, 5.0), 3)) == [0, 1, 2]
    assert len(ATTACKERS) >= 31


def test_a_guessed_password_is_an_answer_that_the_engine_has_to_check() -> None:
    server = DigestServer("r", {AUTH_USER: "guess7"}, rng=random.Random(1))
    challenge = parse_challenge(server.challenge("h", 0.0)[0][1])
    assert challenge is not None
    for number, outcome in ((7, "right"), (8, "wrong")):
        invite = parse(message("INVITE", 1, "127.0.0.2"))
        assert isinstance(invite, Request)
        invite.add_field("Authorization", _guess(challenge.nonce, challenge.realm, number))
        assert server.check(invite, "h", 1.0).outcome == outcome


def test_a_referral_is_within_the_call_that_was_made() -> None:
    refer = _within(message("REFER", 1, "127.0.0.2"), b"<sip:q@127.0.0.1>;tag=x", "REFER", 7)
    invite, inside = parse(message("INVITE", 1, "127.0.0.2")), parse(refer)
    assert isinstance(inside, Request) and isinstance(invite, Request)
    assert (inside.call_id, inside.from_.tag) == (invite.call_id, invite.from_.tag)
    assert inside.to.tag == "x" and inside.cseq.number == 7
    assert inside.via.branch != invite.via.branch


def test_what_is_sent_to_browsers_ports_are_frames() -> None:
    framer = WebSocketFramer()
    framer.push(_HANDSHAKE + frame(0x81, b"x" * 60_000) + frame(0x02) + frame(0x80, b"y" * 200))
    found = []
    while framer.is_ready:
        if (one := framer.pop()) is not None:
            found.append(one)
    assert found == [b"x" * 60_000, b"y" * 200]
    framer.push(frame(0x81, announced=1 << 62))
    with pytest.raises(ParseError):
        framer.pop()
    assert len(frame(0x82, b"some", announced=400)) < 20


class Engine:
    """One whose memory and work are as they are told, look by look."""

    def __init__(self, values: list[float]) -> None:
        self._values = iter(values)

    def cpu_s(self) -> tuple[float, float]:
        return next(self._values), 0.0

    def anonymous_bytes(self) -> tuple[int, int]:
        return int(next(self._values)) << 20, 1 << 20


def calm(engine: Engine) -> bool:
    return run(is_calm(cast(EngineProcess, engine)), lambda _seconds: None)


def test_the_next_attack_waits_until_the_engine_is_calm() -> None:
    assert calm(Engine([1.0, 1.5, 1.5, 1.9, 1.9, 1.95]))
    assert not calm(Engine([n / 2 for n in range(200)]))


def left(engine: Engine, most_mib: float) -> float:
    return run(memory_left(cast(EngineProcess, engine), most_mib), lambda _seconds: None)


def test_memory_has_a_while_to_come_back_and_no_longer() -> None:
    assert most_mib(100.0) == pytest.approx(118.0)
    assert left(Engine([200.0, 180.0, 99.0, 98.0]), 100.0) == 100.0
    assert left(Engine([200.0] * 100), 100.0) == 201.0


def test_a_neighbour_leaves_room_for_some_hundred_calls() -> None:
    assert _share(busy=0.03, calls=60) == pytest.approx(0.7)
    assert _share(busy=0.3, calls=60) == LEAST_TAKEN
    assert _share(busy=0.0, calls=0) == MOST_TAKEN


def test_a_neighbour_takes_its_share_until_its_input_ends() -> None:
    reading, writing = os.pipe()
    with open(reading) as shares, open(writing, "w") as says:
        says.write("0.5\n")
        says.flush()
        assert take(shares, 5) == 5
        says.close()
        assert take(shares, 1000) == 0


def test_the_session_comes_first_meanwhile_and_not_afterwards(tmp_path: Path) -> None:
    autogroup = tmp_path / "autogroup"
    autogroup.write_text("/autogroup-31 nice 3\n")
    with first_in_line(autogroup):
        assert autogroup.read_text() == "-20"
    assert autogroup.read_text() == "3"
    with first_in_line(tmp_path / "nothing" / "there"):
        pass


TOO_MANY = "SIP/2.0 503 Service Unavailable\r\nRetry-After: 10\r\n\r\n"
OVERLOADED = EngineError(
    "unavailable", "the engine is overloaded", data={"reason": "overload", "retry_after_s": 10}
)


def offered(**more: object) -> Offered:
    found = Offered(answer=TOO_MANY, packets=10_000, pings_ms=[5.0] * 50, **more)  # type: ignore[arg-type]
    found.note(OVERLOADED)
    return found


def test_more_calls_than_can_be_carried_are_to_be_refused_in_words() -> None:
    assert offered().broken() == ()
    assert offered().refused == 1
    assert Offered(answer=TOO_MANY).broken() == ("nothing refused",)


@pytest.mark.parametrize(
    "error",
    [
        EngineError("unavailable", "no", data={"reason": "full"}),
        EngineError("unavailable", "no", data={"reason": "overload"}),
        EngineError("refused", "no", data={"reason": "overload", "retry_after_s": 1}),
    ],
)
def test_a_refusal_that_does_not_say_why_and_until_when(error: EngineError) -> None:
    found = offered()
    found.note(error)
    assert found.broken() == ("refused without words",)


def test_what_those_that_are_up_may_not_notice() -> None:
    assert offered(ended=1).broken() == ("calls ended",)
    assert offered(lost=101).broken() == ("packets lost",)
    assert offered(lost=101, lost_before=0.01).broken() == ()
    assert offered(delay_p99_ms=101.0).broken() == ("sound late by 101 ms",)
    late = offered()
    late.pings_ms += [301.0]
    assert late.broken() == ("ping over 300 ms",)
    late.pings_before_ms = [200.0]
    assert late.broken() == ()


@pytest.mark.parametrize("answer", ["", "SIP/2.0 503 No\r\n\r\n", "SIP/2.0 480 No\r\n\r\n"])
def test_a_call_that_comes_in_is_to_be_told_when_to_come_again(answer: str) -> None:
    found = offered()
    found.answer = answer
    assert found.broken() == ("no 503 with Retry-After",)


QUIET_GATEWAY = Seen(
    sent=0, answered_ms=[50.0, 55.0], failed=0, ping_p99_ms=3.0, engine_mib=90.0, gateway_mib=60.0
)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"answered_ms": [50.0, 245.0]}, None),
        ({"answered_ms": [50.0, 301.0]}, "a visitor 251 ms late"),
        ({"failed": 1}, "visitors failed"),
        ({"ping_p99_ms": 21.0}, "slow pings"),
        ({"engine_mib": 120.0}, "memory of the engine"),
        ({"gateway_mib": 100.0}, "memory of the gateway"),
        ({"wrong": ("a page of null: 202",)}, "a page of null: 202"),
    ],
)
def test_what_visitors_of_an_attacked_gateway_notice(
    seen: dict[str, object], words: str | None
) -> None:
    broken = judge_gateway(replace(QUIET_GATEWAY, **seen), QUIET_GATEWAY)  # type: ignore[arg-type]
    assert broken == (() if words is None else (words,))


def test_attacks_on_the_gateway_are_written_as_they_say() -> None:
    assert set(OUTCOMES) <= set(NAMES)
    body = form(7, name="<b>")
    asked = request("POST", PATHS[0], body, X_Forwarded_For="192.0.2.7", Origin="")
    head = asked.removesuffix(body).decode()
    assert head.startswith(f"POST {PATHS[0]} HTTP/1.1\r\nHost: gateway\r\n")
    assert "Origin" not in head
    assert f"Content-Length: {len(body)}\r\n" in head and "X-Forwarded-For: 192.0.2.7" in head
    refused = Answer(403, "", b'{"error": {"reason": "origin"}}')
    assert (refused.reason, Answer(0).reason) == ("origin", "")
