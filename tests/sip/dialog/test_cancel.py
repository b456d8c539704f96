"""The CANCEL of an INVITE (RFC 3261 section 9.1)."""

from sip.dialog.cancel import build_cancel
from sip.message.message import Request
from sip.message.uri import parse_uri


def test_it_repeats_what_identifies_the_invite() -> None:
    invite = Request(
        "INVITE",
        parse_uri("sip:bob@192.0.2.2"),
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("Route", "<sip:192.0.2.8;lr>"),
            ("Route", "<sip:192.0.2.7;lr>"),
            ("From", "<sip:alice@192.0.2.1>;tag=a"),
            ("To", "<sip:bob@192.0.2.2>"),
            ("Call-ID", "c"),
            ("CSeq", "3 INVITE"),
            ("Proxy-Authorization", "Digest"),
        ],
        b"v=0\r\n",
    )
    cancel = build_cancel(invite, "Ringback", "SIP;cause=408")
    assert cancel.uri == invite.uri
    for name in ("Via", "Route", "From", "To", "Call-ID"):
        assert cancel.get_all(name) == invite.get_all(name)
    assert (cancel.cseq.number, cancel.cseq.method) == (3, "CANCEL")
    assert cancel.get("Reason") == "SIP;cause=408"
    assert cancel.get("Proxy-Authorization") is None
    assert cancel.body == b""


def test_without_a_reason_it_has_no_such_header() -> None:
    invite = Request(
        "INVITE",
        parse_uri("sip:bob@192.0.2.2"),
        [("Call-ID", "c"), ("CSeq", "1 INVITE")],
    )
    assert build_cancel(invite, "Ringback", None).get("Reason") is None
