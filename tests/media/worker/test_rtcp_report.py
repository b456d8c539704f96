"""The engine hears of RTCP reports where it wants to, and of no flood of them."""

from media.protocol.messages import Event, RtcpSeen
from media.protocol.rtcp_figures import RtcpBlock, RtcpSender
from media.rtp import rtcp
from media.worker.rtcp_report import RtcpTeller

PEER = ("192.0.2.10", 4001)
BLOCK = rtcp.ReportBlock(88, 12, -3, 1_000, 16, 4, 5)
SENDER = rtcp.SenderInfo(5 << 32, 1_600, 10, 1_600)


def test_a_report_is_told_with_all_that_it_says() -> None:
    told: list[Event] = []
    teller = RtcpTeller("leg-a", told.append)
    teller.tell(rtcp.report(77, SENDER, BLOCK), PEER, 10_001, 0.0, is_sent=True)
    teller.tell(rtcp.report(78, None, None), PEER, 10_001, 0.0, is_sent=False)
    assert told == [
        RtcpSeen(
            "leg-a", True, *PEER, 10_001, 77, RtcpSender(5 << 32, 1_600, 10, 1_600),
            (RtcpBlock(88, 12, -3, 1_000, 16, 4, 5),),
        ),
        RtcpSeen("leg-a", False, *PEER, 10_001, 78),
    ]  # fmt: skip


def test_many_reports_and_garbage_are_told_no_more_than_once_a_second() -> None:
    told: list[Event] = []
    teller = RtcpTeller("leg-a", told.append)
    teller.tell(b"garbage", PEER, 10_001, 0.0, is_sent=False)
    for step in range(300):
        teller.tell(rtcp.report(1, None, None), PEER, 10_001, step / 100, is_sent=False)
    assert len(told) == 3
