"""What happened on a leg, told from its record and its SIP."""

from collections.abc import Callable
from typing import Any, Literal

import pytest

from engine.job import LegRecord
from engine.trace.call_view import messages_of_call
from engine.trace.leg_story import leg_story, seconds
from engine.trace.trace import Trace
from tests.support.traces import AGENT, OURS, AnyCall, request, response, trace

HELD = (
    b"v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
)
SDP = "Content-Type: application/sdp\r\n"


def record(role: Literal["agent", "customer"] = "agent", **more: Any) -> LegRecord:
    """A leg to the agent, by the dialog `a`."""
    known: dict[str, Any] = {
        "leg": "leg-a",
        "uri": "sip:alice@192.0.2.9",
        "started": 1_000.0,
        "call_id": "a",
    }
    return LegRecord(role=role, **(known | more))


def told(
    leg: LegRecord,
    happens: Callable[[Trace], None] = lambda _kept: None,
    *,
    called_us: bool = False,
) -> str:
    """The sentences about it."""
    kept = trace()
    kept.belongs(AnyCall("c1"), leg)
    happens(kept)
    call = kept.call("c1")
    assert call is not None
    messages = messages_of_call(kept, call)
    return "\n".join(text for _, text in leg_story(leg, messages, called_us=called_us))


def test_a_leg_that_was_answered_and_hung_up_by_its_party() -> None:
    def happens(kept: Trace) -> None:
        kept.sent(request("INVITE", "a"), AGENT, OURS)
        kept.received(request("BYE", "a", cseq=2, more="Reason: Q.850;cause=16\r\n"), AGENT, OURS)

    leg = record(
        trunk="pbx", hop="udp:192.0.2.10:5061", ringing=1_000.4, answered=1_004.0, ended=1_075.0,
        codec="PCMU", remote_media="192.0.2.10:4000", sip_status=200, reason="hung up",
        media={"packets_received": 600, "packets_sent": 590, "lost_fraction": 0.005,
               "jitter_ms": 2.0, "round_trip_ms": 20.0, "remote_lost_fraction": 0.0},
    )  # fmt: skip
    assert told(leg, happens).splitlines() == [
        "The agent was called at sip:alice@192.0.2.9 by the trunk pbx, at udp:192.0.2.10:5061.",
        "The agent's phone rang after 400 ms.",
        "The agent answered after 4.0 s with PCMU; its RTP goes to 192.0.2.10:4000.",
        "The agent hung up (BYE, Q.850;cause=16).",
        "Of the RTP of the agent 600 packets came, 0.5% were lost, the jitter was 2.0 ms, the round"
        " trip 20 ms; of ours 590 packets went, and the phone lost 0.0% of the last ones.",
    ]


def test_messages_that_were_sent_again_are_told() -> None:
    def happens(kept: Trace) -> None:
        for _ in range(3):
            kept.sent(request("INVITE", "a"), AGENT, OURS)
        for _ in range(2):
            kept.received(response("200 OK", "a"), AGENT, OURS)

    text = told(record(), happens)
    assert "INVITE was sent 3 times on the leg of the agent." in text
    assert "200 OK came 2 times on the leg of the agent." in text


def test_credentials_redirections_and_further_tries_are_told() -> None:
    leg = record()
    kept = trace()
    for number, answer in enumerate(("407 Proxy Authentication Required", "302 Moved"), start=1):
        kept.sent(request("INVITE", "a", cseq=number), AGENT, OURS)
        kept.received(response(answer, "a", cseq=number), AGENT, OURS)
    call = AnyCall("c1")
    kept.belongs(call, leg)
    leg.call_id = "b"
    kept.sent(request("INVITE", "b"), AGENT._replace(port=5099), OURS)
    kept.belongs(call, leg)
    traced = kept.call("c1")
    assert traced is not None
    text = "\n".join(one for _, one in leg_story(leg, messages_of_call(kept, traced)))
    assert "192.0.2.10:5061 asked for credentials (407)." in text
    assert "192.0.2.10:5061 redirected the call (302)." in text
    assert "The agent was tried again, at 192.0.2.10:5099." in text


def test_a_hold_and_its_end_are_told() -> None:
    def happens(kept: Trace) -> None:
        kept.sent(
            request("INVITE", "a", body=HELD.replace(b"sendonly", b"sendrecv"), more=SDP),
            AGENT,
            OURS,
        )
        kept.received(request("INVITE", "a", cseq=2, body=HELD, more=SDP), AGENT, OURS)
        back = HELD.replace(b"sendonly", b"sendrecv")
        kept.received(request("INVITE", "a", cseq=3, body=back, more=SDP), AGENT, OURS)

    text = told(record(answered=1_001.0), happens)
    assert text.index("put the call on hold") < text.index("took it up again")


@pytest.mark.parametrize(
    ("method", "sent", "said"),
    [
        ("BYE", True, "We hung up on the agent (BYE): call over."),
        ("CANCEL", True, "We gave up calling the agent (CANCEL): call over."),
        ("CANCEL", False, "The agent gave up before the answer (CANCEL)."),
    ],
)
def test_who_ended_it_is_told(method: str, sent: bool, said: str) -> None:
    def happens(kept: Trace) -> None:
        (kept.sent if sent else kept.received)(request(method, "a"), AGENT, OURS)

    assert said in told(record(ended=1_009.0, reason="call over"), happens)


def test_a_refusal_is_told_with_its_status() -> None:
    leg = record(ended=1_001.0, sip_status=486, reason="Busy Here")
    assert "The agent's leg was refused: 486 Busy Here." in told(leg)
    assert "leg ended: no reason is known." in told(record(ended=1_001.0))


def test_a_caller_has_called_us() -> None:
    def happens(kept: Trace) -> None:
        kept.received(request("INVITE", "a"), AGENT, OURS)

    leg = record("customer", trunk="pbx", hop="udp:192.0.2.10:5061", answered=1_000.5)
    leg.ringing = 1_000.1
    text = told(leg, happens, called_us=True)
    assert "The customer called us from udp:192.0.2.10:5061 by the trunk pbx." in text
    assert "The customer was answered after 500 ms." in text and "rang" not in text


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"packets_received": 0, "packets_sent": 50}, "No RTP came from the agent"),
        ({"packets_received": 99, "packets_sent": 1, "lost_fraction": 0.1}, "That can be heard"),
        ({"packets_received": 99, "packets_sent": 1, "jitter_ms": 90.0}, "That can be heard"),
    ],
)
def test_bad_sound_is_told(figures: dict[str, Any], said: str) -> None:
    assert said in told(record(answered=1_001.0, ended=1_009.0, media=figures))
    assert said not in told(record(ended=1_009.0, media=figures))


def test_durations_are_in_words() -> None:
    assert [seconds(one) for one in (0.25, 4.04, 75.9)] == ["250 ms", "4.0 s", "1 min 15 s"]
