"""A call as the protocol shows it, with the messages of its legs."""

from engine.job import AttemptRecord, Job, Request
from engine.trace.call_view import (
    Ending,
    call_view,
    customers_numbers,
    ending_of_attempt,
    messages_of_call,
    messages_of_flow,
    sentence,
)
from engine.trace.trace import Trace
from engine.trace.traced_call import Line, TracedCall
from tests.support.traces import (
    AGENT,
    CUSTOMER,
    OURS,
    STRANGER,
    AnyCall,
    leg,
    request,
    response,
    trace,
)

UP: Ending = {"result": None, "cause": None}


def job_with(call: str, **attempt: str) -> Job:
    """A job with one attempt."""
    return Job(
        id="job-1",
        request=Request(to="+442079460000", agent="alice", site="shop.example"),
        created=1.0,
        called="+442079460000",
        attempts=[AttemptRecord(call=call, **attempt)],  # type: ignore[arg-type]
    )


def two_legs(kept: Trace) -> TracedCall:
    """A call with an agent and a customer."""
    call = AnyCall("c1", "job-1")
    agent, customer = leg("leg-a", call_id="a"), leg("leg-c", "customer", call_id="c")
    kept.sent(request("INVITE", "a"), AGENT, OURS)
    kept.belongs(call, agent)
    kept.sent(request("INVITE", "a"), AGENT, OURS)
    kept.sent(request("INVITE", "c"), CUSTOMER, OURS)
    kept.belongs(call, customer)
    kept.received(response("200 OK", "a"), AGENT, OURS)
    found = kept.call("c1")
    assert found is not None
    return found


def test_the_messages_of_all_legs_are_in_order_each_with_its_leg() -> None:
    kept = trace()
    found = messages_of_call(kept, two_legs(kept))
    assert [(one["where"]["leg"], one["repetition"]) for one in found] == [
        ("leg-a", 0), ("leg-a", 1), ("leg-c", 0), ("leg-a", 0),
    ]  # fmt: skip


def test_a_call_of_a_job_says_whose_it_is_and_how_it_ended() -> None:
    kept = trace()
    call = two_legs(kept)
    job = job_with("c1", result="no_answer", cause="customer did not answer")
    kept.over("c1")
    view = call_view(kept, call, job, ending_of_attempt(call, job))
    assert (view["call"], view["job"], view["site"]) == ("c1", "job-1", "shop.example")
    assert view["number"] == "+442079460000" and view["agent"] == "alice"
    assert (view["result"], view["cause"]) == ("no_answer", "Customer did not answer.")
    assert view["messages"] == 4 and view["dropped"] == 0 and view["ended_at"] is not None
    assert ending_of_attempt(call, job_with("another")) == UP
    assert ending_of_attempt(call, None) == UP
    assert list(customers_numbers(call, job)) == ["+442079460000"]


def test_a_call_that_borrows_a_line_has_the_messages_of_its_own_time() -> None:
    kept = trace()
    line = leg("line-1", call_id="line")
    kept.sent(request("INVITE", "line"), AGENT, OURS)
    kept.belongs(Line("line-1", "alice", 0.0), line)
    borrowed = leg("line-1", call_id="line")
    borrowed.started = 1_000.6
    kept.belongs(AnyCall("c1"), borrowed)
    for _ in range(1_500):
        kept.sent(request("INFO", "line", cseq=2), AGENT, OURS)
    borrowed.ended = 1_001.0
    for _ in range(1_600):
        kept.received(request("INFO", "line", cseq=3), AGENT, OURS)
    call, owner = kept.call("c1"), kept.call("line-1")
    assert call is not None and owner is not None
    times = [one["message"].at for one in messages_of_call(kept, call)]
    assert times and min(times) >= 1_000.1 and max(times) <= 1_003.0
    assert len(messages_of_call(kept, owner)) > len(times)
    assert call_view(kept, call, None, UP)["messages"] == len(times)


def test_messages_of_no_call_are_found_by_their_call_id() -> None:
    kept = trace()
    kept.received(request("OPTIONS", "loose"), STRANGER, OURS)
    (found,) = messages_of_flow(kept, "loose")
    assert found["where"] == {"call": None, "leg": None}
    assert messages_of_flow(kept, "unknown") == []


def test_a_cause_becomes_a_sentence() -> None:
    assert sentence("customer hung up") == "Customer hung up."
    assert sentence("It is so.") == "It is so."
    assert sentence("") is None and sentence(None) is None
