"""Dialogs and INVITEs as they are kept, and back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.dialog.dialog import Dialog
from sip.dialog.save_restore import (
    original_text,
    restore_answer,
    restore_dialog,
    restore_request,
    save_dialog,
    save_invite,
    storable_text,
)
from sip.errors import ParseError
from sip.hop import Hop
from sip.message.message import Request, Response
from sip.message.uri import parse_uri
from sip.saved import SavedDialog, SavedInvite

HOP = Hop("udp", "192.0.2.2", 5060)


def invite() -> Request:
    return Request(
        "INVITE",
        parse_uri("sip:bob@192.0.2.2"),
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("Max-Forwards", "70"),
            ("Route", "<sip:192.0.2.8;lr>"),
            ("From", "<sip:alice@192.0.2.1>;tag=a"),
            ("To", "<sip:bob@192.0.2.2>"),
            ("Call-ID", "c"),
            ("CSeq", "3 INVITE"),
            ("Proxy-Authorization", 'Digest username="alice"'),
            ("Contact", "<sip:alice@192.0.2.1>"),
            ("X-Ringback-Context", "{}"),
        ],
        b"v=0\r\n",
    )


@given(st.binary(max_size=40))
def test_any_bytes_can_be_kept_as_json(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    kept = msgspec.json.decode(msgspec.json.encode(storable_text(text)), type=str)
    assert original_text(kept) == text


def test_a_dialog_comes_back_with_its_hop() -> None:
    dialog = Dialog(
        call_id="c",
        local="<sip:a@h>;tag=a",
        remote="<sip:b@h>;tag=b",
        remote_tag="b",
        target=parse_uri("sip:b@name.example"),
        routes=["<sip:192.0.2.8;lr>"],
        local_cseq=4,
        remote_cseq=9,
        fallback_hop=HOP,
    )
    dialog.hop = Hop("tcp", "192.0.2.77", 5099)
    body = msgspec.json.encode(save_dialog(dialog))
    again = restore_dialog("c", msgspec.json.decode(body, type=SavedDialog))
    for name in ("local", "remote", "remote_tag", "routes", "local_cseq", "remote_cseq", "hop"):
        assert getattr(again, name) == getattr(dialog, name)
    assert again.request("BYE", "v", []).encode() == dialog.request("BYE", "v", []).encode()


def test_an_invite_is_kept_without_what_is_not_repeated() -> None:
    saved = save_invite(invite(), HOP)
    assert "X-Ringback-Context" not in saved.head
    assert "v=0" not in saved.head
    again = restore_request(saved)
    assert again.via.branch == "z9hG4bK1"
    assert again.cseq.number == 3
    assert again.get_all("Route") == ["<sip:192.0.2.8;lr>"]
    assert again.get("Proxy-Authorization") == 'Digest username="alice"'
    assert restore_answer(saved) is None


def test_an_answer_is_kept_whole() -> None:
    response = Response(
        200,
        headers=[field for field in invite().headers() if field[0] != "Route"],
        body=b"v=0\r\n\xff",
    )
    again = restore_answer(save_invite(invite(), HOP, response.encode()))
    assert again == response


@pytest.mark.parametrize("head", ["", "SIP/2.0 200 OK\r\n\r\n", "nonsense"])
def test_what_is_no_invite_cannot_be_read(head: str) -> None:
    with pytest.raises(ParseError):
        restore_request(SavedInvite(head, HOP))


def test_what_is_no_answer_cannot_be_read() -> None:
    saved = save_invite(invite(), HOP)
    with pytest.raises(ParseError, match="not a response"):
        restore_answer(SavedInvite(saved.head, HOP, saved.head))
