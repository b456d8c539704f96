"""One-time tokens of web pages: what they are good for, and what they are not."""

import pytest

from engine.webrtc import page_tokens
from engine.webrtc.page_tokens import EXPIRES_S, PageCall, PageCalls
from sip.hop import Hop
from sip.message.message import Request
from sip.message.parser import parse

HERE, ELSEWHERE = Hop("wss", "192.0.2.7", 50000), Hop("wss", "192.0.2.7", 50001)
ORIGINS = {HERE: "https://shop.example", ELSEWHERE: "https://evil.example"}
CALL = PageCall(site="shop.example", queue="sales", origin="https://shop.example", context={})


def invite(token: str | None, call_id: str = "c1", *, replaces: bool = False) -> Request:
    shown = [] if token is None else [f"Authorization: Bearer {token}"]
    replaced = ["Replaces: c1;to-tag=1;from-tag=2"] if replaces else []
    lines = [
        "INVITE sip:ringback.invalid SIP/2.0", "Via: SIP/2.0/WSS x.invalid;branch=z9hG4bK1",
        "From: <sip:visitor@ringback.invalid>;tag=1", "To: <sip:ringback.invalid>",
        f"Call-ID: {call_id}", "CSeq: 1 INVITE", *shown, *replaced, "", "",
    ]  # fmt: skip
    request = parse("\r\n".join(lines).encode())
    assert isinstance(request, Request)
    return request


class Pages:
    """The tokens, and who has a call."""

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.calls = PageCalls(ORIGINS.__getitem__, lambda: self.up)

    def token(self, now: float = 0.0) -> str:
        token = self.calls.admit(CALL, now)
        assert token is not None
        return token


def test_a_token_begins_one_call_to_its_queue() -> None:
    pages = Pages()
    token = pages.token()
    assert pages.calls.may_call(invite(token), HERE, 1.0)
    peer = pages.calls.use(invite(token), HERE, 1.0)
    assert peer is not None and pages.calls.call_of(peer) is CALL
    assert token not in peer
    assert pages.calls.use(invite(token), HERE, 1.0) is None
    assert pages.calls.use(invite(token, "c2"), HERE, 1.0) is None


@pytest.mark.parametrize("shown", [None, "", "forged", "ünknown"])
def test_what_is_no_token_begins_nothing(shown: str | None) -> None:
    pages = Pages()
    pages.token()
    assert not pages.calls.may_call(invite(shown), HERE, 1.0)
    assert pages.calls.use(invite(shown), HERE, 1.0) is None
    assert pages.calls.call_of("page:forged") is None


def test_a_token_of_digest_is_none() -> None:
    pages = Pages()
    request = invite(None)
    request.set("Authorization", f'Digest username="{pages.token()}"')
    assert not pages.calls.may_call(request, HERE, 1.0)


def test_a_token_expires_and_is_of_no_use_from_another_site() -> None:
    pages = Pages()
    token = pages.token()
    assert not pages.calls.may_call(invite(token), ELSEWHERE, 1.0)
    assert pages.calls.may_call(invite(token), HERE, EXPIRES_S - 0.1)
    assert not pages.calls.may_call(invite(token), HERE, EXPIRES_S)


def test_the_page_takes_over_its_own_call_while_that_is_up() -> None:
    pages = Pages()
    token = pages.token()
    assert not pages.calls.may_call(invite(token, replaces=True), HERE, 1.0)
    peer = pages.calls.use(invite(token), HERE, 1.0)
    assert peer is not None
    pages.up.add(peer)
    later = 10 * EXPIRES_S
    pages.token(later)  # forgets what has expired
    assert pages.calls.use(invite(token, "c2", replaces=True), HERE, later) == peer
    assert pages.calls.use(invite(token, "c3"), HERE, later) is None
    pages.up.clear()
    assert not pages.calls.may_call(invite(token, replaces=True), HERE, later)
    pages.token(later)
    assert pages.calls.call_of(peer) is None


def test_no_more_tokens_than_some_wait_to_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_tokens, "MOST_UNUSED", 2)
    pages = Pages()
    first = pages.token()
    pages.token()
    assert pages.calls.admit(CALL, 1.0) is None
    pages.calls.use(invite(first), HERE, 1.0)
    assert pages.calls.admit(CALL, 1.0) is not None
    assert pages.calls.admit(CALL, EXPIRES_S + 1.0) is not None
