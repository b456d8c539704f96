"""What the trace keeps of calls, of our own requests and of unknown sources, and its bounds."""

import gc
import tracemalloc

import pytest

from config.tracing import Trace as TraceSettings
from engine.trace.flow import MESSAGE_BYTES, TracedMessage
from engine.trace.trace import FOREIGN_BYTES, QUIET_S, Trace, messages_of
from tests.support.traces import (
    AGENT,
    CUSTOMER,
    OURS,
    STRANGER,
    AnyCall,
    leg,
    one_call,
    request,
    response,
    trace,
)

MIB = 1024 * 1024


def lines(kept: Trace, call_id: str) -> list[str]:
    """The first words of the messages with a Call-ID."""
    flow = kept.flow(call_id.encode())
    if flow is None:
        return []
    return [one.data.split(b" sip:")[0].split(b"\r")[0].decode() for one in flow.messages()]


class TestCompression:
    def test_the_messages_of_a_call_that_is_up_are_compressed_when_it_is_quiet(self) -> None:
        now = 1000.0
        called = []
        kept = Trace(clock=lambda: now, on_call=lambda: called.append(now))
        assert kept.fold_quiet(10) and not kept.has_unfolded
        for name in ("up", "over", "late"):
            kept.sent(request("INVITE", f"sip-{name}"), AGENT, OURS)
            kept.belongs(AnyCall(name), leg(f"leg-{name}", call_id=f"sip-{name}"))
            kept.received(response("200 OK", f"sip-{name}"), AGENT, OURS)
        assert called == [now] * 3
        kept.over("over")
        now += QUIET_S
        kept.received(response("200 OK", "sip-late"), AGENT, OURS)
        before = kept.size_bytes
        assert kept.fold_quiet(10) and kept.has_unfolded
        assert kept.size_bytes < before - 2 * MESSAGE_BYTES
        assert lines(kept, "sip-up") == lines(kept, "sip-over") == ["INVITE", "SIP/2.0 200 OK"]
        now += QUIET_S
        assert kept.fold_quiet(10) and not kept.has_unfolded
        for name in ("up", "over", "late"):
            kept.over(name)
        kept.configure(TraceSettings(keep_calls=0))
        assert kept.size_bytes == 0

    def test_no_more_are_compressed_at_once_than_are_asked_for(self) -> None:
        now = 1000.0
        kept = Trace(clock=lambda: now)
        for name in range(3):
            kept.belongs(AnyCall(f"c{name}"), leg(f"leg-{name}", call_id=f"sip-{name}"))
        now += QUIET_S
        assert [kept.fold_quiet(2), kept.has_unfolded] == [False, True]
        assert [kept.fold_quiet(2), kept.has_unfolded] == [True, False]


class TestCalls:
    def test_a_call_has_the_messages_of_its_legs_from_the_first_on(self) -> None:
        kept = trace()
        call = AnyCall("c1", "job-1")
        for role, peer in (("agent", AGENT), ("customer", CUSTOMER)):
            kept.sent(request("INVITE", f"sip-{role}"), peer, OURS)
            kept.belongs(call, leg(f"leg-{role}", role, call_id=f"sip-{role}"))  # type: ignore[arg-type]
            kept.received(response("180 Ringing", f"sip-{role}"), peer, OURS)
        found = kept.call("c1")
        assert found is not None and found.is_up
        assert [one.call_ids for one in found.legs] == [(b"sip-agent",), (b"sip-customer",)]
        assert lines(kept, "sip-agent") == ["INVITE", "SIP/2.0 180 Ringing"]
        assert kept.calls_of_job("job-1") == [found]
        assert kept.call_of_flow(b"sip-customer") is found

    def test_a_call_that_comes_in_has_the_invite_that_came_before_it_was_taken(self) -> None:
        kept = trace()
        kept.received(request("INVITE", "theirs"), STRANGER, OURS)
        kept.sent(response("100 Trying", "theirs"), STRANGER, OURS)
        assert kept.call_of_flow(b"theirs") is None
        kept.belongs(AnyCall("c1", direction="inbound"), leg(call_id="theirs"))
        kept.received(request("BYE", "theirs", cseq=2), STRANGER, OURS)
        assert lines(kept, "theirs") == ["INVITE", "SIP/2.0 100 Trying", "BYE"]

    def test_a_leg_has_the_dialog_of_each_try(self) -> None:
        kept = trace()
        call, record = AnyCall("c1"), leg()
        for one in ("try-1", "try-2"):
            kept.sent(request("INVITE", one), AGENT, OURS)
            record.call_id = one
            kept.belongs(call, record)
        found = kept.call("c1")
        assert found is not None and [one.call_ids for one in found.legs] == [(b"try-1", b"try-2")]
        flows = [flow for one in ("try-1", "try-2") if (flow := kept.flow(one.encode()))]
        assert [one.number for one in messages_of(reversed(flows))] == [1, 2]

    def test_a_borrowed_line_is_seen_by_the_call_and_stays_the_lines(self) -> None:
        kept = trace()
        line = AnyCall("line-1")
        kept.sent(request("INVITE", "line"), AGENT, OURS)
        kept.belongs(line, leg("line-1", call_id="line"))
        kept.belongs(AnyCall("c1"), leg("line-1", call_id="line"))
        owner = kept.call_of_flow(b"line")
        assert owner is not None and owner.id == "line-1"
        borrower = kept.call("c1")
        assert borrower is not None and borrower.legs[0].call_ids == (b"line",)
        kept.over("c1")
        kept.erase(lambda call: call.id == "c1")
        assert lines(kept, "line") == ["INVITE"]

    def test_what_is_said_of_a_call_is_what_held_at_its_end(self) -> None:
        kept = trace()
        call = AnyCall("c1", about={"number": "+442079460000", "context": {"site": "shop"}})
        kept.belongs(call, leg(call_id="s"))
        call.bridged_at = 5.0
        found = kept.call("c1")
        assert found is not None and (found.bridged_at, found.site) == (5.0, "shop")
        call.about = {"number": "+442079460000", "agent": "alice"}
        kept.over("c1")
        call.about = {}
        found = kept.call("c1")
        assert found is not None and not found.is_up and found.ended_at is not None
        assert found.about == {"number": "+442079460000", "agent": "alice"}

    def test_messages_after_the_end_are_kept_as_well(self) -> None:
        kept = trace()
        one_call(kept, "c1")
        kept.received(response("200 OK", "sip-c1", of="BYE", cseq=2), AGENT, OURS)
        assert lines(kept, "sip-c1")[-1] == "SIP/2.0 200 OK"

    @pytest.mark.parametrize("name", [b"i: ", b"CALL-ID : ", b"call-id:"])
    def test_the_call_id_is_found_however_it_is_spelled(self, name: bytes) -> None:
        kept = trace()
        kept.belongs(AnyCall("c1"), leg(call_id="mine"))
        kept.received(request("BYE", "mine").replace(b"Call-ID: ", name), AGENT, OURS)
        assert lines(kept, "mine") == ["BYE"]

    def test_a_call_id_in_a_body_is_none(self) -> None:
        kept = trace()
        kept.belongs(AnyCall("c1"), leg(call_id="mine"))
        body = b"\r\nCall-ID: mine\r\n\r\n"
        message = request("NOTIFY", "other", body=body).replace(b"Call-ID: other", b"i: other")
        kept.received(message, STRANGER, OURS)
        assert lines(kept, "mine") == []
        assert lines(kept, "other") == ["NOTIFY"]

    def test_secrets_are_masked_before_anything_is_kept(self) -> None:
        kept = trace()
        more = 'Authorization: Digest realm="r", response="5ec2e7"\r\n'
        kept.sent(request("REGISTER", "r", more=more), AGENT, OURS)
        flow = kept.flow(b"r")
        assert flow is not None and b"5ec2e7" not in flow.messages()[0].data


class TestBounds:
    def test_a_long_message_of_no_call_is_cut_off_and_one_of_a_call_is_not(self) -> None:
        kept = trace()
        kept.belongs(AnyCall("c1"), leg(call_id="mine"))
        for call_id in ("mine", "theirs"):
            kept.received(request("MESSAGE", call_id, body=b"x" * 50_000), STRANGER, OURS)
        kept.sent(request("MESSAGE", "ours", body=b"x" * 50_000), STRANGER, OURS)
        sizes = {}
        for call_id in ("mine", "theirs", "ours"):
            flow = kept.flow(call_id.encode())
            assert flow is not None
            sizes[call_id] = len(flow.messages()[0].data)
        assert sizes["mine"] > 50_000 and sizes["ours"] > 50_000
        assert FOREIGN_BYTES <= sizes["theirs"] <= FOREIGN_BYTES + 20

    def test_the_calls_that_ended_first_are_forgotten_first(self) -> None:
        kept = trace(keep_calls=3)
        up = AnyCall("up", "job-up")
        kept.sent(request("INVITE", "sip-up"), AGENT, OURS)
        kept.belongs(up, leg(call_id="sip-up"))
        for number in range(5):
            one_call(kept, f"c{number}", job=f"job-{number}")
        assert [name for name in ("up", "c0", "c2", "c3", "c4") if kept.call(name)] == [
            "up", "c3", "c4",
        ]  # fmt: skip
        assert kept.calls_of_job("job-0") == [] and kept.flow(b"sip-c0") is None

    def test_calls_that_are_up_are_forgotten_only_where_none_has_ended(self) -> None:
        kept = trace(keep_calls=2)
        for number in range(4):
            kept.belongs(AnyCall(f"c{number}"), leg(call_id=f"sip-{number}"))
        assert [n for n in range(4) if kept.call(f"c{n}")] == [2, 3]

    def test_the_bytes_of_all_calls_are_bounded(self) -> None:
        kept = trace(keep_calls=100_000, keep_mib=1.0)
        for number in range(400):
            one_call(kept, f"c{number}", size=5_000)
        assert kept.size_bytes <= MIB
        assert kept.call("c399") is not None and kept.call("c0") is None

    def test_one_call_without_an_end_does_not_push_out_the_others(self) -> None:
        kept = trace(keep_mib=4.0)
        one_call(kept, "before")
        kept.belongs(AnyCall("loud"), leg(call_id="endless"))
        for number in range(5_000):
            kept.received(request("INFO", "endless", cseq=number, body=b"x" * 3_000), AGENT, OURS)
        flow = kept.flow(b"endless")
        assert flow is not None and flow.dropped > 4_000
        assert flow.messages()[-1].number == kept.number
        assert kept.call("before") is not None

    def test_a_flood_of_unknown_sources_pushes_out_neither_calls_nor_registrations(self) -> None:
        kept = trace(keep_mib=2.0)
        one_call(kept, "c1")
        kept.sent(request("REGISTER", "ours"), AGENT, OURS)
        kept.received(response("200 OK", "ours", of="REGISTER"), AGENT, OURS)
        for number in range(20_000):
            kept.received(request("OPTIONS", f"flood-{number}", body=b"x" * 500), STRANGER, OURS)
        for _ in range(2_000):
            kept.received(request("OPTIONS", "same", body=b"x" * 20_000), STRANGER, OURS)
        assert kept.size_bytes <= 2 * MIB
        assert kept.call("c1") is not None
        assert len(lines(kept, "sip-c1")) == 3
        assert lines(kept, "ours") == ["REGISTER", "SIP/2.0 200 OK"]
        assert lines(kept, "flood-19999") == ["OPTIONS"] and lines(kept, "flood-0") == []

    def test_a_flood_without_a_call_id_is_bounded_too(self) -> None:
        kept = trace(keep_mib=1.0)
        for _ in range(500):
            kept.received(b"\x80" * 60_000, STRANGER, OURS)
        assert kept.size_bytes <= MIB

    def test_the_memory_that_it_takes_is_what_it_says(self) -> None:
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            kept = trace(keep_calls=100_000, keep_mib=1.0)
            for number in range(900):
                one_call(kept, f"call-{number:016x}", job=f"job-{number:016x}", size=300)
                kept.received(request("OPTIONS", f"flood-{number:032x}"), STRANGER, OURS)
            gc.collect()
            used = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert kept.call("call-0000000000000000") is None
        assert used <= MIB

    def test_a_smaller_bound_holds_at_once(self) -> None:
        kept = trace()
        for number in range(50):
            one_call(kept, f"c{number}", size=2_000)
        kept.configure(TraceSettings(keep_calls=10))
        assert [n for n in range(50) if kept.call(f"c{n}")] == list(range(40, 50))
        kept.configure(TraceSettings(keep_calls=0))
        assert not kept.is_on and kept.size_bytes == 0
        one_call(kept, "more")
        assert kept.call("more") is None

    def test_everything_is_given_back(self) -> None:
        kept = trace()
        for number in range(20):
            one_call(kept, f"c{number}", job="the same")
        assert kept.erase(lambda call: call.id != "c7") == 19
        assert [call.id for call in kept.calls_of_job("the same")] == ["c7"]
        assert kept.erase(lambda call: True) == 1
        assert kept.size_bytes == 0


class TestReading:
    def test_what_came_after_a_number_is_found_in_every_flow(self) -> None:
        kept = trace()
        one_call(kept, "c1")
        number = kept.number
        kept.sent(request("OPTIONS", "ping"), AGENT, OURS)
        kept.received(response("200 OK", "sip-c1", of="BYE"), AGENT, OURS)
        kept.received(request("INVITE", "foreign"), STRANGER, OURS)
        flows = list(kept.flows_after(number))
        found = sorted(one.number for flow in flows for one in flow.after(number))
        assert found == [number + 1, number + 2, number + 3]

    def test_the_next_message_wakes_who_waits(self) -> None:
        kept = trace()
        woken: list[int] = []
        kept.wait(lambda: woken.append(1))
        stop = kept.wait(lambda: woken.append(2))
        stop()
        kept.sent(request("OPTIONS", "ping"), AGENT, OURS)
        kept.sent(request("OPTIONS", "ping"), AGENT, OURS)
        assert woken == [1]
        stop()

    @pytest.mark.parametrize("keep_calls", [0, 10])
    def test_the_sink_hears_of_every_message_masked(self, keep_calls: int) -> None:
        heard: list[tuple[TracedMessage, bytes]] = []
        kept = trace(
            keep_calls=keep_calls, sink=lambda message, call_id: heard.append((message, call_id))
        )
        more = 'Authorization: Digest realm="r", response="5ec2e7"\r\n'
        kept.sent(request("INVITE", "one", more=more), AGENT, OURS)
        kept.received(b"garbage", STRANGER, OURS)
        assert [call_id for _, call_id in heard] == [b"one", b""]
        assert b"5ec2e7" not in heard[0][0].data and heard[0][0].is_sent
        assert heard[1][0].peer == STRANGER
