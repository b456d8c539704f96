"""The story of a callback and of a call, with and without its SIP."""

from typing import Any

import pytest

from engine.job import AttemptRecord, Failure, Job, LegRecord, OfferRecord, Request
from engine.trace.call_view import messages_of_call
from engine.trace.story import Sentence, Wire, story_of_call, story_of_job
from tests.support.traces import AGENT, OURS, AnyCall, request, trace

NOTHING_KEPT = Wire({})


def leg(**more: Any) -> LegRecord:
    """A leg to the agent."""
    known: dict[str, Any] = {
        "leg": "leg-a",
        "role": "agent",
        "uri": "sip:alice@192.0.2.9",
        "started": 10.0,
    }
    return LegRecord(**(known | {"call_id": "a"} | more))


def job(**more: Any) -> Job:
    """A callback by a queue."""
    asked = Request(to="+442079460000", queue="sales", site="shop.example")
    known: dict[str, Any] = {
        "id": "order-17",
        "request": asked,
        "created": 1.0,
        "requested_by": "crm",
    }
    return Job(**(known | more))


def texts(told: list[Sentence]) -> list[str]:
    """The sentences alone."""
    return [one["text"] for one in told]


def test_a_callback_that_waits() -> None:
    told = texts(
        story_of_job(job(scheduled="closed until Monday", next_attempt_at=50.0), NOTHING_KEPT)
    )
    assert told == [
        "A callback to +442079460000 was requested by crm for shop.example: first an agent of the"
        " queue sales is called, then the customer.",
        "It waits for its time: closed until Monday.",
        "It waits to be called.",
        "It is called then at the earliest.",
    ]


def test_a_callback_that_talked_is_told_in_the_order_of_time() -> None:
    attempt = AttemptRecord(
        call="c1", legs=[leg(answered=12.0, ended=40.0)], result="completed",
        cause="customer hung up", ended=41.0, number="+15551234567",
    )  # fmt: skip
    offers = [
        OfferRecord(agent="bob", queue="sales", offered=5.0, ended=8.0, result="no_answer"),
        OfferRecord(agent="alice", queue="sales", offered=9.0, answered=12.0),
    ]
    ended = job(
        attempts=[attempt], offers=offers, state="completed", bridged_at=20.0, ended_at=41.0,
        cause="customer hung up", outcome="sold",
    )  # fmt: skip
    kept = trace()
    kept.sent(request("INVITE", "a"), AGENT, OURS)
    kept.belongs(AnyCall("c1", "order-17"), attempt.legs[0])
    call = kept.call("c1")
    assert call is not None
    told = story_of_job(ended, Wire({"c1": messages_of_call(kept, call)}))
    assert texts(told)[1:] == [
        "bob was offered it by the queue sales.",
        "bob did not take it: no answer.",
        "alice was offered it by the queue sales.",
        "Attempt 1 at +15551234567 began.",
        "The agent was called at sip:alice@192.0.2.9.",
        "The agent answered after 2.0 s.",
        "The two were joined.",
        "The agent's leg ended: no reason is known.",
        "Attempt 1 ended, completed: customer hung up.",
        "The callback completed: customer hung up.",
        "They talked for 21.0 s.",
        "Its outcome was noted as 'sold'.",
    ]
    times = [one["time"] for one in told if one["time"] is not None]
    assert times == sorted(times)


def test_a_callback_that_failed_says_on_which_side_and_what_sip_said() -> None:
    failure = Failure(
        side="customer", moment="dialing_customer", sip_status=486, sip_reason="Busy Here",
        reason_header="Q.850;cause=17",
    )  # fmt: skip
    nobody = AttemptRecord(call="", result="unavailable", cause="no agent is free", ended=5.0)
    tried = AttemptRecord(call="c1", legs=[leg()], result="busy", cause="busy", ended=30.0)
    told = texts(
        story_of_job(
            job(attempts=[nobody, tried], state="failed", ended_at=30.0, cause="customer busy",
                failure=failure),
            NOTHING_KEPT,
        )
    )  # fmt: skip
    assert "Attempt 1: nobody was called: no agent is free." in told
    assert "The SIP of this attempt is not kept any more." in told
    assert told[-2:] == [
        "The callback failed: customer busy.",
        "It failed on the side of the customer, while dialing_customer; SIP said 486 Busy Here with"
        " the Reason Q.850;cause=17.",
    ]


def test_each_state_is_told() -> None:
    for state, words in (
        ("cancelled", "The callback was cancelled."),
        ("expired", "The callback expired."),
        ("bridged", "It is under way: bridged."),
        ("poisoned", "It is set aside"),
    ):
        told = " ".join(texts(story_of_job(job(state=state), NOTHING_KEPT)))
        assert words in told
    undecided = texts(story_of_job(job(decision="needed"), NOTHING_KEPT))
    assert "a person has to decide" in undecided[-1]


def test_a_call_that_came_in_is_told_from_its_record_alone() -> None:
    record = {
        "call": "c1", "from": "+442079460000", "dialled": "100", "trunk": "pbx", "route": "shop",
        "started": 1.0, "bridged_at": 20.0, "ended_at": 60.0, "talk_s": 40.0,
        "cause": "caller hung up",
        "stays": [{"queue": "sales", "joined_at": 2.0}],
        "offers": [{"agent": "alice", "offered": 5.0, "answered": 19.0}],
        "legs": [{"leg": "leg-c", "role": "customer", "uri": "sip:x", "started": 1.0}],
    }  # fmt: skip
    told = texts(story_of_call({"call": "c1"}, record, NOTHING_KEPT))
    assert told == [
        "+442079460000 called 100 by the trunk pbx, and came in by the route shop.",
        "The customer called us.",
        "They waited in sales.",
        "alice was offered it.",
        "The two were joined.",
        "The SIP of this call is not kept any more.",
        "The call ended. Caller hung up.",
        "They talked for 40.0 s.",
    ]


@pytest.mark.parametrize(
    ("attestation", "words"),
    [
        ("A", "Their carrier attests the number (A)."),
        ("C", "Their carrier attests neither caller nor number (C)."),
        ("failed", "The signature of the number could not be verified."),
        ("none", "x called us."),
    ],
)
def test_whether_the_number_is_verified(attestation: str, words: str) -> None:
    record = {"call": "c1", "from": "x", "attestation": attestation, "started": 1.0}
    first, *_ = texts(story_of_call({"call": "c1"}, {**record, "ended_at": 2.0}, NOTHING_KEPT))
    assert first.endswith(words)


def test_a_call_that_is_up_is_told_from_its_trace() -> None:
    view = {"call": "c1", "from": "x", "started": 1.0, "ended_at": None, "legs": [leg()]}
    assert texts(story_of_call(view, {}, NOTHING_KEPT))[-1] == "The call is up."


def test_a_call_by_command_is_no_call_that_came_in() -> None:
    view = {
        "call": "c1", "direction": "outbound", "number": "+442079460000", "trunk": "pbx",
        "started": 1.0, "ended_at": 9.0,
        "legs": [leg(role="customer", uri="sip:+442079460000@pbx.example", started=1.0)],
    }  # fmt: skip
    told = texts(story_of_call(view, {}, NOTHING_KEPT))
    assert told[0] == "The engine called +442079460000 by the trunk pbx."
    assert told[1].startswith("The customer was called at sip:+442079460000@pbx.example")
    assert told[-1] == "The call ended."
    assert "called us" not in " ".join(told)


def test_whom_a_caller_is_transferred_to_has_not_called_us() -> None:
    view = {
        "call": "c1", "direction": "inbound", "from": "x", "started": 1.0, "ended_at": None,
        "legs": [leg(role="customer", leg="leg-1"), leg(role="customer", leg="leg-2")],
    }  # fmt: skip
    told = texts(story_of_call(view, {}, NOTHING_KEPT))
    assert sum("called us" in one for one in told) == 2  # of the call, and of its first leg
