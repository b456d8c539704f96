"""A row of the relay's table in plain Python. What both relays' rows do: test_packet_relay.py."""

from media.rtp.flow import Flow


def test_a_new_flow_expects_nothing_and_goes_nowhere() -> None:
    flow = Flow()
    assert (flow.expect, flow.out_fd, flow.failures) == (0, -1, 0)


def test_it_is_armed_and_disarmed() -> None:
    flow = Flow()
    flow.arm(7, 9)
    flow.heard_at, flow.failures = 1.5, 2
    assert flow.disarm() == (7, 1.5, 2, 0)
    assert flow.disarm() == (0, 1.5, 0, 0)


def test_srtp_is_not_expected() -> None:
    flow = Flow()
    flow.srtp_out = 1
    flow.arm(7, 9)
    assert flow.expect == 0
