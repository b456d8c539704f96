"""What the trace remembers of a call besides its messages."""

from engine.trace.traced_call import CALL_BYTES, LEG_BYTES, Line, TracedCall, TracedLeg
from tests.support.traces import AnyCall, leg


def test_little_of_a_call_is_kept_and_its_context_is_not() -> None:
    about = {
        "from": "+442079460000", "number": "+442079460000", "dialled": "100", "queue": None,
        "context": {"site": "shop.example", "note": "x" * 10_000}, "joined_at": 5.0,
    }  # fmt: skip
    call = TracedCall(AnyCall("c1", about=about, direction="inbound"))
    assert call.about == {"from": "+442079460000", "number": "+442079460000", "dialled": "100"}
    assert call.site == "shop.example"


def test_a_leg_is_known_by_its_record_and_each_takes_memory() -> None:
    call, record = TracedCall(AnyCall("c1")), leg()
    assert call.leg_of(record) is None
    call.legs.append(TracedLeg(record))
    found = call.leg_of(record)
    assert found is not None and found.record is record
    assert call.leg_of(leg()) is None  # another one that says the same
    assert call.size_bytes == CALL_BYTES + LEG_BYTES


def test_the_line_of_an_agent_is_a_call_of_its_own() -> None:
    call = TracedCall(Line("line-1", "alice", 7.0))
    assert (call.id, call.job_id, call.started) == ("line-1", None, 7.0)
    assert call.about == {"agent": "alice"} and call.is_up
    call.end(9.0)
    assert not call.is_up and call.ended_at == 9.0
