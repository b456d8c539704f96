"""What a collector gets, and that it costs nothing where it is not there."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from config.tracing import Trace as Settings
from engine.trace.hep_packet import MOST_PAYLOAD_BYTES
from engine.trace.hep_sender import HepSender, dialogs_of, fitted, rtcp_view
from media.protocol.messages import RtcpSeen
from media.protocol.rtcp_figures import RtcpBlock, RtcpSender
from sip.hop import Hop
from tests.support.hep import HepCollector
from tests.support.traces import AGENT, OURS, one_call, request, trace

REPORT = RtcpSeen(
    "leg-a", False, "192.0.2.10", 4001, 10_001, 77,
    RtcpSender((5 << 32) + (1 << 31), 1_600, 10, 1_600),
    (RtcpBlock(88, 12, 3, 1_000, 16, 4, 5),),
)  # fmt: skip


@pytest.fixture
def homer() -> Iterator[HepCollector]:
    """A collector that listens."""
    listening = HepCollector()
    yield listening
    listening.close()


def told(homer: HepCollector) -> HepSender:
    """What tells it."""
    password = SecretStr("hidden")
    settings = Settings(hep=homer.address, hep_id=42, hep_password=password)
    collector = HepSender(settings, media_host="192.0.2.1", clock=lambda: 9.5)
    assert collector.is_wanted
    collector.open()
    return collector


@pytest.mark.parametrize("keep_calls", [0, 10])
def test_each_message_is_told_masked_with_its_addresses(
    homer: HepCollector, keep_calls: int
) -> None:
    collector = told(homer)
    kept = trace(keep_calls=keep_calls, sink=collector.sip)
    more = 'Authorization: Digest realm="r", response="5ec2e7"\r\n'
    kept.sent(request("INVITE", "abc", more=more), AGENT, OURS)
    kept.received(request("BYE", "abc"), Hop("tls", "192.0.2.10", 5061), OURS)
    sent, received = homer.read()
    assert (sent.source, sent.target) == (OURS[1:3], AGENT[1:3])
    assert (received.source, received.target) == (("192.0.2.10", 5061), OURS[1:3])
    assert (sent.number(2), received.number(2)) == (17, 6)
    assert sent.correlation_id == received.correlation_id == "abc"
    assert sent.number(12) == 42 and sent.chunks[14] == b"hidden"
    assert b"5ec2e7" not in sent.payload and sent.payload.startswith(b"INVITE sip:")
    assert sent.at == pytest.approx(1_000.0, abs=0.1)
    collector.close()


def test_a_report_is_told_as_json(homer: HepCollector) -> None:
    collector = told(homer)
    collector.rtcp(REPORT, "abc")
    (packet,) = homer.read()
    assert packet.kind == 5 and packet.correlation_id == "abc" and packet.at == 9.5
    assert (packet.source, packet.target) == (("192.0.2.10", 4001), ("192.0.2.1", 10_001))
    assert packet.json == {
        "ssrc": 77,
        "type": 200,
        "report_count": 1,
        "report_blocks": [
            {"source_ssrc": 88, "fraction_lost": 12, "packets_lost": 3, "highest_seq_no": 1_000,
             "ia_jitter": 16, "lsr": 4, "dlsr": 5}
        ],
        "sender_information": {
            "ntp_timestamp_sec": 5, "ntp_timestamp_usec": 500_000, "rtp_timestamp": 1_600,
            "packets": 10, "octets": 1_600,
        },
    }  # fmt: skip
    receiver = msgspec.structs.replace(REPORT, sender=None, is_sent=True)
    assert rtcp_view(receiver)["type"] == 201
    collector.close()


def leg(call_id: str | None) -> dict[str, Any]:
    """A leg of a record."""
    return {"leg": "l", "call_id": call_id}


def test_a_record_is_told_once_for_each_of_its_dialogs(homer: HepCollector) -> None:
    collector = told(homer)
    attempts = [{"legs": [leg("a"), leg("b"), leg(None)]}, {"legs": [leg("a")]}]
    record = {"id": "order-17", "kind": "callback", "attempts": attempts}
    collector.record({"body": msgspec.json.encode(record)})
    call = {"id": "c1", "kind": "call", "attempts": [], "legs": [leg("c")]}
    collector.record({"body": msgspec.json.encode(call)})
    collector.record({"body": msgspec.json.encode({"id": "nobody", "attempts": []})})
    packets = homer.read()
    assert [packet.json["id"] for packet in packets] == ["order-17", "order-17", "c1", "nobody"]
    assert [packet.correlation_id for packet in packets[:3]] == ["a", "b", "c"]
    assert {packet.kind for packet in packets} == {100} and 17 not in packets[3].chunks
    collector.close()


def test_of_a_record_that_is_too_long_what_is_long_is_left_out() -> None:
    attempts = [{"legs": [leg("a" * 1_000)]}] * 10
    record = {"id": "order-17", "context": {"note": "x" * 70_000}, "attempts": attempts}
    kept = msgspec.json.decode(fitted(record))
    assert kept == {"id": "order-17", "attempts": attempts, "left_out": ["context"]}
    longer = record | {"notes": ["y" * 70_000], "cause": "busy"}
    assert len(fitted(longer)) <= MOST_PAYLOAD_BYTES
    assert list(dialogs_of(record)) == ["a" * 1_000]


def test_a_collector_that_is_down_costs_no_call_anything() -> None:
    gone = HepCollector()
    settings = Settings(hep=gone.address)
    gone.close()
    collector = HepSender(settings, media_host="192.0.2.1")
    collector.open()
    kept = trace(sink=collector.sip)
    for number in range(10):
        one_call(kept, f"c{number}")
    assert collector.dropped > 0 and kept.call("c9") is not None
    strange = Hop("udp", "no address", 5060)
    kept.received(request("OPTIONS", "x"), strange, OURS)
    collector.close()
    kept.sent(request("OPTIONS", "late"), AGENT, OURS)


def test_without_a_collector_nothing_is_told() -> None:
    collector = HepSender(Settings(), media_host="192.0.2.1")
    assert not collector.is_wanted
    collector.open()
    collector.rtcp(REPORT, "abc")
    collector.record({"body": b"{}"})
    assert collector.sent == collector.dropped == 0
    collector.close()
